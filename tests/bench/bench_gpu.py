#!/usr/bin/python3
"""The proof of compute on a graphics card: the network's V2 vectors on every path, and V2 against PyTorch in half precision
on the same card, in turns, in one run. Run by tests/bench/gpu.sh where a card is; PyTorch is whatever the python that runs this
has.

PyTorch does the same forward with weights that are there already (a worker makes them from a pool of numbers), eagerly, with
its own fused attention or without: the faster one counts.
"""
import json
import math
import os
import subprocess
import sys
import tempfile
import time

from bench_poc import AGENT, PLUGINS, say
from torch_shapes import V2_LAYERS, ffn_of

SECONDS = float(os.environ.get("BENCH_GPU_SECONDS", "10"))
VECTORS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../vectors/poc")
TOLERANCE = 5e-5
TURNS = int(os.environ.get("BENCH_GPU_TURNS", "2"))
LAYERS = int(os.environ.get("BENCH_GPU_LAYERS", "64"))
BATCHES = [int(batch) for batch in os.environ.get("BENCH_GPU_BATCHES", "64").split(",")]


class Torch:
    """The forward pass with PyTorch's operations in half precision; RMSNorm in binary32, as numerics demand."""

    def __init__(self, params, torch):
        self.torch, self.params = torch, params
        dim, ffn = params["dim"], ffn_of(params)
        shapes = {"q": (dim, dim), "k": (dim, dim), "v": (dim, dim), "o": (dim, dim), "gate": (ffn, dim),
                  "up": (ffn, dim), "down": (dim, ffn)}
        self.layers = [{name: self.half(*shape) for name, shape in shapes.items()} for _ in range(params["n_layers"])]
        self.output = self.half(params["vocab_size"], dim)
        head = dim // params["n_heads"]
        angles = torch.outer(torch.arange(params["seq_len"]).float(),
                             params["rope_theta"] ** (-torch.arange(0, head, 2).float() / head))
        self.cos, self.sin = (part.half().cuda()[None, :, None, :] for part in (angles.cos(), angles.sin()))
        self.mask = torch.full((params["seq_len"], params["seq_len"]), -math.inf).triu(1).half().cuda()

    def half(self, *shape):
        return (self.torch.randn(*shape, device="cuda") * 0.02).half()

    def norm(self, x):
        wide = x.float()
        return (wide * self.torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.params["norm_eps"])).half()

    def rotate(self, x):
        even, odd = x[..., 0::2], x[..., 1::2]
        return self.torch.stack((even * self.cos - odd * self.sin, even * self.sin + odd * self.cos), -1).flatten(3)

    def attend(self, q, k, v, fused):
        if fused:
            return self.torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[-1]) + self.mask
        return scores.float().softmax(-1).half() @ v

    def forward(self, x, fused):
        linear, silu = self.torch.nn.functional.linear, self.torch.nn.functional.silu
        batch, length, dim = x.shape
        heads = self.params["n_heads"]
        for layer in self.layers:
            n = self.norm(x)
            q, k, v = (linear(n, layer[name]).view(batch, length, heads, dim // heads) for name in "qkv")
            mixed = self.attend(self.rotate(q).transpose(1, 2), self.rotate(k).transpose(1, 2), v.transpose(1, 2), fused)
            x = x + linear(mixed.transpose(1, 2).reshape(batch, length, dim), layer["o"])
            n = self.norm(x)
            x = x + linear(silu(linear(n, layer["gate"])) * linear(n, layer["up"]), layer["down"])
        return linear(self.norm(x[:, -1]), self.output)

    def nonces_per_second(self, batch, fused):
        x = self.torch.randn(batch, self.params["seq_len"], self.params["dim"], device="cuda").half()
        with self.torch.no_grad():
            for _ in range(2):
                self.forward(x, fused)
            self.torch.cuda.synchronize()
            begun, done = time.monotonic(), 0
            while time.monotonic() - begun < SECONDS / 4:
                self.forward(x, fused)
                self.torch.cuda.synchronize()
                done += batch
            return done / (time.monotonic() - begun)


def run(folder, task, *args):
    """What a task of the worker reports."""
    manifest = os.path.join(folder, "manifest.yaml")
    with open(manifest, "w", encoding="utf-8") as out:
        out.write(f"agent: {{state_dir: {folder}/state}}\nplugins: {{poc-worker: {{allow: [gpu]}}}}\n")
    done = subprocess.run([AGENT, "run", "poc-worker", task, *args, "-c", manifest, "--plugin-dir", PLUGINS, "--json"],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{task} failed: {done.stderr[-2000:]}{done.stdout[-2000:]}")
    return json.loads(done.stdout)["result"]


def card(folder):
    """The first device that is no test driver's."""
    devices = run(folder, "devices")["devices"]
    for device in devices:
        if not device["test_only"]:
            print(f"{device['name']}, driver {device['driver']}, {device['memory'] / 1e9:.0f} GB: {device['paths']}", flush=True)
            if "passed" not in device["paths"].values():
                raise SystemExit("no path computes right on it")
            return device
    raise SystemExit(f"no card among {[device['name'] for device in devices]}")


def check_vectors(folder, device, name):
    """The reference's distances with V1 or V2, on every path that passed the self-test; how many paths are further off than may
    be."""
    with open(os.path.join(VECTORS, f"distances_{name}.json"), encoding="utf-8") as file:
        vectors = json.load(file)[0]
    wrong = 0
    for path in (path for path, state in device["paths"].items() if state == "passed"):
        begun = time.monotonic()
        got = run(folder, "distances", f"params={name}", f"block_hash={vectors['block_hash']}",
                  f"public_key={vectors['public_key']}", f"nonces={','.join(map(str, vectors['nonces']))}", f"path={path}",
                  f"device={device['index']}")
        off = max(abs(mine - theirs) for mine, theirs in zip(got["dist"], vectors["dist"], strict=True))
        wrong += off > TOLERANCE
        say(f"{name} vectors, path {path}: furthest off of {len(vectors['dist'])}", f"{off:.1e}",
            f"{'' if off <= TOLERANCE else 'WRONG, '}at most {TOLERANCE:.0e}; {time.monotonic() - begun:.0f} s with the pool")
    return wrong


def ours(folder, params, device, batch):
    return run(folder, "bench", f"params={json.dumps(params)}", f"seconds={SECONDS:.0f}s", f"device={device['index']}",
               f"at_once={batch}")["devices"][0]


def main():
    params = {**V2_LAYERS, "n_layers": LAYERS}
    operations = 2 * params["seq_len"] * LAYERS * (4 * params["dim"] ** 2 + 3 * params["dim"] * ffn_of(params))
    try:
        import torch
        model = Torch(params, torch) if torch.cuda.is_available() else None
    except ImportError:
        model = None
    if not model:
        print("PyTorch with CUDA is not installed: no ratios")
    with tempfile.TemporaryDirectory() as folder:
        device = card(folder)
        wrong = sum(check_vectors(folder, device, name) for name in ("v1", "v2"))
        print(f"V2, {LAYERS} layers: dim {params['dim']}, FFN {ffn_of(params)}, {params['seq_len']} positions", flush=True)
        for batch in BATCHES:
            mine, theirs = [], []
            for _ in range(TURNS):
                row = ours(folder, params, device, batch)
                mine.append((row["nonces_per_minute"] / 60, row))
                if model:
                    theirs += [(model.nonces_per_second(batch, fused), fused) for fused in (False, True)]
            rate, row = max(mine, key=lambda pair: pair[0])
            say(f"batch {batch}: nonces a second", f"{rate:.2f}", f"path {row['path']} {row['options']}")
            say("  products, TFLOP/s", f"{row['products_tflops']:.1f}",
                f"{row['products_of_peak'] * 100:.0f} % of the measured peak; all, inputs included {rate * operations * 1e-12:.1f}")
            say("  work space on the card, MB", f"{row['work_memory'] / 1e6:.0f}")
            say("  time in products, attention, the rest",
                " ".join(f"{row[part] * 100:.0f}%" for part in ("products_share", "attention_share", "other_share")))
            say("  the device waits for inputs", f"{row['waited_share'] * 100:.1f} %", "target: at most 2 %")
            if theirs:
                best, fused = max(theirs)
                say("  PyTorch, nonces a second", f"{best:.2f}",
                    f"{'fused' if fused else 'plain'} attention, {best * operations * 1e-12:.1f} TFLOP/s")
                say("  times PyTorch", f"{rate / best:.2f}", "target 0.6, then 1")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
