#!/usr/bin/python3
"""The proof of compute on this machine's processor against PyTorch and NumPy, in turns, in one run, binary32 throughout.
Run by `make bench`, or alone by `make bench-poc`. What is not installed is said and left out.

PyTorch is that of /usr/bin/python3 (Debian: python3-torch, libopenblas0-pthread) and of each python that BENCH_TORCH
names. BENCH_POC_SECONDS and BENCH_POC_TURNS say how long; BENCH_POC_ONLY=one,all,pool,model what.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from torch_shapes import POOL_MODEL, V1_LAYERS, V1_MODEL, V2_LAYERS, ffn_of, pool_of

HERE = os.path.dirname(os.path.abspath(__file__))
AGENT = os.path.abspath(os.environ.get("GONKA_AGENT", "./gonka-agent"))
PLUGINS = os.path.abspath(os.environ.get("GONKA_PLUGINS", "./run/plugins"))
SECONDS = float(os.environ.get("BENCH_POC_SECONDS", "5"))
TURNS = int(os.environ.get("BENCH_POC_TURNS", "3"))
ONLY = os.environ.get("BENCH_POC_ONLY", "one,all,pool,model").split(",")
PYTHONS = ["/usr/bin/python3", *os.environ.get("BENCH_TORCH", "").split()]
MODEL_MEMORY = 14 << 30  # what PyTorch takes for the whole V1 model
BATCHES = (1, 4)


def say(name, value, note=""):
    print(f"  {name:<58} {value:>14}  {note}", flush=True)


class Torch:
    """PyTorch in a process of its own that works when it is asked to."""

    def __init__(self, python, params, cores, kind):
        env = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")}
        begun = time.monotonic()
        self.process = subprocess.Popen([*pinned(cores), python, os.path.join(HERE, "torch_forward.py"),
                                         json.dumps(params), str(cores), kind], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
        line = self.process.stdout.readline()
        if not line:
            why = self.process.stderr.read().strip().splitlines()[-1:]
            self.end()
            raise ImportError(f"{python}: {why[0] if why else 'it ended'}")
        self.ready = {"start_seconds": time.monotonic() - begun, **json.loads(line)}
        self.name = f"PyTorch {self.ready['torch']}"

    def run(self, seconds, batch):
        self.process.stdin.write(json.dumps({"seconds": seconds, "batch": batch}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


def torches(params, cores, kind):
    found = []
    for python in PYTHONS:
        try:
            found.append(Torch(python, params, cores, kind))
        except (ImportError, OSError) as error:
            say("PyTorch is not to be had: no ratio to it", "-", str(error))
    return found


def pinned(cores):
    return ["taskset", "-c", str(max(os.sched_getaffinity(0)))] if cores == 1 else []


def ours(folder, params, cores, seconds=SECONDS):
    """The row of `bench` of the first device."""
    manifest = os.path.join(folder, "manifest.yaml")
    with open(manifest, "w", encoding="utf-8") as out:
        out.write(f"agent: {{state_dir: {folder}/state{cores}}}\nplugins: {{poc-worker: {{allow: [gpu]}}}}\n")
    done = subprocess.run([*pinned(cores), AGENT, "run", "poc-worker", "bench", f"params={json.dumps(params)}",
                           f"seconds={seconds:.0f}s", "device=0", "-c", manifest, "--plugin-dir", PLUGINS, "--json"],
                          capture_output=True, text=True, check=False,
                          env={**os.environ, "POCL_MAX_PTHREAD_COUNT": str(cores)})
    if done.returncode != 0:
        raise SystemExit(f"bench failed: {done.stderr[-2000:]}{done.stdout[-2000:]}")
    result = json.loads(done.stdout)["result"]
    return {**result["devices"][0], **{name: result[name] for name in ("pool_seconds", "pool_processor_seconds")}}


def rate(row, clock):
    return row["nonces"] * 60 / row[clock]


def layers(folder, name, params, cores):
    """In turns: other work of the machine disturbs all alike. With one core it is processor time that is compared,
    which hardly sees them; with all, the best turn of each by the clock on the wall."""
    where = "one core, by its time" if cores == 1 else f"all {cores} cores, by the clock"
    clock, best = ("processor_seconds", statistics.median) if cores == 1 else ("seconds", max)
    print(f"\n{name}, {where}: dim {params['dim']}, FFN {ffn_of(params)}, {params['n_heads']} heads of "
          f"{params['dim'] // params['n_heads']}, {params['seq_len']} positions, {params['n_layers']} layers", flush=True)
    theirs = torches(params, cores, "layers")
    rows, rates = [], {torch: {batch: [] for batch in BATCHES} for torch in theirs}
    ours(folder, params, cores, 1)  # compiles and tunes
    for _ in range(TURNS):
        rows.append(ours(folder, params, cores))
        for torch in theirs:
            for batch in BATCHES:
                rates[torch][batch].append(rate(torch.run(SECONDS / len(BATCHES), batch), clock))
    for torch in theirs:
        torch.end()
    fastest = max(rows, key=lambda row: rate(row, clock))
    mine = best(rate(row, clock) for row in rows)
    peak = max(row["core_peak_tflops" if cores == 1 else "peak_tflops"] for row in rows)
    seconds = fastest["operations"] / 1e12 / best(row["products_tflops"] for row in rows)
    if cores == 1:  # all of the time, whatever it went into
        seconds = statistics.median(row["processor_seconds"] / row["operations"] for row in rows) * fastest["operations"]
    say("nonces a minute", f"{mine:.1f}", f"batch {fastest['batch']}, {fastest['options']}")
    say("of the measured peak" if cores == 1 else "products, of the measured peak",
        f"{fastest['operations'] / seconds / peak / 1e12 * 100:.1f} %",
        f"{fastest['operations'] / seconds / 1e12:.3f} of {peak:.3f} TFLOP/s; target 70 %")
    say("time in products, attention, the rest",
        " ".join(f"{fastest[part] * 100:.0f}%" for part in ("products_share", "attention_share", "other_share")))
    say("the device waits for inputs", f"{min(row['waited_share'] for row in rows) * 100:.2f} %", "target: at most 2 %")
    for torch in theirs:
        batch = max(BATCHES, key=lambda size: best(rates[torch][size]))
        theirs_best = best(rates[torch][batch])
        say(f"times {torch.name}", f"{mine / theirs_best:.2f}", f"{theirs_best:.1f} nonces a minute, batch {batch}")


def pool(folder):
    numbers = pool_of(POOL_MODEL)
    print(f"\nA pool of {numbers / 1e6:.0f} million numbers, V1's has 148: numbers a second, on all cores", flush=True)
    mine, theirs = [], []
    try:
        import numpy
    except ImportError:
        numpy = None
        say("NumPy is not installed (python3-numpy): no ratio", "-")
    for _ in range(TURNS):
        row = ours(folder, POOL_MODEL, os.cpu_count(), 1)
        mine.append((row["pool_seconds"] / numbers, row["pool_processor_seconds"] / numbers))
        if numpy:
            generator, wall, cpu = numpy.random.default_rng(1), time.monotonic(), time.process_time()
            for _ in range(8):
                generator.normal(0, 0.02, 1 << 22).astype(numpy.float16)
            theirs.append(((time.monotonic() - wall) / (8 << 22), (time.process_time() - cpu) / (8 << 22)))
    wall, cpu = (min(times) * 1e9 for times in zip(*mine))
    say("ours, a number", f"{wall:.2f} ns", f"processor time {cpu:.2f} ns")
    if theirs:
        their_wall, their_cpu = (min(times) * 1e9 for times in zip(*theirs))
        say("times one thread of NumPy, by the clock", f"{their_wall / wall:.2f}",
            f"{their_wall:.2f} ns, {os.cpu_count()} cores; target 3")
        say("times NumPy on one core, by processor time", f"{their_cpu / cpu:.2f}",
            f"{their_cpu:.2f} ns; were all cores free {their_cpu / cpu * os.cpu_count():.2f}, target 3")


def available():
    with open("/proc/meminfo", encoding="ascii") as lines:
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable"))


def model(folder):
    print("\nThe whole V1 model, from a block hash to distances", flush=True)
    cores = os.cpu_count()
    ours(folder, V1_MODEL, cores, 1)
    rows = [ours(folder, V1_MODEL, cores, 3 * SECONDS)]
    for python in PYTHONS:
        if available() < MODEL_MEMORY:
            say("too little memory for PyTorch's weights: left out", "-", f"{available() >> 20} MiB, it takes 12 GiB")
            continue
        try:
            torch = Torch(python, V1_MODEL, cores, "model")
        except ImportError as error:
            say("PyTorch is not to be had: no ratio to it", "-", str(error))
            continue
        them = max((torch.run(2 * SECONDS, batch) for batch in (2, 4)), key=lambda row: rate(row, "seconds"))
        torch.end()
        rows.append(ours(folder, V1_MODEL, cores, 3 * SECONDS))
        mine = max(rows, key=lambda row: rate(row, "seconds"))
        say(f"times {torch.name}, nonces a minute", f"{rate(mine, 'seconds') / rate(them, 'seconds'):.2f}",
            f"{rate(them, 'seconds'):.1f} a minute")
        say("the same by processor time",
            f"{rate(mine, 'processor_seconds') / rate(them, 'processor_seconds'):.2f}")
        say("its model is built in", f"{torch.ready['build_seconds']:.1f} s",
            f"{torch.ready['build_seconds'] / mine['pool_seconds']:.0f} times ours")
    mine = max(rows, key=lambda row: rate(row, "seconds"))
    say("ours: nonces a minute", f"{rate(mine, 'seconds'):.1f}",
        f"products at {mine['products_of_peak'] * 100:.0f} % of the peak")
    say("ours: the model is built in", f"{mine['pool_seconds']:.2f} s", "the pool; nothing else is built")
    say("ours: the device waits for inputs", f"{mine['waited_share'] * 100:.2f} %", "target: at most 2 %")


def main():
    with tempfile.TemporaryDirectory() as folder:
        if "pool" in ONLY:
            pool(folder)
        for word, cores in (("one", 1), ("all", os.cpu_count())):
            if word in ONLY:
                layers(folder, "V1 layers", V1_LAYERS, cores)
                layers(folder, "V2 layers", V2_LAYERS, cores)
        if "model" in ONLY:
            model(folder)


if __name__ == "__main__":
    sys.exit(main())
