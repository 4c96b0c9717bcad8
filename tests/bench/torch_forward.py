#!/usr/bin/python3
"""The forward pass of the proof of compute by PyTorch's own operations in binary32, for bench_poc.py, which starts it with
the python whose PyTorch is to be measured. Arguments: the model's parameters as JSON, threads, and `layers` (weights are
any numbers of the usual size; the last layer does what ours does there: keys and values of all positions, the rest for
the last one alone) or `model` (built from a block hash the reference's way, every position through every layer).

Says a line of JSON when it is ready, and answers each line {"seconds": s, "batch": n} with one.
"""
import hashlib
import json
import math
import sys
import time

import numpy as np
import torch

from torch_shapes import ffn_of, pool_of

HASH = "EXAMPLE_BLOCK_HASH"


def shapes_of(params):
    """[(name in a checkpoint, name here, shape)] of a layer's matrices."""
    dim, ffn = params["dim"], ffn_of(params)
    return [(f"attention.w{name}.weight", name, (dim, dim)) for name in "qkvo"] + [
        ("feed_forward.w1.weight", "gate", (ffn, dim)), ("feed_forward.w2.weight", "down", (dim, ffn)),
        ("feed_forward.w3.weight", "up", (ffn, dim))]


class AnyWeights:
    def __init__(self, params):
        self.output = torch.randn(params["vocab_size"], params["dim"]) * 0.02
        self.norms = None
        self.layers = [{name: torch.randn(*shape) * 0.02 for _, name, shape in shapes_of(params)}
                       for _ in range(params["n_layers"])]


class HashedWeights:
    """A pool of a twentieth of the model's numbers, every tensor a window of it: as the reference materialises them."""

    def __init__(self, params):
        dim = params["dim"]
        self.pool = np.concatenate([np.random.default_rng(i).normal(0, 0.02, size).astype(np.float16)
                                    for i, size in enumerate(self.parts(pool_of(params)))])
        self.output = self.tensor("output.weight", (params["vocab_size"], dim))
        self.layers, self.norms = [], []
        for i in range(params["n_layers"]):
            self.layers.append({name: self.tensor(f"layers.{i}.{full}", shape)
                                for full, name, shape in shapes_of(params)})
            self.norms.append([self.tensor(f"layers.{i}.{name}", (dim,))
                               for name in ("attention_norm.weight", "ffn_norm.weight")])
        self.norms.append([self.tensor("norm.weight", (dim,))])

    @staticmethod
    def parts(size):
        """In parts, or the binary64 numbers would take four times the pool; numbers and time are as many."""
        return [min(1 << 24, size - at) for at in range(0, size, 1 << 24)]

    def tensor(self, name, shape):
        size = math.prod(shape)
        turn = int(hashlib.sha256(f"{HASH}_{name}".encode()).hexdigest()[:8], 16)
        if size <= len(self.pool):
            start = turn % (len(self.pool) - size + 1)
            numbers = self.pool[start:start + size]
        else:
            numbers = np.roll(np.resize(self.pool, size), -(turn % size))
        return torch.from_numpy(numbers.astype(np.float32)).view(*shape)


class Model:
    def __init__(self, params, whole):
        self.params, self.whole = params, whole
        self.weights = HashedWeights(params) if whole else AnyWeights(params)
        head = params["dim"] // params["n_heads"]
        angles = torch.outer(torch.arange(params["seq_len"]).float(),
                             params["rope_theta"] ** (-torch.arange(0, head, 2).float() / head))
        self.turn = torch.polar(torch.ones_like(angles), angles)[None, :, None, :]
        self.mask = torch.full((params["seq_len"], params["seq_len"]), -math.inf).triu(1)

    def norm(self, x, layer, which):
        x = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.params["norm_eps"])
        return x * self.weights.norms[layer][which] if self.weights.norms else x

    @staticmethod
    def rotate(x, turn):
        pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))
        return torch.view_as_real(pairs * turn).flatten(3)

    def forward(self, x):
        linear = torch.nn.functional.linear
        batch, length, dim = x.shape
        heads = self.params["n_heads"]
        for i, layer in enumerate(self.weights.layers):
            n = self.norm(x, i, 0)
            k, v = (linear(n, layer[name]).view(batch, length, heads, dim // heads) for name in "kv")
            turn, mask = self.turn, self.mask
            if i + 1 == len(self.weights.layers) and not self.whole:
                x, n, turn, mask = x[:, -1:], n[:, -1:], turn[:, -1:], mask[-1:]
            q = linear(n, layer["q"]).view(batch, -1, heads, dim // heads)
            q, k, v = self.rotate(q, turn).transpose(1, 2), self.rotate(k, self.turn).transpose(1, 2), v.transpose(1, 2)
            scores = q @ k.transpose(2, 3) / math.sqrt(dim // heads) + mask
            x = x + linear((scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, -1, dim), layer["o"])
            n = self.norm(x, i, 1)
            x = x + linear(torch.nn.functional.silu(linear(n, layer["gate"])) * linear(n, layer["up"]), layer["down"])
        return linear(self.norm(x[:, -1], -1, 0), self.weights.output)

    def distances(self, nonces):
        """Inputs, forward, distances from the target."""
        params = self.params
        inputs = np.stack([np.random.default_rng(nonce).standard_normal((params["seq_len"], params["dim"]))
                           for nonce in nonces])
        logits = self.forward(torch.from_numpy(inputs.astype(np.float16).astype(np.float32))).double().numpy()
        for i, nonce in enumerate(nonces):
            logits[i] = logits[i][np.random.default_rng(nonce).permutation(params["vocab_size"])]
        target = np.random.default_rng(0).standard_normal(params["vocab_size"])
        return np.linalg.norm(logits / np.linalg.norm(logits, axis=1, keepdims=True) - target / np.linalg.norm(target),
                              axis=1)


def answer(model, seconds, batch):
    """Wall-clock time, and processor time: that of others on the machine does not count into the latter."""
    wall, cpu, done = time.monotonic(), time.process_time(), 0
    while done == 0 or time.monotonic() - wall < seconds:
        model.distances(range(done, done + batch))
        done += batch
    return {"nonces": done, "seconds": time.monotonic() - wall, "processor_seconds": time.process_time() - cpu}


def main():
    params, threads, whole = json.loads(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "model"
    torch.set_num_threads(threads)
    begun = time.monotonic()
    with torch.no_grad():
        model = Model(params, whole)
        print(json.dumps({"torch": torch.__version__, "build_seconds": time.monotonic() - begun}), flush=True)
        if not whole:
            model.distances(range(1))
        for line in sys.stdin:
            print(json.dumps(answer(model, **json.loads(line))), flush=True)


if __name__ == "__main__":
    sys.exit(main())
