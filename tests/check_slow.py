#!/usr/bin/python3
"""The network's distances of its large models, V1 and V2, on the first path of this machine's first device: within 5e-5, and how
long they took; and the memory of all processes together, at most 6 GiB. Run by `make check-slow`; no part of ./check, since on two
cores a nonce of V2 takes a minute. CHECK_SLOW_V2 says how many nonces of V2 (1), CHECK_SLOW_MODELS which models (v1,v2).
"""
import json
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
AGENT = os.path.abspath(os.environ.get("GONKA_AGENT", "./gonka-agent"))
PLUGINS = os.path.abspath(os.environ.get("GONKA_PLUGINS", "./run/plugins"))
MODELS = os.environ.get("CHECK_SLOW_MODELS", "v1,v2").split(",")
NONCES = {"v1": None, "v2": int(os.environ.get("CHECK_SLOW_V2", "1"))}  # None: all that are known
TOLERANCE = 5e-5
MEMORY = 6 << 30  # bytes
LOOK_S = 0.25


def memory_of(pid):
    """Bytes of a process and all below it; what several share counts once."""
    total = 0
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            total = next(int(line.split()[1]) << 10 for line in file if line.startswith("Pss:"))
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            total += sum(memory_of(int(child)) for child in file.read().split())
    except (OSError, StopIteration):
        pass  # it has just ended
    return total


def watched(words):
    """A command's answer, and the most memory that it was seen to have."""
    most = 0
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while True:
            try:
                out, err = process.communicate(timeout=LOOK_S)
                return subprocess.CompletedProcess(words, process.returncode, out, err), most
            except subprocess.TimeoutExpired:
                most = max(most, memory_of(process.pid))


def distances(folder, model, vectors, nonces):
    """What the worker computes, and the memory that it took."""
    manifest = os.path.join(folder, "manifest.yaml")
    with open(manifest, "w", encoding="utf-8") as out:
        out.write(f"agent: {{state_dir: {folder}/state}}\nplugins: {{poc-worker: {{allow: [gpu]}}}}\n")
    done, memory = watched([AGENT, "run", "poc-worker", "distances", f"params={model}", f"block_hash={vectors['block_hash']}",
                            f"public_key={vectors['public_key']}", f"nonces={','.join(map(str, nonces))}",
                            "-c", manifest, "--plugin-dir", PLUGINS, "--json"])
    if done.returncode != 0:
        raise SystemExit(f"{model}: the worker failed: {done.stderr[-2000:]}{done.stdout[-2000:]}")
    return json.loads(done.stdout)["result"], memory


def check(folder, model):
    """Are the model's distances as the network's reference computed them?"""
    with open(os.path.join(HERE, "vectors/poc", f"distances_{model}.json"), encoding="utf-8") as file:
        vectors = json.load(file)[0]
    nonces = vectors["nonces"][:NONCES[model]]
    begun = time.monotonic()
    got, memory = distances(folder, model, vectors, nonces)
    took = time.monotonic() - begun
    if got["nonces"] != nonces:
        raise SystemExit(f"{model}: asked for nonces {nonces}, got {got['nonces']}")
    off = [abs(mine - theirs) for mine, theirs in zip(got["dist"], vectors["dist"][:len(nonces)], strict=True)]
    is_right = all(distance <= TOLERANCE for distance in off) and 0 < memory <= MEMORY  # not so for NaN
    print(f"{'ok' if is_right else 'WRONG'}  {model}: {len(nonces)} of {len(vectors['nonces'])} known nonces on {got['device']}, furthest "
          f"off {max(off):.1e} of at most {TOLERANCE:.0e}; {got['seconds']:.1f} s of computing, {took:.1f} s with start and pool; "
          f"{memory / 2**30:.2f} GiB of memory of at most {MEMORY / 2**30:.0f}", flush=True)
    return is_right


def main():
    with tempfile.TemporaryDirectory() as folder:
        return 0 if all([check(folder, model) for model in MODELS]) else 1


if __name__ == "__main__":
    sys.exit(main())
