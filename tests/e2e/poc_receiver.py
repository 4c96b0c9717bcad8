#!/usr/bin/python3
"""Takes proofs as the API container does, in a process of its own: prints {"path", "body", "answered"} for each. Ends when
its standard input closes. Its arguments are the first answers' statuses; later ones are 200."""
import http.server
import json
import os
import sys
import threading

ANSWERS = [int(word) for word in sys.argv[1:]]


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):  # the server's name for it
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = ANSWERS.pop(0) if ANSWERS else 200
        answer = json.dumps({"message": "Received ProofBatch successfully"}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
        os.write(1, json.dumps({"path": self.path, "body": json.loads(body), "answered": status}).encode() + b"\n")

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
os.write(1, b"%d\n" % server.server_port)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
