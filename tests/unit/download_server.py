#!/usr/bin/python3
"""A host of one file that misbehaves on demand, for test_kit_download: prints its port and the file's sha256, ends when
its standard input closes."""
import hashlib
import http.server
import sys
import threading

DATA = b"abcdefghijklmnopqrstuvwxyz" * 4000
PIECE = len(DATA) // 4
END = threading.Event()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        manner = self.path.lstrip("/")
        start = int(self.headers.get("Range", "bytes=0-")[6:].split("-")[0])
        if manner == "no_ranges":
            start = 0
        if manner.startswith("status/"):
            return self.reply(int(manner[7:]), {"Content-Length": "5"}, b"words")
        places = {"elsewhere": f"http://localhost:{self.server.server_port}/good", "round": "/round",
                  "ftp": "ftp://127.0.0.1/x"}
        if manner in places:
            return self.reply(302, {"Location": places[manner], "Content-Length": "0"}, b"")
        if start and start >= len(DATA):
            return self.reply(416, {"Content-Length": "0"}, b"")
        return self.send(manner, start, DATA[start:])

    def send(self, manner, start, body):
        headers = {} if manner == "endless" else {"Content-Length": str(len(body))}
        if start and manner != "range_silent":
            said = start + (1 if manner == "range_lie" else 0)
            headers["Content-Range"] = f"bytes {said}-{len(DATA) - 1}/{len(DATA)}"
        if start and manner == "range_garbage":
            body = bytes(len(body))
        if manner == "cut":
            body = body[:PIECE]
        if manner == "asleep":
            body = body[:26]
        self.reply(206 if start else 200, headers, body)
        if manner == "asleep":
            self.wfile.flush()
            END.wait()

    def reply(self, status, headers, body):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass

    def log_message(self, *_what):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, hashlib.sha256(DATA).hexdigest(), flush=True)
sys.stdin.read()
END.set()
