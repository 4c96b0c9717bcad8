#!/usr/bin/python3
"""What chain-watch costs at one block a second: processor time and memory of its run. Part of `make bench`."""
import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from chain_client import ChainStandin  # noqa: E402

AGENT = os.path.abspath(os.environ.get("GONKA_AGENT", "./gonka-agent"))
PLUGINS = os.path.abspath(os.environ.get("GONKA_PLUGINS", "./run/plugins"))
WINDOW_S = float(os.environ.get("BENCH_WINDOW", "30"))
TICK = os.sysconf("SC_CLK_TCK")


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def pss_mib(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) / 1024


def metrics(manifest):
    answer = subprocess.run([AGENT, "status", "--json", "-c", manifest], check=True, capture_output=True, text=True)
    return json.loads(answer.stdout)["plugins"][0]["metrics"]


def main():
    with tempfile.TemporaryDirectory() as folder, ChainStandin(nodes=4, time=time.time()) as chain:
        chain.do("block_seconds", seconds=1)
        chain.do("run", blocks_per_second=1, real_time=True)
        options = {"node": chain.nodes[0]["proxy"], "sources": [node["proxy"] for node in chain.nodes[1:]],
                   "chain_id": chain.chain_id}
        manifest = os.path.join(folder, "manifest.yaml")
        with open(manifest, "w", encoding="utf-8") as out:
            out.write(f"agent: {{state_dir: {folder}/state, socket: {folder}/control.sock}}\n"
                      f"plugins:\n  chain-watch: {{options: {json.dumps(options)}}}\n")
        with open(os.path.join(folder, "log"), "wb") as log:
            daemon = subprocess.Popen([AGENT, "daemon", "-c", manifest, "--plugin-dir", PLUGINS], stdout=log, stderr=log)
        try:
            time.sleep(10)  # what is asked once has been asked
            run = children(daemon.pid)[0]
            height, before, begun = metrics(manifest)["height"], cpu_s(run), time.monotonic()
            time.sleep(WINDOW_S)
            share = (cpu_s(run) - before) / (time.monotonic() - begun)
            seen = metrics(manifest)["height"] - height
            if seen < WINDOW_S / 2:
                sys.exit(f"it did not follow: {seen:.0f} blocks seen in {WINDOW_S:.0f} s")
            print(f"chain-watch at one block a second, {seen:.0f} seen in {WINDOW_S:.0f} s: "
                  f"{share * 100:.2f} % of a core (target 0.2), PSS {pss_mib(run):.1f} MiB (target 6), "
                  f"processor time to the tick of {1 / TICK * 1000:.0f} ms")
        finally:
            daemon.terminate()
            daemon.wait()


if __name__ == "__main__":
    main()
