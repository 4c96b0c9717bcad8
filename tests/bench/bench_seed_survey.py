#!/usr/bin/python3
"""How long a survey of 500 candidates takes, a third of them dead, and how much memory it needs.

The dead are closed ports and ports that take connections and never answer, half and half. Run by hand:
  GONKA_AGENT=build/gonka-agent GONKA_PLUGINS=FOLDER tests/bench/bench_seed_survey.py
Ends with 1 when it took longer than the limit, or a verdict is wrong.
"""
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from chain_client import ChainStandin  # noqa: E402

AGENT = os.path.abspath(os.environ.get("GONKA_AGENT", "./gonka-agent"))
PLUGINS = os.path.abspath(os.environ.get("GONKA_PLUGINS", "./plugins"))
CANDIDATES = 500
DEAD = CANDIDATES // 3
LIMIT_S = 15.0


def closed_port():
    """One that nobody listens at, and that nobody else gets as long as the socket is kept."""
    kept = socket.socket()
    kept.bind(("127.0.0.1", 0))
    return kept


def blackhole():
    """Takes connections and never answers."""
    return socket.create_server(("127.0.0.1", 0), backlog=64)


def manifest(folder, chain, candidates):
    options = {"node": chain.nodes[0]["proxy"], "sources": [node["proxy"] for node in chain.nodes[1:4]],
               "candidates": candidates, "use_public_list": False, "learn": False}
    path = os.path.join(folder, "manifest.yaml")
    with open(path, "w", encoding="utf-8") as out:
        out.write(f"agent:\n  state_dir: {folder}/state\n  socket: {folder}/control.sock\n  plugin_dir: {PLUGINS}\n"
                  f"plugins:\n  seed-manager: {{allow: [network], options: {json.dumps(options)}}}\n")
    return path


def main():
    closed = [closed_port() for _ in range(DEAD // 2)]
    silent = [blackhole() for _ in range(DEAD - len(closed))]
    with tempfile.TemporaryDirectory() as folder, ChainStandin(nodes=CANDIDATES - DEAD + 1) as chain:
        dead = [f"http://127.0.0.1:{door.getsockname()[1]}" for door in closed + silent]
        alive = [node["proxy"] for node in chain.nodes[1:]]
        path = manifest(folder, chain, [entry for pair in zip(alive, dead) for entry in pair] + alive[len(dead):])
        began = time.monotonic()
        done = subprocess.run([AGENT, "run", "-c", path, "seed-manager", "survey", "--json"], capture_output=True,
                              text=True, timeout=200, check=False)
        took_s = time.monotonic() - began
        peak_mib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    if not done.stdout:
        print(done.stderr)
        return 1
    result = json.loads(done.stdout)["result"]
    print(f"{result['candidates']} candidates, {len(dead)} dead: {result['healthy']} healthy, {result['unclear']} "
          f"unclear, {result['sick']} sick in {took_s:.1f} s (limit {LIMIT_S:.0f} s), at most {peak_mib:.0f} MiB")
    right = (result["candidates"], result["healthy"], result["sick"]) == (CANDIDATES, CANDIDATES - DEAD, DEAD)
    return 0 if right and took_s < LIMIT_S else 1


if __name__ == "__main__":
    sys.exit(main())
