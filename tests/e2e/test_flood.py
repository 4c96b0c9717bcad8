"""A flood of events: memory stays bounded, what is dropped is counted, the journal keeps what matters."""
import collections
import os
import subprocess
import time

import pytest
from conftest import AGENT, SLOW, anonymous_kib, wait_until

FLOOD = "3s" if SLOW == 1 else "6s"
MEMORY_KIB = int(40 * 1024 * SLOW)  # a queue holds little; without a bound the flood would take gigabytes


@pytest.fixture
def flooded(world, start, tmp_path):
    """A daemon, and a client that has one task emit events as fast as it can."""
    (tmp_path / "acts").mkdir()
    world.write(f"  bad-tasks: {{tasks: {{flood-events: {{timeout: {FLOOD}}}}}}}\n"
                "  slow-ears: {}\n"
                f"  sample-acts: {{options: {{folder: {tmp_path}/acts}}, tasks: {{touch: {{every: never}}}}}}\n")
    daemon = start(world)
    client = subprocess.Popen([AGENT, "run", "bad-tasks", "flood-events", "-c", world.manifest],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: world.status()["counters"]["events"] > 1000, "the flood is on")
    yield world, daemon, client
    client.kill()
    client.wait()


def test_memory_stays_bounded(flooded):
    world, daemon, client = flooded
    highest = 0
    while client.poll() is None:
        highest = max(highest, anonymous_kib(daemon.pid))
        time.sleep(0.05)
    assert world.status()["counters"]["events"] > 5000
    assert highest < MEMORY_KIB


def test_what_a_slow_task_does_not_hear_is_counted(flooded):
    world, _, _ = flooded
    dropped = lambda: world.task("slow-ears", "listen")["events_dropped"]  # noqa: E731
    first = wait_until(dropped, "events are dropped")
    wait_until(lambda: dropped() > first, "the count grows")


def test_what_the_journal_leaves_out_is_counted(flooded):
    world, _, client = flooded
    left_out = lambda: world.status()["counters"]["events_unjournalled"]  # noqa: E731
    first = wait_until(left_out, "events are left out")
    wait_until(lambda: left_out() > first, "the count grows")
    client.wait(timeout=30 * SLOW)
    # other events are journalled or left out like these; task.* and act.* have records of their own
    counters = wait_until(lambda: (lambda c: c if c["running"] == 0 else None)(world.status()["counters"]), "calm")
    assert counters["events_unjournalled"] + len(world.records(rec="event")) <= counters["events"]
    assert counters["events_unjournalled"] >= counters["events"] - len(world.records(rec="event")) - 20


def test_a_hundred_events_a_second_are_journalled_at_most(flooded):
    world, _, client = flooded
    client.wait(timeout=30 * SLOW)
    events = world.records(rec="event", topic="bad.flood")
    assert len(events) >= 100
    # the second of the limit is the agent's own, of the clock that people read two of them may overlap
    per_second = collections.Counter(event["time"][:19] for event in events)
    assert max(per_second.values()) <= 200
    assert len(events) <= 100 * (len(per_second) + 1)


def test_every_act_of_another_plugin_is_journalled(flooded):
    world, _, client = flooded
    done = 0
    while client.poll() is None and done < 60:
        folder = os.path.join(world.folder, "acts")
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
        assert world.json("run", "sample-acts", "touch", "count=5")["outcome"] == "changed"
        done += 5
    assert done >= 10
    assert len(world.records(plugin="sample-acts", rec="act")) == done
    assert len(world.records(plugin="sample-acts", rec="acted", ok=True)) == done
    assert world.status()["counters"]["journal_lost"] == 0
