#!/usr/bin/python3
"""The proof of compute against PyTorch on the same processor, in turns, in one run: layers of the network's V1 and V2
shapes, pool against NumPy. Both in binary32 arithmetic. Run by `make bench-poc`; without PyTorch it says so.

PyTorch is python3-torch (with libopenblas0-pthread) or whatever the python that runs this has: PYTHON=... make bench-poc.
"""
import json
import math
import os
import subprocess
import sys
import tempfile
import time

AGENT = os.path.abspath(os.environ.get("GONKA_AGENT", "./gonka-agent"))
PLUGINS = os.path.abspath(os.environ.get("GONKA_PLUGINS", "./run/plugins"))
SECONDS = float(os.environ.get("BENCH_POC_SECONDS", "20"))
TURNS = int(os.environ.get("BENCH_POC_TURNS", "2"))
V1 = {"dim": 1024, "n_layers": 8, "n_heads": 32, "n_kv_heads": 32, "vocab_size": 8196, "ffn_dim_multiplier": 10.0,
      "multiple_of": 2048, "norm_eps": 1e-5, "rope_theta": 10000.0, "use_scaled_rope": False, "seq_len": 128}
V2 = {**V1, "dim": 1792, "n_layers": 4, "n_heads": 64, "n_kv_heads": 64, "multiple_of": 8192, "seq_len": 256}


def say(name, value, note=""):
    print(f"  {name:<58} {value:>14}  {note}", flush=True)


def ffn_of(params):
    hidden = int(params["ffn_dim_multiplier"] * int(2 * 4 * params["dim"] / 3))
    return -(-hidden // params["multiple_of"]) * params["multiple_of"]


class Torch:
    """The same forward pass with PyTorch's own operations, weights of the same sizes (their values do not matter)."""

    def __init__(self, params, torch):
        dim, ffn = params["dim"], ffn_of(params)
        self.torch, self.params = torch, params
        self.layers = [{name: torch.randn(*shape) * 0.02
                        for name, shape in (("q", (dim, dim)), ("k", (dim, dim)), ("v", (dim, dim)), ("o", (dim, dim)),
                                            ("gate", (ffn, dim)), ("up", (ffn, dim)), ("down", (dim, ffn)))}
                       for _ in range(params["n_layers"])]
        self.output = torch.randn(params["vocab_size"], dim) * 0.02
        head = dim // params["n_heads"]
        angles = torch.outer(torch.arange(params["seq_len"]).float(),
                             params["rope_theta"] ** (-torch.arange(0, head, 2).float() / head))
        self.turn = torch.polar(torch.ones_like(angles), angles)[None, :, None, :]
        self.mask = torch.full((params["seq_len"], params["seq_len"]), -math.inf).triu(1)

    def norm(self, x):
        return x * self.torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.params["norm_eps"])

    def rotate(self, x):
        pairs = self.torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))
        return self.torch.view_as_real(pairs * self.turn).flatten(3)

    def forward(self, x):
        linear = self.torch.nn.functional.linear
        batch, length, dim = x.shape
        heads = self.params["n_heads"]
        for layer in self.layers:
            n = self.norm(x)
            q, k, v = (linear(n, layer[name]).view(batch, length, heads, dim // heads) for name in "qkv")
            q, k, v = self.rotate(q).transpose(1, 2), self.rotate(k).transpose(1, 2), v.transpose(1, 2)
            scores = q @ k.transpose(2, 3) / math.sqrt(dim // heads) + self.mask
            x = x + linear((scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, length, dim), layer["o"])
            n = self.norm(x)
            x = x + linear(self.torch.nn.functional.silu(linear(n, layer["gate"])) * linear(n, layer["up"]),
                           layer["down"])
        return linear(self.norm(x[:, -1]), self.output)

    def nonces_per_minute(self, batch):
        x = self.torch.randn(batch, self.params["seq_len"], self.params["dim"])
        with self.torch.no_grad():
            self.forward(x)
            begun, done = time.monotonic(), 0
            while time.monotonic() - begun < SECONDS / 2:
                self.forward(x)
                done += batch
            return done * 60 / (time.monotonic() - begun)


def ours(folder, params):
    """The row of `bench` of the first device."""
    manifest = os.path.join(folder, "manifest.yaml")
    with open(manifest, "w", encoding="utf-8") as out:
        out.write(f"agent: {{state_dir: {folder}/state}}\nplugins: {{poc-worker: {{allow: [gpu]}}}}\n")
    done = subprocess.run([AGENT, "run", "poc-worker", "bench", f"params={json.dumps(params)}", f"seconds={SECONDS:.0f}s",
                           "device=0", "-c", manifest, "--plugin-dir", PLUGINS, "--json"], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise SystemExit(f"bench failed: {done.stderr[-2000:]}{done.stdout[-2000:]}")
    result = json.loads(done.stdout)["result"]
    return {**result["devices"][0], "pool_seconds": result["pool_seconds"]}


def compare(folder, name, params, torch):
    """In turns, the best of each counts: other work of the machine disturbs both alike."""
    print(f"\n{name}: dim {params['dim']}, FFN {ffn_of(params)}, {params['n_heads']} heads of "
          f"{params['dim'] // params['n_heads']}, {params['seq_len']} positions, {params['n_layers']} layers", flush=True)
    model = Torch(params, torch) if torch else None
    rows, theirs = [], []
    for _ in range(TURNS):
        rows.append(ours(folder, params))
        if model:
            theirs.append(max((model.nonces_per_minute(batch), batch) for batch in (1, 4)))
    best = max(rows, key=lambda row: row["nonces_per_minute"])
    say("nonces a minute", f"{best['nonces_per_minute']:.1f}", f"batch {best['batch']}, path {best['path']}")
    say("products, of the measured peak", f"{best['products_of_peak'] * 100:.1f} %",
        f"{best['products_tflops']:.3f} of {best['peak_tflops']:.3f} TFLOP/s; target 70 %")
    say("time in products, attention, the rest",
        " ".join(f"{best[part] * 100:.0f}%" for part in ("products_share", "attention_share", "other_share")))
    say("the device waits for inputs", f"{best['waited_share'] * 100:.1f} %", "target: at most 2 %")
    if model:
        rate, batch = max(theirs)
        say("PyTorch, nonces a minute", f"{rate:.1f}", f"batch {batch}, torch {torch.__version__}")
        say("times PyTorch", f"{best['nonces_per_minute'] / rate:.2f}", "target 3")


def main():
    try:
        import torch
        torch.set_num_threads(os.cpu_count())
    except ImportError:
        torch = None
        print("PyTorch is not installed (python3-torch, libopenblas0-pthread): no ratios")
    with tempfile.TemporaryDirectory() as folder:
        compare(folder, "V1 layers", V1, torch)
        compare(folder, "V2 layer", V2, torch)


if __name__ == "__main__":
    sys.exit(main())
