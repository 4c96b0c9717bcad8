"""What an event says of itself to those who hear it, and what becomes of one that is too long."""
import json
import re
import select
import subprocess
import time
from datetime import datetime

import pytest
from conftest import AGENT, wait_until

EVENT = re.compile(r"(\S+) from (\S+) number (\d+) at (\d+): (.*)")


@pytest.fixture
def follow(start):
    """follow(world) starts the daemon and `events --follow --json`; the function it gives ends that and tells what it
    has heard since."""
    clients = []

    def begin(world):
        daemon = start(world)
        client = subprocess.Popen([AGENT, "events", "--follow", "--json", "-c", world.manifest], stdout=subprocess.PIPE)
        clients.append(client)
        plugin = world.status()["plugins"][0]["name"]
        wait_until(lambda: world.cli("resume", plugin) and select.select([client.stdout], [], [], 0.1)[0], "it listens")

        def heard(topic, n):
            events = []
            while len(events) < n:
                event = json.loads(client.stdout.readline())
                events += [event] if event["topic"] == topic else []
            return events
        return daemon, heard

    yield begin
    for client in clients:
        client.kill()
        client.wait()
        client.stdout.close()


def test_a_subscriber_is_told_who_said_it_when_and_in_which_order(world, start):
    world.write("  sample-events: {tasks: {echo: {enabled: false}}}\n")
    start(world)
    told = []
    for n in range(3):
        before = time.time_ns()
        world.json("run", "sample-events", "ping")
        after = time.time_ns()
        record = world.wait_for(n + 1, plugin="sample-events", task="on-ping", rec="run.end")[n]
        topic, origin, number, at, payload = EVENT.fullmatch(record["summary"]).groups()
        assert (topic, origin) == ("sample.ping", "sample-events/ping")
        assert json.loads(payload) == {"n": 0, "height": 9007199254740993}
        assert before <= int(at) <= after
        told.append(int(number))
    assert told == sorted(set(told))


def test_a_follower_is_told_the_same(world, follow):
    world.write("  sample-events: {tasks: {echo: {enabled: false}, on-ping: {enabled: false}}}\n")
    _, heard = follow(world)
    before = time.time_ns()
    world.json("run", "sample-events", "ping", "count=20")
    after = time.time_ns()
    events = heard("sample.ping", 20)
    assert [e["payload"]["n"] for e in events] == list(range(20))
    assert {e["origin"] for e in events} == {"sample-events/ping"}
    numbers = [int(e["sequence"]) for e in events]
    assert numbers == list(range(numbers[0], numbers[0] + 20))
    times = [int(e["time_ns"]) for e in events]
    assert times == sorted(times) and before <= times[0] and times[-1] <= after


def test_the_journal_tells_the_same_later(world, follow):
    world.write("  sample-events: {tasks: {echo: {enabled: false}, on-ping: {enabled: false}}}\n")
    _, heard = follow(world)
    world.json("run", "sample-events", "ping", "count=20")
    live = heard("sample.ping", 20)
    done = world.cli("events", "sample.ping", "--json")
    kept = [json.loads(line) for line in done.stdout.splitlines()]
    for member in ("topic", "origin", "payload", "sequence"):
        assert [e[member] for e in kept] == [e[member] for e in live]
    for then, now in zip(kept, live):
        written = datetime.fromisoformat(then["time"].replace("Z", "+00:00")).timestamp()
        assert 0 <= written - int(now["time_ns"]) / 1e9 + 1e-6 < 1


def test_long_texts_of_an_event_of_the_agent_are_cut_and_it_is_told(world, follow):
    world.write("  bad-log: {tasks: {long: {every: never}}}\n")
    _, heard = follow(world)
    world.json("run", "bad-log", "long")
    payload = heard("act.done", 1)[0]["payload"]
    assert payload["cut"] is True
    assert len(json.dumps(payload, ensure_ascii=False).encode()) <= 16384
    assert payload["object"] == '"' * 1023 + "…"  # the three bytes of the next character would not fit
    assert payload["note"] == '"' * 1024 + "…"
    assert (payload["plugin"], payload["task"], payload["verb"]) == ("bad-log", "long", "name")


def test_the_failure_of_a_task_with_the_longest_summary_is_told(world, follow):
    world.write("  bad-log: {tasks: {long: {every: 1h, delay: 1s}}}\n")
    _, heard = follow(world)
    payload = heard("task.failed", 1)[0]["payload"]
    assert payload["outcome"] == "failed"
    assert payload["summary"].startswith('"' * 4000)
    assert "cut" not in payload  # 4 KiB of quotes are 8 KiB of JSON
