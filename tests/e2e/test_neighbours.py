"""A bad plugin beside a good one: the good one keeps its schedule, the bad one's outcome names the cause."""
import time
from datetime import datetime

import pytest
from conftest import SLOW

PERIOD_S = 0.2
GAP_S = PERIOD_S * 1.1 + 0.6 * SLOW  # jitter, and starting a process on a machine that others use too

# task, words of the summary that name the cause
BAD = [
    ("hang", "did not end within its timeout of 2 s"),
    ("spin", "did not end within its timeout of 2 s"),
    ("allocate", "memory"),
    ("fork-children", "3 children left behind"),
    ("fork-away", "3 children left behind in sessions of their own"),
    ("flood-events", "did not end within its timeout of 2 s"),
    ("flood-logs", "all logged"),
    ("garbage", "sent what is no packet"),
    ("exit", "exited with status 3"),
    ("crash", "SIGSEGV"),
    ("ignore-term", "ended by SIGKILL"),
]


def seconds(record):
    return datetime.fromisoformat(record["time"].replace("Z", "+00:00")).timestamp()


@pytest.mark.parametrize("task,cause", BAD)
def test_the_good_one_keeps_its_schedule(world, start, task, cause):
    world.write("  bad-tasks: {limits: {memory: 64MiB}, tasks: {flood-logs: {timeout: 1m}}}\n"
                f"  sample-good: {{tasks: {{count: {{every: {int(PERIOD_S * 1000)}ms, delay: 0s}}}}}}\n")
    start(world)
    good = {"plugin": "sample-good", "task": "count", "rec": "run.start"}
    world.wait_for(2, **good)
    began = time.time()
    rounds = 0
    while rounds == 0 or time.time() < began + 5 * PERIOD_S:  # bad long enough for five good runs
        end = world.json("run", "bad-tasks", task)
        assert cause in end["summary"], end
        rounds += 1
    ended = time.time()
    world.wait_for(len(world.records(**good)) + 1, **good)
    stamps = [seconds(record) for record in world.records(**good)]
    meanwhile = [stamp for stamp in stamps if began <= stamp <= ended]
    gaps = [b - a for a, b in zip(stamps, stamps[1:])]
    assert max(gaps) <= GAP_S, gaps
    assert len(meanwhile) >= (ended - began) / GAP_S - 1
    assert {record["outcome"] for record in world.records(plugin="sample-good", rec="run.end")} == {"ok"}
