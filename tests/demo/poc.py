"""A proof of compute on the demo host: a small model, asked for as the API container asks, with a callback of its own.

    poc.py receive FILE                   listen on a free port of the loopback: its number, then each posted batch, is a
                                          line of FILE; runs until it is killed
    poc.py port                           a free port of the loopback
    poc.py prove WORKER FILE COMMAND...   ask the worker (a URL) to generate, wait for its first batch in FILE, have
                                          `COMMAND... --json` (gonka-agent run poc-worker distances) compute some of its
                                          nonces anew, stop the worker; 1 when something is not as it should be
"""
import http.server
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request

MODEL = {"dim": 64, "n_layers": 2, "n_heads": 4, "n_kv_heads": 4, "vocab_size": 128, "ffn_dim_multiplier": 1.0,
         "multiple_of": 32, "norm_eps": 1e-5, "rope_theta": 10000.0, "use_scaled_rope": False, "seq_len": 16}
BLOCK_HASH = "demo block"
PUBLIC_KEY = "demo key"
TARGET = 1.39
SAMPLE = 4
WAIT_S = 120


class Callback(http.server.BaseHTTPRequestHandler):
    """Takes batches as the API container does."""

    out = None

    def do_POST(self):  # the server's name for it
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
        line(self.out, json.dumps({"path": self.path, **body}))

    def log_message(self, *_):
        pass


def line(out, text):
    out.write(text + "\n")
    out.flush()


def receive(path):
    with open(path, "w", encoding="utf-8") as Callback.out, \
            http.server.HTTPServer(("127.0.0.1", 0), Callback) as server:
        line(Callback.out, str(server.server_port))
        server.serve_forever()


def ask(worker, path, body=None):
    """The worker's answer to a request; like the API container, without a Content-Type."""
    request = urllib.request.Request(worker + path, data=json.dumps(body or {}).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        return [text for text in file if text.endswith("\n")]


def first_batch(path):
    """The first that was posted to .../generated."""
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        for text in lines_of(path)[1:]:
            batch = json.loads(text)
            if batch["path"] == "/generated":
                return batch
        time.sleep(0.05)
    raise SystemExit(f"no proof was posted within {WAIT_S} s")


def computed_anew(command, nonces):
    words = [f"params={json.dumps(MODEL)}", f"block_hash={BLOCK_HASH}", f"public_key={PUBLIC_KEY}", "device=plain",
             "nonces=" + ",".join(map(str, nonces)), "--json"]
    done = subprocess.run([*command, *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"the distances could not be computed anew:\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout)["result"]["dist"]


def prove(worker, path, command):
    request = {"node_id": 0, "node_count": 1, "block_hash": BLOCK_HASH, "block_height": 100, "public_key": PUBLIC_KEY,
               "batch_size": 1, "r_target": TARGET, "fraud_threshold": 0.01, "params": MODEL,
               "url": f"http://127.0.0.1:{int(lines_of(path)[0])}"}
    print(f"POST {worker}/api/v1/pow/init/generate\n{json.dumps(request)}")
    print(json.dumps(ask(worker, "/api/v1/pow/init/generate", request)))
    batch = first_batch(path)
    nonces, dist = batch["nonces"][:SAMPLE], batch["dist"][:SAMPLE]
    print(f"\nposted to the callback: {len(batch['nonces'])} proofs with a distance below {TARGET}\n")
    print(f"{'nonce':>8}{'distance':>18}{'computed anew':>18}")
    anew = computed_anew(command, nonces)
    for row in zip(nonces, dist, anew):
        print("{:>8}{:>18.9f}{:>18.9f}".format(*row))
    ask(worker, "/api/v1/stop")
    good = all(one < TARGET for one in batch["dist"]) and all(abs(a - b) < 2e-5 for a, b in zip(dist, anew))
    print("each is below the target, and the same again" if good else "THIS IS NOT AS IT SHOULD BE")
    return 0 if good else 1


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main(words):
    if words[:1] == ["receive"] and len(words) == 2:
        receive(words[1])
    elif words == ["port"]:
        print(free_port())
    elif words[:1] == ["prove"] and len(words) > 3:
        return prove(words[1], words[2], words[3:])
    else:
        sys.stderr.write(__doc__)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
