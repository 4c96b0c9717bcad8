"""Ten thousand runs, good and bad, leave nothing behind in the daemon: no descriptor, no memory, no process."""
import json
import os
import socket
from concurrent import futures

from conftest import DEADLINE_S, SLOW, anonymous_kib, children_of, wait_until

RUNS = 10000 if SLOW == 1 else 600  # sanitizers take their time, and their own memory
WARM_UP = 600 if SLOW == 1 else 60  # what is allocated once, and what the allocator keeps
GROWTH_KIB = 512                    # about 50 bytes a run
FILES = 8                           # open for a moment; one left behind by each run would be thousands
AT_ONCE = 8                         # ask for runs of a plugin, so that one is always waiting

# plugin, task, its share of the runs, words of the summary that name the cause
KINDS = [
    ("sample-good", "count", 0.49, ""),
    ("bad-tasks", "crash", 0.17, "SIGSEGV"),
    ("bad-tasks", "garbage", 0.17, "sent what is no packet"),
    ("bad-tasks", "fork-children", 0.17, "3 children left behind"),
]


class Client:
    """One that asks for run after run on the control socket, without a process of its own for each."""

    def __init__(self, world):
        self.socket = socket.socket(socket.AF_UNIX)
        self.path = world.socket

    def ask(self, plugin, task):
        self.socket.connect(self.path)  # waits for its turn, which it would not with a time limit
        self.socket.settimeout(DEADLINE_S)
        self.socket.sendall(json.dumps({"cmd": "run", "plugin": plugin, "task": task}).encode() + b"\n")

    def end(self):
        """The last line of the answer."""
        with self.socket, self.socket.makefile("rb") as lines:
            for line in lines:
                answer = json.loads(line)
                assert "error" not in answer, answer
                if answer.get("t") == "end":
                    return answer
        raise AssertionError("the daemon closed the connection before the run ended")


def run_often(world, plugin, task, times):
    """Runs it so many times; gives the outcomes' summaries."""
    clients, summaries = [], []
    for n in range(times + AT_ONCE):
        if n < times:
            clients.append(Client(world))
            clients[-1].ask(plugin, task)
        if n >= AT_ONCE and clients:
            summaries.append(clients.pop(0).end()["summary"])
    return summaries


def run_all(world, times):
    """So many runs in all, those of the two plugins beside each other; gives the summaries of each kind."""
    def run(wanted):
        return {task: run_often(world, plugin, task, int(times * share))
                for plugin, task, share, _ in KINDS if plugin == wanted}

    with futures.ThreadPoolExecutor() as threads:
        good, bad = threads.map(run, ("sample-good", "bad-tasks"))
    return {**good, **bad}


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_ten_thousand_runs_leave_nothing_behind(world, start):
    world.write("  bad-tasks: {}\n  sample-good: {tasks: {echo: {every: never}, count: {every: never}}}\n",
                agent="journal: {max_size: 1MiB, files: 2}")
    daemon = start(world)
    run_all(world, WARM_UP)
    wait_until(lambda: children_of(daemon.pid) == [], "all runs have ended")
    files, memory = open_files(daemon.pid), anonymous_kib(daemon.pid)
    summaries = run_all(world, RUNS)
    for _, task, share, words in KINDS:
        assert len(summaries[task]) == int(RUNS * share)
        assert all(words in summary for summary in summaries[task]), {s for s in summaries[task] if words not in s}
    assert sum(task["runs"] for plugin in world.status()["plugins"] for task in plugin["tasks"]) >= RUNS * 0.99
    wait_until(lambda: children_of(daemon.pid) == [], "all runs have ended")
    wait_until(lambda: open_files(daemon.pid) <= files + FILES, "descriptors are closed")
    assert anonymous_kib(daemon.pid) - memory <= GROWTH_KIB * SLOW
