#!/usr/bin/python3
"""Docker's API on a Unix socket, in a process of its own: one container's state and log. Ends when its standard input
closes.

Arguments: the socket's path, and a file of JSON that is read anew for each request:
  name      of the container
  running, restarting
  up_s      how long it has been up
  log       lines that it wrote
  paused    is it? POST of .../pause and .../unpause change that in the file
  pauses    false: what pauses or unpauses it is answered with 500
  status    instead of any answer: this HTTP status
"""
import http.server
import json
import os
import socketserver
import struct
import sys
import threading
import time
import urllib.parse


class Handler(http.server.BaseHTTPRequestHandler):
    """GET of /v1.NN/containers/NAME/json and /logs, POST of /pause and /unpause."""

    def log_message(self, *_words):
        """Nothing."""

    def address_string(self):
        return "unix"

    def do_GET(self):
        with open(sys.argv[2], encoding="utf-8") as file:
            config = json.load(file)
        parts = urllib.parse.urlsplit(self.path).path.strip("/").split("/")
        if "status" in config:
            self.answer(config["status"], b'{"message":"server error"}')
        elif len(parts) != 4 or parts[1] != "containers" or parts[2] != config.get("name", "tmkms"):
            self.answer(404, b'{"message":"No such container"}')
        elif parts[3] == "json":
            started = time.strftime("%Y-%m-%dT%H:%M:%S.123456789Z", time.gmtime(time.time() - config.get("up_s", 3600)))
            state = {"Running": config.get("running", True), "Restarting": config.get("restarting", False),
                     "Paused": config.get("paused", False),
                     "StartedAt": started}
            self.answer(200, json.dumps({"Name": "/" + parts[2], "State": state}).encode())
        elif parts[3] == "logs":
            self.answer(200, b"".join(struct.pack(">BxxxI", 1, len(line) + 1) + line.encode() + b"\n"
                                      for line in config.get("log", [])))
        else:
            self.answer(404, b'{"message":"page not found"}')

    def do_POST(self):
        with open(sys.argv[2], encoding="utf-8") as file:
            config = json.load(file)
        parts = urllib.parse.urlsplit(self.path).path.strip("/").split("/")
        if len(parts) != 4 or parts[1] != "containers" or parts[2] != config.get("name", "tmkms"):
            self.answer(404, b'{"message":"No such container"}')
        elif not config.get("pauses", True) or config.get("paused", False) == (parts[3] == "pause"):
            self.answer(500, b'{"message":"cannot do that"}')
        else:
            config["paused"] = parts[3] == "pause"
            with open(sys.argv[2] + ".new", "w", encoding="utf-8") as out:
                json.dump(config, out)
            os.rename(sys.argv[2] + ".new", sys.argv[2])
            self.answer(204, b"")

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def main():
    server = Server(sys.argv[1], Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)


main()
