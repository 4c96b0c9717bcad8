"""chain-watch against simulated nodes: what it tells of a chain, and whose fault it is when there are no blocks."""
import json
import time

import pytest
from chain_client import ChainStandin
from conftest import PLUGINS, wait_until

TOPICS = ("epoch.started", "poc.generate.started", "poc.generate.winding_down", "poc.validate.started",
          "poc.validate.winding_down", "inference.started", "epoch.validators.set", "epoch.claim.started")


@pytest.fixture
def chain():
    with ChainStandin(nodes=3, height=1000, epoch=7, epoch_start=950, time=time.time(),
                      epoch_params={"epoch_length": 200, "poc_stage_duration": 20, "poc_validation_delay": 5,
                                    "poc_validation_duration": 20, "set_new_validators_delay": 5,
                                    "inference_validation_cutoff": 30}) as running:
        running.do("run", blocks_per_second=5, real_time=True)
        wait_until(lambda: running.do("state")["height"] > 1004, "a few blocks")
        yield running


@pytest.fixture
def watched(world, chain):
    """watched(...) writes a manifest for node 0 as this host's; options can be added and replaced."""
    world.plugin_dir = PLUGINS

    def write(**more):
        options = {"node": chain.nodes[0]["proxy"], "sources": [node["proxy"] for node in chain.nodes[1:]],
                   "chain_id": chain.chain_id, "poll": "50ms", "compare": "300ms", "max_age": "3s", "block_every": "0s",
                   "max_lag": 20, "ask_timeout": "2s", **more}
        world.write(f"  chain-watch: {{options: {json.dumps(options)}}}\n")

    write()
    return write


def told(world, topic):
    return [record["payload"] for record in world.records(rec="event", topic=topic)]


def wait_told(world, topic, n=1):
    return wait_until(lambda: (lambda found: found if len(found) >= n else None)(told(world, topic)), f"{n} x {topic}")


def show(world):
    return world.json("run", "chain-watch", "show")


# by hand


def test_show_says_where_the_chain_is(world, chain, watched):
    answer = show(world)
    seen = answer["result"]
    assert (answer["outcome"], seen["state"], seen["healthy"]) == ("ok", "following", 3), answer
    assert seen["epoch"] == {"index": 7, "start": 950, "length": 200, "next_start": 1150}
    assert (seen["phase"], seen["next"]["what"]) == ("Inference", "epoch.cutoff")
    assert seen["lag"] <= 20 and seen["peers"] >= 0 and "upgrade" not in seen
    assert "epoch     7, block" in answer["text"] and "none is planned" in answer["text"]


@pytest.mark.parametrize("manner", [["strings"], ["numbers"], ["nested"]])
def test_every_dialect_of_json_is_understood(world, chain, watched, manner):
    for number in range(3):
        chain.do("node", i=number, manner=manner)
    chain.do("plan", name="v0.9.9", height=50000)
    seen = show(world)["result"]
    assert seen["epoch"]["next_start"] == 1150 and seen["upgrade"]["what"] == "v0.9.9"


def test_no_node_that_can_be_asked_is_unknown(world, chain, watched):
    for number, manner in enumerate(("dead", "html", "half")):
        chain.do("node", i=number, manner=manner)
    answer = show(world)
    assert (answer["outcome"], answer["result"]["state"]) == ("unknown", "unknown")
    assert "height" not in answer["result"] and "epoch" not in answer["result"]


def test_a_node_alone_is_believed_but_for_a_standstill(world, chain, watched):
    watched(sources=[])
    assert show(world)["result"]["state"] == "following"
    chain.do("node", i=0, manner="stale", blocks=100)
    assert show(world)["result"]["state"] == "stands"


# following


def test_every_phase_of_an_epoch_is_told_once_and_in_order(world, chain, watched, start):
    chain.do("to", height=1140)
    start(world)
    wait_told(world, "chain.block")
    chain.do("run", blocks_per_second=20, real_time=True)
    wait_told(world, "epoch.claim.started")
    events = [record for record in world.records(rec="event") if record["topic"] in TOPICS]
    assert [event["topic"] for event in events] == list(TOPICS)
    assert all(event["payload"]["epoch"] == 8 for event in events)
    started = events[1]["payload"]
    assert started["at"] == 1150 and started["next"]["what"] == "poc.generate.winding_down"


def test_a_restart_tells_nothing_again(world, chain, watched, start):
    chain.do("plan", name="v0.9.9", ahead=100000)
    daemon = start(world)
    wait_told(world, "upgrade.scheduled")
    chain.do("node", i=0, manner="dead")
    wait_told(world, "chain.node.down")
    assert daemon.end() == 0
    start(world)
    chain.do("node", i=0, manner="good")
    wait_told(world, "chain.resumed")
    assert len(told(world, "upgrade.scheduled")) == 1 and len(told(world, "chain.node.down")) == 1


