#!/usr/bin/python3
"""A machine-learning node that proves nothing of its own, in a process of its own: it posts nonces and distances of a file
of vectors to whom the request names. Prints a JSON line for each request. Ends when its standard input closes.

Its argument is JSON:
  state     the state it begins in (STOPPED)
  nonces, dist   what it "computes"; those of its node_id are posted
  state_status   status of the answer to the question for its state (200)
  model     "broken": inference does not begin, which is told with status 200
  init      status of the answer to init/generate (200)
  after     its state once the request was taken (POW)
  fault     what is wrong with what it posts: silent, distance, target, sequence, skip, key, block, rubbish, twice,
          path: it posts where nobody listens; dies: it answers nothing any more once it has taken the request;
          half: it posts the first half and no more
  status    its status once it was asked to generate (GENERATING)
  built     is its model there, answers in their order (true); the last one goes on
  old       a URL that it still posts something to
  slow      seconds until it answers that it stops
"""
import http.server
import json
import os
import sys
import threading
import time
import urllib.request

CONFIG = json.loads(sys.argv[1])
PATH = "/v1/generate" if CONFIG.get("fault") == "path" else "/generated"


class Node:
    state = CONFIG.get("state", "STOPPED")
    poster = None
    built = CONFIG.get("built", [True])


def batches(request):
    """What is posted, the first half and the second."""
    fault = CONFIG.get("fault")
    mine = [(nonce, dist) for nonce, dist in zip(CONFIG["nonces"], CONFIG["dist"])
            if nonce % request["node_count"] == request["node_id"] % request["node_count"] or fault == "sequence"]
    if fault == "distance":
        mine = [(nonce, dist + 0.01) for nonce, dist in mine]
    elif fault == "target":
        mine = [(nonce, request["r_target"]) for nonce, _ in mine]
    elif fault == "skip":
        mine = [(nonce + 1000 * i * request["node_count"], dist) for i, (nonce, dist) in enumerate(mine)]
    body = {"public_key": "02" + 64 * "b" if fault == "key" else request["public_key"],
            "block_hash": "OTHER" if fault == "block" else request["block_hash"], "block_height": request["block_height"]}
    half = len(mine) // 2
    if fault == "half":
        mine = mine[:half]
        half = len(mine)
    for part in (mine, mine) if fault == "twice" else filter(None, (mine[:half], mine[half:])):
        yield {**body, "nonces": [nonce for nonce, _ in part], "dist": [dist for _, dist in part],
               "node_id": request["node_id"]}


def post(request):
    if "old" in CONFIG:
        old = json.dumps({"public_key": "02" + 64 * "c", "block_hash": "EARLIER", "block_height": 1, "nonces": [1], "dist": [1.0],
                          "node_id": 0}).encode()
        with urllib.request.urlopen(urllib.request.Request(CONFIG["old"] + PATH, data=old), timeout=10):
            pass
    for body in () if CONFIG.get("fault") == "silent" else batches(request):
        text = b"<html>504</html>" if CONFIG.get("fault") == "rubbish" else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(request["url"] + PATH, data=text), timeout=10):
                pass
        except OSError as error:  # the rehearsal is over
            os.write(2, f"{error}\n".encode())


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_words):
        """Nothing."""

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        if self.path == "/api/v1/state" and "state_status" in CONFIG:
            self.answer(CONFIG["state_status"], {"detail": "Multiple services detected."})
        elif self.path == "/api/v1/state":
            self.answer(200, {"state": Node.state})
        elif Node.state == "POW":
            self.answer(200, {"status": CONFIG.get("status", "GENERATING"), "is_model_initialized": Node.built.pop(0) if len(Node.built) > 1 else Node.built[0]})
        else:
            self.answer(200, {"status": "NOT_LOADED"})

    def do_POST(self):
        text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        os.write(1, json.dumps({"path": self.path, "body": text.decode()}).encode() + b"\n")
        if self.path == "/api/v1/stop":
            time.sleep(CONFIG.get("slow", 0))
            Node.state = "STOPPED"
            self.answer(200, {"status": "OK"})
        elif self.path == "/api/v1/inference/up":
            Node.state = "STOPPED" if CONFIG.get("model") == "broken" else "INFERENCE"
            self.answer(200, {"status": "OK"} if Node.state == "INFERENCE" else {"status": "ERROR", "message": "no weights"})
        elif CONFIG.get("init", 200) != 200:
            Node.state = CONFIG.get("after", Node.state)
            self.answer(CONFIG["init"], {"detail": f"no, says {CONFIG['init']}"})
        else:
            Node.state = CONFIG.get("after", "POW")
            self.answer(200, {"status": "OK", "pow_status": {"status": "GENERATING", "is_model_initialized": False}})
            if CONFIG.get("fault") == "dies":
                server.socket.close()
                return
            Node.poster = threading.Thread(target=post, args=(json.loads(text),), daemon=True)
            Node.poster.start()


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
os.write(1, b"%d\n" % server.server_port)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
os._exit(0)
