#!/usr/bin/python3
"""How fast a 200 MB archive comes in: whole, and after a cut, against curl and sha256sum of the same file.

Figures of one run on one machine only compare with others of the same run.
"""
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from archive_server import zipped  # noqa: E402

import zipfile  # noqa: E402

AGENT = os.path.abspath(os.environ.get("GONKA_AGENT", "./gonka-agent"))
PLUGINS = os.path.abspath(os.environ.get("GONKA_PLUGINS", "./plugins"))
SIZE = int(os.environ.get("BENCH_PRELOAD_MB", "200")) << 20
PROGRAM = r'#include <stdio.h>' "\n" r'int main(void) { puts("0.2.5"); return 0; }'
SERVER = r"""
import http.server, os, sys
path = sys.argv[1]
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        size = os.path.getsize(path)
        start = int(self.headers.get("Range", "bytes=0-")[6:].split("-")[0])
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.send_header("Content-Length", str(size - start))
        self.end_headers()
        with open(path, "rb") as file:
            self.wfile.flush()
            sent = start
            end = size // 2 if os.path.exists(path + ".cut") and not start else size
            while sent < end:
                sent += os.sendfile(self.connection.fileno(), file.fileno(), sent, end - sent)
        self.close_connection = True
    def log_message(self, *_what):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


def say(name, seconds, size):
    print(f"  {name:<52} {seconds:8.2f} s  {size / seconds / 1e6:8.0f} MB/s", flush=True)


def timed(words, accept=(0,)):
    began = time.monotonic()
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode in accept, done.stdout + done.stderr
    return time.monotonic() - began, done.stdout


def build(folder):
    """A program of some 200 MB, as the network's are, in a zip that is stored (so that sizes compare)."""
    source, program = os.path.join(folder, "p.c"), os.path.join(folder, "p")
    with open(source, "w", encoding="ascii") as out:
        out.write(PROGRAM)
    subprocess.run(["gcc", "-O1", "-o", program, source], check=True)
    with open(program, "rb") as file:
        return zipped([("inferenced", file.read() + os.urandom(SIZE))], zipfile.ZIP_STORED)


def host(folder):
    home = os.path.join(folder, "home")
    shutil.rmtree(home, ignore_errors=True)
    shutil.rmtree(os.path.join(folder, "state"), ignore_errors=True)
    os.makedirs(os.path.join(home, "cosmovisor"))
    work = os.path.join(folder, "work")
    shutil.rmtree(work, ignore_errors=True)
    os.mkdir(work, 0o700)
    manifest = os.path.join(folder, "manifest.yaml")
    with open(manifest, "w", encoding="utf-8") as out:
        out.write(f"agent: {{state_dir: {folder}/state, socket: {folder}/s, plugin_dir: {PLUGINS}}}\nplugins:\n"
                  f"  upgrade-preload: {{allow: [network], options: {{node_home: {home}, work_dir: {work}}}}}\n")
    return [AGENT, "run", "-c", manifest, "upgrade-preload", "preload", "name=v1"]


def main():
    folder = tempfile.mkdtemp()
    try:
        data = build(folder)
        path = os.path.join(folder, "a.zip")
        with open(path, "wb") as out:
            out.write(data)
        size, digest = len(data), hashlib.sha256(data).hexdigest()
        server = subprocess.Popen([sys.executable, "-c", SERVER, path], stdout=subprocess.PIPE)
        try:
            url = f"http://127.0.0.1:{int(server.stdout.readline())}/a.zip"
            info = "info=" + json.dumps({"binaries": {"any": f"{url}?checksum=sha256:{digest}"}})
            measure(folder, path, url, info, size)
        finally:
            server.kill()
            server.wait()
    finally:
        shutil.rmtree(folder)


def measure(folder, path, url, info, size):
    print(f"\nan archive of {size / 1e6:.0f} MB\n", flush=True)
    say("curl to a file", timed(["curl", "-s", "-o", path + ".copy", url])[0], size)
    say("sha256sum of that file", timed(["sha256sum", path + ".copy"])[0], size)
    os.unlink(path + ".copy")
    words = host(folder)
    say("preload: fetched, verified, unpacked, run, installed", timed([*words, info])[0], size)
    say("preload: looked at again, nothing to do", timed([*words, info])[0], size)
    words = host(folder)
    with open(path + ".cut", "w", encoding="ascii"):
        pass
    began = time.monotonic()
    subprocess.run([*words, info], capture_output=True, check=False)
    say("preload: cut in the middle", time.monotonic() - began, size / 2)
    resumed, out = timed([*words, "--json", info])
    found = json.loads(out)["result"]["programs"][0]
    assert found["resumed"] and found["fetched"] < size * 0.6, found
    say("preload: the rest, and all that follows", resumed, size)


if __name__ == "__main__":
    main()
