"""End-to-end tests: the real program, real plugins, a service manager's socket that the test owns.

GONKA_AGENT names the program, GONKA_PLUGINS the folder of its plugins, GA_TEST_PLUGINS that of the tests' own.
"""
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import time

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
AGENT = os.path.abspath(os.environ.get("GONKA_AGENT", os.path.join(TOP, "build/gonka-agent")))
PLUGINS = os.path.abspath(os.environ.get("GONKA_PLUGINS", os.path.join(TOP, "build/run/plugins")))
TEST_PLUGINS = os.path.abspath(os.environ.get("GA_TEST_PLUGINS", os.path.join(TOP, "build/run/test-plugins")))
SLOW = float(os.environ.get("GA_TEST_SLOW", "1"))  # sanitizers make everything take longer
DEADLINE_S = 30 * SLOW
# another server is no matter of sanitizers, nor is a shell script: what it runs of ours the other tests run, too
collect_ignore = ["test_newest_nats.py", "test_quickstart.py"] if SLOW > 1 else []
# the files that take longest, the longest first: none of them shall begin when the others have ended
LONG = ["test_endurance.py", "test_flight_check.py", "test_newest_nats.py", "test_quickstart.py", "test_supervision.py",
        "test_watchdog.py", "test_neighbours.py", "test_poc_wrong.py"]


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


def wait_until(condition, what, deadline_s=DEADLINE_S):
    """The first value of condition() that counts as true; asked every 5 ms."""
    until = time.monotonic() + deadline_s
    while time.monotonic() < until:
        value = condition()
        if value:
            return value
        time.sleep(0.005)
    raise AssertionError(f"did not happen within {deadline_s} s: {what}")


def children_of(pid):
    """Pids of a process's children; empty when it is gone."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def anonymous_kib(pid):
    """Memory that is a process's own making. Its share of common pages would change with what else is running."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Anonymous:"))


class World:
    """A folder with a manifest, and what is run in it."""

    def __init__(self, folder, plugin_dir=TEST_PLUGINS):
        self.folder = str(folder)
        self.plugin_dir = plugin_dir
        self.state = os.path.join(self.folder, "state")
        self.socket = os.path.join(self.folder, "control.sock")
        self.manifest = os.path.join(self.folder, "manifest.yaml")

    def write(self, plugins, agent=""):
        """Writes the manifest: YAML text of `plugins:`, and lines that belong to `agent:`."""
        lines = "".join(f"  {line}\n" for line in agent.splitlines())
        with open(self.manifest + ".new", "w", encoding="utf-8") as out:
            out.write(f"agent:\n  state_dir: {self.state}\n  socket: {self.socket}\n  plugin_dir: {self.plugin_dir}\n"
                      f"  log_level: debug\n{lines}plugins:\n{plugins}")
        os.rename(self.manifest + ".new", self.manifest)

    def cli(self, *words, via=(), **kwargs):
        """Runs a command to its end; the manifest is named for it. via: as for Daemon."""
        return subprocess.run([*via, AGENT, words[0], "-c", self.manifest, *words[1:]], capture_output=True, text=True,
                              timeout=240 * SLOW, check=False, **kwargs)

    def json(self, *words):
        done = self.cli(*words, "--json")
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def status(self):
        return self.json("status")

    def task(self, plugin, name):
        tasks = next(p for p in self.status()["plugins"] if p["name"] == plugin)["tasks"]
        return next(t for t in tasks if t["name"] == name)

    def records(self, **wanted):
        """The journal's records of which these members have these values, the oldest first."""
        found = []
        journal = os.path.join(self.state, "journal")
        names = sorted(os.listdir(journal), key=lambda n: -int(n.split(".")[1]) if n.count(".") == 2 else 0) \
            if os.path.isdir(journal) else []
        for name in names:
            with open(os.path.join(journal, name), encoding="utf-8") as file:
                text = file.read()
            for line in text[:text.rfind("\n") + 1].split("\n"):  # the agent may be in the middle of the last line
                try:
                    record = json.loads(line)
                except ValueError:
                    continue
                if all(record.get(key) == value for key, value in wanted.items()):
                    found.append(record)
        return found

    def wait_for(self, n=1, **wanted):
        """Waits until the journal has n such records; gives them."""
        return wait_until(lambda: (lambda r: r if len(r) >= n else None)(self.records(**wanted)), f"{n} x {wanted}")


class Daemon:
    """The agent in the foreground, told of by a notify socket of the test's own."""

    def __init__(self, world, *options, env=None, wait=True, via=()):
        """via: a command that puts the program into an environment and becomes it (as env(1) does)."""
        self.world = world
        path = os.path.join(world.folder, "notify")
        if os.path.exists(path):
            os.unlink(path)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(path)
        self.notify.settimeout(DEADLINE_S)
        self.log_path = os.path.join(world.folder, "daemon.log")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([*via, AGENT, "daemon", "-c", world.manifest, *options], stdout=log,
                                            stderr=log, env={**os.environ, "NOTIFY_SOCKET": path, **(env or {})})
        self.told = []
        if wait:
            self.wait_told("READY=1")

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait_told(self, line):
        """Waits for a message to the service manager that has this line; gives the message."""
        while True:
            try:
                message = self.notify.recv(4096).decode()
            except TimeoutError:
                raise AssertionError(f"never told {line}; log:\n{self.log()}") from None
            self.told.append(message)
            if line in message.split("\n"):
                return message

    def send(self, number):
        self.process.send_signal(number)

    def end(self, number=signal.SIGTERM):
        """Ends it; the exit status."""
        if self.process.poll() is None:
            self.send(number)
        status = self.process.wait(DEADLINE_S)
        self.notify.close()
        return status


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture
def start():
    """start(world) gives a running daemon; whatever was started is ended, and must have left no process behind."""
    daemons = []

    def begin(world, *options, **kwargs):
        daemons.append(Daemon(world, *options, **kwargs))
        return daemons[-1]

    yield begin
    for daemon in daemons:
        offspring = children_of(daemon.pid)
        daemon.end()
        assert not [pid for pid in offspring if os.path.exists(f"/proc/{pid}") and not is_zombie(pid)]


def is_zombie(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    """A cache of kernels of poc-worker, compiled once: the self-test has put them there. GA_TEST_KERNELS names a folder that
    keeps them for the next tests, since compiling takes half a minute; what the kernels are made of is in their names."""
    world = World(tmp_path_factory.mktemp("compiled"), PLUGINS)
    world.write("  poc-worker: {allow: [gpu]}\n")
    cache = os.path.join(world.state, "plugins", "poc-worker", "cache")
    kept = os.environ.get("GA_TEST_KERNELS")
    with open(os.path.join(kept or world.folder, "lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # whoever comes second finds them there
        if kept:
            shutil.copytree(kept, cache, ignore=shutil.ignore_patterns("lock"))
        assert world.json("run", "poc-worker", "devices")["outcome"] == "ok"
        if kept:
            shutil.copytree(cache, kept, dirs_exist_ok=True)
    return cache