def test_an_upgrade_is_told_when_scheduled_near_and_done(world, chain, watched, start):
    watched(near="1h")
    start(world)
    wait_told(world, "chain.block")
    ahead = 50
    chain.do("plan", name="v0.9.9", ahead=ahead)
    scheduled = wait_told(world, "upgrade.scheduled")[0]["upgrade"]
    assert scheduled["name"] == "v0.9.9" and scheduled["when"].count("UTC (in ") == 1
    wait_told(world, "upgrade.near")
    chain.do("run", blocks_per_second=50, real_time=True)
    wait_until(lambda: chain.do("state")["halted"], "the chain stands at the upgrade")
    assert wait_told(world, "chain.stalled")[0]["upgrade"] == "v0.9.9"
    chain.do("upgrade")
    assert wait_told(world, "upgrade.done")[0]["upgrade"]["height"] == scheduled["height"]
    wait_told(world, "chain.resumed")
    assert not told(world, "upgrade.cancelled")


def test_a_halted_chain_is_told_apart_from_a_sick_node(world, chain, watched, start):
    start(world)
    wait_told(world, "chain.block")
    chain.do("node", i=0, manner="stale", blocks=300)
    assert wait_told(world, "chain.node.behind")[0]["state"] == "node-behind"
    assert not told(world, "chain.stalled")
    chain.do("node", i=0, manner="good")
    wait_told(world, "chain.resumed")
    chain.do("halt")
    assert wait_told(world, "chain.stalled")[0]["state"] == "chain-halted"
    chain.do("resume")
    assert wait_told(world, "chain.resumed", 2)[1]["was"] == "chain-halted"


def test_a_clock_that_is_wrong_is_no_standstill(world, watched, start):
    with ChainStandin(nodes=3, height=1000, time=time.time() - 36000) as late:
        late.do("run", blocks_per_second=5)
        watched(node=late.nodes[0]["proxy"], sources=[node["proxy"] for node in late.nodes[1:]], chain_id=late.chain_id)
        start(world)
        progress = lambda: (world.task("chain-watch", "follow").get("progress") or {}).get("what", "")
        wait_until(lambda: "is the clock right?" in progress(), "its progress")
        height = late.do("state")["height"]
        wait_until(lambda: late.do("state")["height"] > height + 10, "two seconds more, longer than a block may be missing")
    assert not told(world, "chain.stalled")


def test_what_was_told_of_another_chain_is_forgotten(world, chain, watched, start):
    chain.do("plan", name="v0.9.9", ahead=100000)
    daemon = start(world)
    wait_told(world, "upgrade.scheduled")
    assert daemon.end() == 0
    with ChainStandin(nodes=1, height=100, epoch=1, epoch_start=50, time=time.time(), chain_id="gonka-other") as other:
        other.do("run", blocks_per_second=5, real_time=True)
        other.do("plan", name="v0.9.9", ahead=100000)
        watched(node=other.nodes[0]["proxy"], sources=[], chain_id="gonka-other")
        start(world)
        assert wait_told(world, "upgrade.scheduled", 2)[1]["epoch"] == 1
    assert not told(world, "upgrade.done") and not told(world, "upgrade.cancelled")


def test_a_node_of_another_chain_is_named(world, chain, watched):
    chain.do("node", i=0, manner="wrong_chain", chain_id="gonka-testnet")
    seen = show(world)["result"]
    assert seen["state"] == "node-behind" and "is on the chain gonka-testnet" in seen["text"]


def test_a_node_that_syncs_is_told(world, chain, watched, start):
    start(world)
    wait_told(world, "chain.block")
    chain.do("node", i=0, manner="catching_up", blocks=300)
    syncing = wait_told(world, "chain.catching_up")[0]
    assert syncing["node_height"] < syncing["height"] and syncing["lag"] == syncing["height"] - syncing["node_height"]


def test_sources_that_lie_do_not_move_it(world, chain, watched, start):
    start(world)
    wait_told(world, "chain.block")
    chain.do("node", i=2, manner="lying_height", blocks=100000)
    height = chain.do("state")["height"]
    wait_until(lambda: told(world, "chain.block")[-1]["height"] > height + 3, "it goes on")
    assert all(payload["height"] < height + 1000 for payload in told(world, "chain.block"))
    assert not told(world, "chain.node.behind") and not told(world, "epoch.started")


def test_status_shows_where_the_chain_is(world, chain, watched, start):
    start(world)
    wait_told(world, "chain.block")
    what = wait_until(lambda: (world.task("chain-watch", "follow").get("progress") or {}).get("what"), "its progress")
    assert what.startswith("following, height ") and "epoch 7 Inference" in what and "lag 0" in what
    metrics = world.status()["plugins"][0]["metrics"]
    assert {"height", "lag_blocks", "peers", "epoch", "blocks_to_next_phase", "block_seconds"} <= set(metrics)
