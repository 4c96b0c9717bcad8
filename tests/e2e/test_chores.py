"""The two chores under a running daemon: a real nats-server, real folders, on timers and on events."""
import os
import shutil
import signal
import sys
import time

import pytest
from conftest import PLUGINS, SLOW, TOP, World, children_of, wait_until

sys.path.insert(0, os.path.join(TOP, "tests", "demo"))
import deploy  # noqa: E402
import streams  # noqa: E402
from natswire import Nats  # noqa: E402

DAY_NS = 24 * streams.HOUR_NS
BACKLOG = {"txs_to_send": (960, 240), "txs_to_observe": (480, 240)}  # messages, hours


@pytest.fixture
def house(tmp_path):
    """A world that finds the real plugins."""
    if not {"nats-ttl.so", "backup-pruner.so"} <= set(os.listdir(PLUGINS) if os.path.isdir(PLUGINS) else ()):
        pytest.skip("the plugins were not built")
    return World(tmp_path, PLUGINS)


@pytest.fixture
def server(tmp_path):
    """A nats-server with the network's two streams and ten days of messages; server.port may be served anew."""
    if not shutil.which("nats-server", path=os.environ.get("PATH", "") + ":/usr/sbin"):
        pytest.skip("nats-server is not installed")
    store = str(tmp_path / "store")
    with streams.Server(store) as first:
        streams.create(first.port, BACKLOG)
    streams.age(store, BACKLOG)
    with streams.Server(store) as running:
        yield running


def info(server, stream):
    with Nats(server.port) as nats:
        return nats.ask(f"$JS.API.STREAM.INFO.{stream}")


def max_age(server, stream):
    return info(server, stream)["config"].get("max_age", 0)


def ttl(server, extra="", task="delay: 0s"):
    return f"  nats-ttl:\n    options: {{servers: ['nats://127.0.0.1:{server.port}']{extra}}}\n    tasks: {{enforce: {{{task}}}}}\n"


def test_streams_get_their_lifetime_on_the_timer(house, server, start):
    house.write(ttl(server))
    start(house)
    house.wait_for(2, plugin="nats-ttl", rec="acted", ok=True)
    for stream, (count, _) in BACKLOG.items():
        state = info(server, stream)
        assert state["config"]["max_age"] == DAY_NS
        assert 0 < state["state"]["messages"] <= count // 10


def test_a_stream_edited_behind_our_back_is_corrected_at_once(house, server, start):
    house.write(ttl(server))
    start(house)
    house.wait_for(2, plugin="nats-ttl", rec="acted", ok=True)
    house.wait_for(2, plugin="nats-ttl", task="enforce", rec="run.end")  # the timer's, and that of its connection or its own edits
    with Nats(server.port) as nats:
        config = nats.ask("$JS.API.STREAM.INFO.txs_to_send")["config"]
        edited = time.monotonic()
        nats.ask("$JS.API.STREAM.UPDATE.txs_to_send", {**config, "max_age": 0})
    wait_until(lambda: max_age(server, "txs_to_send") == DAY_NS, "the lifetime is back")
    assert time.monotonic() - edited < 2 * SLOW
    assert house.wait_for(rec="event", topic="nats.stream.updated")
    assert house.wait_for(plugin="nats-ttl", task="enforce", rec="run.start", topic="nats.stream.updated")


def test_a_server_that_is_away_is_unknown_and_looked_at_once_it_is_back(house, server, start):
    server.end()
    house.write(ttl(server))
    start(house)
    end = house.wait_for(plugin="nats-ttl", task="enforce", rec="run.end")[0]
    assert end["outcome"] == "unknown"
    assert "connection refused" in end["summary"]
    assert not house.records(rec="act")
    with streams.Server(server.store, server.port) as back:
        house.wait_for(2, plugin="nats-ttl", rec="acted", ok=True)
        assert max_age(back, "txs_to_send") == DAY_NS


