"""Thousands of bad runs leave nothing behind in the daemon: no descriptor, no memory, no process."""
import json
import os
import socket

import pytest
from conftest import DEADLINE_S, SLOW, anonymous_kib, children_of, wait_until

RUNS = 2000 if SLOW == 1 else 200  # sanitizers take their time, and their own memory
WARM_UP = 200                      # what is allocated once, and what the allocator keeps
GROWTH_KIB = 512                   # less than 300 bytes a run
FILES = 8                          # open for a moment; one left behind by each run would be thousands
AT_ONCE = 8                        # ask for runs, so that one is always waiting


class Client:
    """One that asks for run after run on the control socket, without a process of its own for each."""

    def __init__(self, world):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE_S)
        self.path = world.socket

    def ask(self, plugin, task):
        self.socket.connect(self.path)
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


def run_often(world, task, times):
    """Runs it so many times; gives the outcomes' summaries."""
    clients, summaries = [], []
    for n in range(times + AT_ONCE):
        if n < times:
            clients.append(Client(world))
            clients[-1].ask("bad-tasks", task)
        if n >= AT_ONCE:
            summaries.append(clients.pop(0).end()["summary"])
    return summaries


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


@pytest.mark.parametrize("task,cause", [
    ("crash", "SIGSEGV"),
    ("fork-children", "3 children left behind"),
    ("garbage", "sent what is no packet"),
])
def test_thousands_of_bad_runs_leave_nothing_behind(world, start, task, cause):
    world.write("  bad-tasks: {}\n", agent="journal: {max_size: 1MiB, files: 2}")
    daemon = start(world)
    run_often(world, task, min(WARM_UP, RUNS))
    wait_until(lambda: children_of(daemon.pid) == [], "all runs have ended")
    files, memory = open_files(daemon.pid), anonymous_kib(daemon.pid)
    summaries = run_often(world, task, RUNS)
    assert len(summaries) == RUNS
    assert all(cause in summary for summary in summaries), {s for s in summaries if cause not in s}
    wait_until(lambda: children_of(daemon.pid) == [], "all runs have ended")
    wait_until(lambda: open_files(daemon.pid) <= files + FILES, "descriptors are closed")
    assert anonymous_kib(daemon.pid) - memory <= GROWTH_KIB * SLOW
