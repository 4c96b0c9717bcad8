#!/usr/bin/python3
"""What the agent costs: memory, wake-ups, latencies, events per second. Printed as ratios where a peer is installed.

Run by `make bench`. Figures of one run on one machine only compare with others of the same run.
"""
import glob
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

AGENT = os.path.abspath(os.environ.get("GONKA_AGENT", "./gonka-agent"))
PLUGINS = os.path.abspath(os.environ.get("GONKA_PLUGINS", "./plugins"))
PROBE = os.path.abspath(os.environ.get("GONKA_BENCH_PLUGINS", "./tests/bench"))
WINDOW_S = float(os.environ.get("BENCH_WINDOW", "30"))
INTERVAL_S = 5


def say(name, value, note=""):
    print(f"  {name:<58} {value:>14}  {note}", flush=True)


def headline(text):
    print(f"\n{text}", flush=True)


class Daemon:
    """The agent in the foreground with a manifest of its own; knows when it was ready."""

    def __init__(self, folder, manifest, plugin_dir):
        os.makedirs(folder, exist_ok=True)
        self.folder = folder
        self.socket = os.path.join(folder, "control.sock")
        self.manifest = os.path.join(folder, "manifest.yaml")
        with open(self.manifest, "w", encoding="utf-8") as out:
            out.write(f"agent:\n  state_dir: {folder}/state\n  socket: {self.socket}\n  log_level: err\n{manifest}")
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.bind(os.path.join(folder, "notify"))
        notify.settimeout(60)
        started = time.monotonic()
        self.process = subprocess.Popen(
            [AGENT, "daemon", "-c", self.manifest, "--plugin-dir", plugin_dir],
            env={**os.environ, "NOTIFY_SOCKET": os.path.join(folder, "notify")})
        while b"READY=1" not in notify.recv(4096):
            pass
        self.ready_s = time.monotonic() - started
        notify.close()

    @property
    def pid(self):
        return self.process.pid

    def ask(self, request):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.connect(self.socket)
            client.sendall(json.dumps(request).encode() + b"\n")
            stream = client.makefile("rb")
            for line in stream:
                answer = json.loads(line)
                if answer.get("t", "end") == "end":  # an answer has no type, a run ends with this one
                    return answer
        raise RuntimeError("the daemon closed the connection")

    def run(self, plugin, task, **args):
        request = {"cmd": "run", "plugin": plugin, "task": task}
        return self.ask({**request, "args": args} if args else request)

    def records(self):
        with open(os.path.join(self.folder, "state/journal/journal.jsonl"), encoding="utf-8") as lines:
            for line in lines:
                try:
                    yield json.loads(line)
                except ValueError:
                    pass

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def pss_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def switches(pid):
    """Voluntary context switches of all threads: each is one time that the process slept and was woken."""
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/status"):
        with open(path, encoding="ascii") as lines:
            total += next(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt"))
    return total


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return sum(int(fields[i]) for i in (11, 12, 13, 14))  # children that were waited for included


def observe(pid, seconds):
    before, ticks = switches(pid), cpu_ticks(pid)
    time.sleep(seconds)
    return pss_kib(pid), (switches(pid) - before) / seconds, (cpu_ticks(pid) - ticks) / os.sysconf("SC_CLK_TCK") / seconds


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def nats_server(folder):
    program = shutil.which("nats-server") or "/usr/sbin/nats-server"
    ports = os.path.join(folder, "ports")
    os.makedirs(ports)
    process = subprocess.Popen([program, "-a", "127.0.0.1", "-p", "-1", "-js", "-sd", os.path.join(folder, "js"),
                                "--ports_file_dir", ports], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for path in glob.glob(os.path.join(ports, "*.ports")):
            with open(path, encoding="ascii") as file:
                try:
                    return process, int(json.load(file)["nats"][0].rsplit(":", 1)[1])
                except (ValueError, KeyError, IndexError):
                    pass
        time.sleep(0.02)
    process.kill()
    raise RuntimeError("nats-server did not start")


def bench_idle(folder):
    headline(f"Idle, both plugins configured, checks every {INTERVAL_S} s, seen for {WINDOW_S:g} s")
    server, port = nats_server(folder)
    home = os.path.join(folder, "home")
    os.makedirs(home)
    rows = {}
    daemon = Daemon(os.path.join(folder, "busy"), f"""plugins:
  nats-ttl:
    options: {{servers: ["nats://127.0.0.1:{port}"], missing: ok}}
    tasks: {{enforce: {{every: {INTERVAL_S}s}}, watch: {{enabled: false}}}}
  backup-pruner:
    options: {{homes: [{home}]}}
    tasks: {{prune: {{every: {INTERVAL_S}s}}, forecast: {{every: {INTERVAL_S}s}}}}
""", PLUGINS)
    still = Daemon(os.path.join(folder, "still"), f"""plugins:
  backup-pruner:
    options: {{homes: [{home}]}}
    tasks: {{prune: {{every: 24h, delay: 24h}}, forecast: {{every: 24h, delay: 24h}}}}
""", PLUGINS)
    peers = {"collectd": start_collectd(folder), "monit": start_monit(folder, port)}
    time.sleep(2 * INTERVAL_S)
    rows["gonka-agent"] = observe(daemon.pid, WINDOW_S)
    for name, process in peers.items():
        if process:
            rows[name] = observe(process.pid, WINDOW_S)
    for name, (pss, wakes, cpu) in rows.items():
        say(f"{name}: PSS", f"{pss / 1024:.1f} MiB", f"{pss / rows['gonka-agent'][0]:.2f} x the agent's")
        say(f"{name}: wake-ups", f"{wakes:.2f} /s", f"{cpu * 100:.2f} % of a core, children included")
    for name, process in peers.items():
        if not process:
            say(name, "not installed")
    pss, wakes, _ = observe(still.pid, WINDOW_S)
    say("gonka-agent with nothing due: wake-ups", f"{wakes:.2f} /s", f"PSS {pss / 1024:.1f} MiB")
    for process in [*peers.values(), server]:
        if process:
            process.terminate()
            process.wait(20)
    daemon.end()
    still.end()


def jetstream(port, subjects_and_requests):
    """Sends JetStream API requests one after the other; the answers."""
    answers = []
    with socket.create_connection(("127.0.0.1", port)) as connection:
        stream = connection.makefile("rb")
        stream.readline()
        connection.sendall(b'CONNECT {"verbose":false}\r\nSUB _INBOX.bench 1\r\n')
        for subject, request in subjects_and_requests:
            data = json.dumps(request).encode()
            connection.sendall(b"PUB %s _INBOX.bench %d\r\n%s\r\n" % (subject.encode(), len(data), data))
            while True:
                line = stream.readline()
                if line.startswith(b"PING"):
                    connection.sendall(b"PONG\r\n")
                if line.startswith(b"MSG"):
                    answers.append(json.loads(stream.read(int(line.split()[-1]) + 2)))
                    break
    return answers


def bench_streams(folder):
    headline("nats-ttl enforce over 1,000 streams")
    server, port = nats_server(folder)
    names = [f"stream_{i:04d}" for i in range(1000)]
    jetstream(port, [(f"$JS.API.STREAM.CREATE.{name}", {"name": name, "subjects": [name], "storage": "memory"})
                     for name in names])
    daemon = Daemon(os.path.join(folder, "agent"), f"""plugins:
  nats-ttl:
    options: {{servers: ["nats://127.0.0.1:{port}"], streams: {{"stream_*": 24h}}}}
    tasks: {{enforce: {{every: never, on: []}}, watch: {{enabled: false}}}}
""", PLUGINS)
    started = time.monotonic()
    end = daemon.run("nats-ttl", "enforce")
    say("all to be changed", f"{time.monotonic() - started:.2f} s", end["outcome"])
    times = []
    for _ in range(5):
        started = time.monotonic()
        end = daemon.run("nats-ttl", "enforce")
        times.append(time.monotonic() - started)
    say("nothing to change, median of 5", f"{statistics.median(times) * 1000:.0f} ms", f"{end['outcome']}; target under 2 s")
    daemon.end()
    server.terminate()
    server.wait(20)


def start_collectd(folder):
    if not shutil.which("collectd") and not os.path.exists("/usr/sbin/collectd"):
        return None
    config = os.path.join(folder, "collectd.conf")
    with open(config, "w", encoding="utf-8") as out:
        out.write(f"""BaseDir "{folder}"
PIDFile "{folder}/collectd.pid"
Interval {INTERVAL_S}
LoadPlugin df
LoadPlugin tcpconns
LoadPlugin csv
<Plugin csv>
  DataDir "{folder}/csv"
</Plugin>
""")
    return subprocess.Popen([shutil.which("collectd") or "/usr/sbin/collectd", "-f", "-C", config],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def start_monit(folder, port):
    if not shutil.which("monit"):
        return None
    config = os.path.join(folder, "monitrc")
    with open(config, "w", encoding="utf-8") as out:
        out.write(f"""set daemon {INTERVAL_S}
set pidfile {folder}/monit.pid
set idfile {folder}/monit.id
set statefile {folder}/monit.state
set logfile {folder}/monit.log
check filesystem here with path /
  if space usage > 99% then alert
check host nats with address 127.0.0.1
  if failed port {port} protocol default then alert
""")
    os.chmod(config, 0o600)
    return subprocess.Popen(["monit", "-I", "-c", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def bench_start(folder):
    headline("Start to READY")
    for count in (2, 10, 20):
        plugins = os.path.join(folder, f"plugins-{count}")
        os.makedirs(plugins)
        names = [f"idle-{i:02d}" for i in range(count)]
        for name in names:
            build_idle_plugin(os.path.join(plugins, f"{name}.so"), name)
        manifest = "plugins:\n" + "".join(f"  {name}: {{tasks: {{look: {{delay: 1h}}}}}}\n" for name in names)
        times = []
        for turn in range(5):
            daemon = Daemon(os.path.join(folder, f"start-{count}-{turn}"), manifest, plugins)
            times.append(daemon.ready_s * 1000)
            daemon.end()
        say(f"with {count} plugins, median of 5", f"{statistics.median(times):.0f} ms", "target 150 ms with ten" if count == 10 else "")


def build_idle_plugin(path, name):
    source = f"""#include <gonka-agent/plugin.h>
static int look(struct ga_run *run, const struct ga_host *host) {{ return host->end(run, GA_OK, "looked"); }}
static const struct ga_task tasks[] = {{{{.name = "look", .summary = "looks", .every = "1h", .function = look}}}};
GA_EXPORT const struct ga_plugin ga_plugin_v1 = {{.size = sizeof(struct ga_plugin), .abi_major = GA_ABI_MAJOR,
  .name = "{name}", .version = "1", .summary = "does nothing", .tasks = tasks, .n_tasks = 1,
  .task_stride = sizeof(struct ga_task), .option_stride = sizeof(struct ga_option),
  .topic_stride = sizeof(struct ga_topic)}};
"""
    include = os.environ.get("GONKA_INCLUDE", "./include")
    subprocess.run([*os.environ.get("CC", "cc").split(), "-shared", "-fPIC", f"-I{include}", "-x", "c", "-", "-o", path],
                   input=source.encode(), check=True)
    os.chmod(path, 0o755)


def bench_runs(folder):
    headline("Runs and events")
    daemon = Daemon(os.path.join(folder, "runs"), "plugins:\n  bench-probe: {}\n", PROBE)
    times = []
    for _ in range(300):
        started = time.monotonic()
        assert daemon.run("bench-probe", "noop")["outcome"] == "ok"
        times.append((time.monotonic() - started) * 1000)
    say("a run that does nothing, request to outcome, p50", f"{percentile(times, .5):.1f} ms", "target under 15 ms")
    say("the same, p99", f"{percentile(times, .99):.1f} ms")
    spawn = []
    for _ in range(300):
        started = time.monotonic()
        subprocess.run(["/bin/true"], check=True)
        spawn.append((time.monotonic() - started) * 1000)
    say("for scale: starting /bin/true from Python, p50", f"{percentile(spawn, .5):.1f} ms",
        f"a run is {percentile(times, .5) / percentile(spawn, .5):.1f} x that")
    bench_killed(daemon)
    bench_events(daemon)
    daemon.end()


def bench_killed(daemon):
    """From SIGKILL for a runner to the answer that says so, which comes after the journal's record."""
    times = []
    for count in range(1, 51):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.connect(daemon.socket)
            client.sendall(b'{"cmd":"run","plugin":"bench-probe","task":"hold"}\n')
            held = []
            while len(held) < count:
                held = [record for record in daemon.records() if record.get("topic") == "bench.held"]
                time.sleep(0.005)
            started = time.monotonic()
            os.kill(held[-1]["payload"]["pid"], signal.SIGKILL)
            for line in client.makefile("rb"):
                if json.loads(line).get("t", "end") == "end":
                    times.append((time.monotonic() - started) * 1000)
                    break
    say("a killed runner, kill to answer, p50", f"{percentile(times, .5):.1f} ms", "target 10 ms")
    say("the same, p99", f"{percentile(times, .99):.1f} ms", f"{len(times)} kills")


def bench_events(daemon):
    latencies = []
    for count in range(1, 201):
        daemon.run("bench-probe", "emit", count="1", topic="bench.tick")
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            ends = [r for r in daemon.records() if r["rec"] == "run.end" and r["task"] == "latency"]
            if len(ends) >= count:
                latencies.append(int(ends[-1]["summary"]) / 1e6)
                break
            time.sleep(0.002)
    say("event to the first line of its task, p50", f"{percentile(latencies, .5):.1f} ms")
    say("the same, p99", f"{percentile(latencies, .99):.1f} ms", f"{len(latencies)} events")
    starts = event_to_start(daemon)
    say("event to the start of its run, p50", f"{percentile(starts, .5):.2f} ms", "target under 5 ms")
    say("the same, p99", f"{percentile(starts, .99):.2f} ms")
    before = pss_kib(daemon.pid)
    end = daemon.run("bench-probe", "emit", count="100000", topic="bench.flood")
    result = end["result"]
    say("events through the bus to a resident task", f"{result['count'] / result['ns'] * 1e9:,.0f} /s", "target 10,000 /s")
    say("memory that 100,000 events have added", f"{max(0, pss_kib(daemon.pid) - before)} KiB")


def event_to_start(daemon):
    """From the journal: an event's record and the start of the run that it caused."""
    def when(record):
        stamp = record["time"]
        return time.mktime(time.strptime(stamp[:19], "%Y-%m-%dT%H:%M:%S")) + float("0" + stamp[19:-1])
    waits, event = [], None
    for record in daemon.records():
        if record["rec"] == "event" and record["topic"] == "bench.tick":
            event = record
        elif event and record["rec"] == "run.start" and record["task"] == "latency":
            waits.append((when(record) - when(event)) * 1000)
            event = None
    return waits


def main():
    folder = tempfile.mkdtemp(prefix="gonka-bench-")
    try:
        for part in (bench_start, bench_runs, bench_streams, bench_idle):
            if len(sys.argv) < 2 or part.__name__ in sys.argv[1:]:
                os.makedirs(os.path.join(folder, part.__name__))
                part(os.path.join(folder, part.__name__))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