def test_messages_that_nobody_has_worked_off_are_not_dropped_until_told(house, server):
    with Nats(server.port) as nats:
        nats.ask("$JS.API.CONSUMER.DURABLE.CREATE.txs_to_send.slow", {"stream_name": "txs_to_send", "config": {
            "durable_name": "slow", "ack_policy": "explicit", "deliver_subject": "_DELIVER.slow"}})
    house.write(ttl(server))
    refused = house.json("run", "nats-ttl", "enforce")
    assert refused["outcome"] == "refused"
    assert "allow_drop" in str(refused)
    assert info(server, "txs_to_send")["state"]["messages"] == BACKLOG["txs_to_send"][0]
    assert max_age(server, "txs_to_send") == 0
    assert house.json("run", "nats-ttl", "enforce", "allow_drop=true")["outcome"] == "changed"
    assert max_age(server, "txs_to_send") == DAY_NS


def test_a_plan_changes_no_stream(house, server):
    house.write(ttl(server))
    done = house.cli("plan", "nats-ttl")
    assert "would  set-max-age  stream txs_to_send" in done.stdout
    assert max_age(server, "txs_to_send") == 0


# --- backups ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path):
    deploy.make(str(tmp_path / "host"))
    return tmp_path / "host/.inference"


def copies(home):
    return sorted(name for name in os.listdir(home) if name.startswith(("data-backup-2", ".ga-tombstone")))


def pruner(home, extra="", tasks=""):
    return f"  backup-pruner:\n    options: {{homes: ['{home}'], look_again: 10ms{extra}}}\n    tasks: {{{tasks}}}\n"


def test_a_disk_that_runs_low_starts_the_pruner(house, home, start):
    before = copies(home)
    house.write(pruner(home, ", low: 8000PB", "prune: {every: never}, forecast: {delay: 0s}"))
    start(house)
    begun = house.wait_for(plugin="backup-pruner", task="prune", rec="run.start")[0]
    assert (begun["trigger"], begun["topic"]) == ("on", "disk.low")
    end = house.wait_for(plugin="backup-pruner", task="prune", rec="run.end")[0]
    assert end["outcome"] == "changed"
    assert len(copies(home)) == len(before) - 4
    assert (home / "data/application.db/CURRENT").exists()


def test_a_pruner_killed_in_the_middle_is_continued_and_half_a_copy_never_looks_whole(house, home, start):
    house.write(pruner(home, ", delete_rate: 4", "prune: {delay: 0s}, forecast: {every: never}"))
    daemon = start(house)
    house.wait_for(plugin="backup-pruner", rec="act")
    tombs = wait_until(lambda: [name for name in copies(home) if name.startswith(".ga-tombstone")], "a tombstone")
    for pid in children_of(daemon.pid):
        os.kill(pid, signal.SIGKILL)
    end = house.wait_for(plugin="backup-pruner", task="prune", rec="run.end")[0]
    assert end["outcome"] == "failed"
    assert "SIGKILL" in end["summary"]
    assert tombs[0] in copies(home)
    daemon.end()
    house.write(pruner(home, "", "prune: {every: never}"))
    again = house.json("run", "backup-pruner", "prune")
    assert again["outcome"] == "changed"
    assert "resume-delete" in [act["verb"] for act in again["acts"]]
    left = copies(home)
    assert not [name for name in left if name.startswith(".ga-tombstone")]
    assert len(left) == (8 if os.geteuid() == 0 else 7)  # the newest good one, two half ones, a link, a file, another user's, and two without a date


def test_both_chores_do_not_wait_for_each_other(house, home, server, start):
    house.write(ttl(server) + pruner(home, ", delete_rate: 2", "prune: {delay: 0s}, forecast: {every: never}"))
    start(house)
    house.wait_for(plugin="backup-pruner", rec="act")
    house.wait_for(2, plugin="nats-ttl", rec="acted", ok=True)
    assert not house.records(plugin="backup-pruner", task="prune", rec="run.end")
