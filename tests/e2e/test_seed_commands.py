"""seed-manager and the operator's programs that stop, start and restart the node; and what must never start it."""
import fcntl
import json
import os
import threading

import pytest
from conftest import wait_until
from seed_deploy import seed_of, stored, survey
from test_seed_apply import apply, changed_toml, host, chain, running  # noqa: F401 pylint: disable=unused-import
from test_seed_reseed import node, reseed, verbs  # noqa: F401 pylint: disable=unused-import


@pytest.fixture
def program(tmp_path):
    """program(name, body) makes an executable script; gives its path."""

    def make(name, body):
        path = str(tmp_path / name)
        with open(path, "w", encoding="utf-8") as out:
            out.write("#!/bin/sh\n" + body)
        os.chmod(path, 0o755)
        return path

    return make


def ran(deploy):
    """What the programs wrote into the folder that they were run in."""
    path = os.path.join(deploy.folder, "ran")
    return deploy.read(path).split() if os.path.exists(path) else []


def test_the_node_is_restarted_after_a_change(world, host, program):
    deploy = host(options={"restart_command": program("restart", 'echo "$1" >> ran\n'), "restart_args": ["node"]})
    end = apply(world)
    assert (end["outcome"], verbs(end)) == ("changed", ["change-seeds", "restart-node"]), json.dumps(end)
    assert ran(deploy) == ["node"]
    assert end["result"]["restart_needed"] == ""
    assert stored(world, "apply")["restarted_ns"] > 0


def test_plan_restarts_nothing(world, host, program):
    deploy = host(options={"restart_command": program("restart", "echo node >> ran\n")})
    end = world.json("plan", "seed-manager", "apply")
    assert "restart-node" in json.dumps(end)
    assert ran(deploy) == [] and deploy.untouched()


def test_after_an_own_restart_the_age_of_connections_plays_no_part(world, chain, host, program):
    """The restart is known, so the watch has begun, whatever the node says."""
    deploy = host(options={"restart_command": program("restart", "exit 0\n"), "watch": "0s"})
    apply(world)
    chain.do("node", i=0, peers=0)
    end = apply(world)
    assert verbs(end) == ["undo-change", "restart-node"], json.dumps(end)
    assert deploy.toml == deploy.toml_text


def test_a_restart_that_fails_is_told_with_the_command(world, chain, host, program):
    deploy = host(options={"restart_command": program("restart", "echo s3cret >&2; exit 3\n")})
    end = apply(world)
    assert (end["outcome"], "status 3" in end["summary"]) == ("failed", True), json.dumps(end)
    assert "docker compose restart node" in end["result"]["restart_needed"]
    assert "s3cret" not in json.dumps(end) + json.dumps(world.records())
    assert deploy.toml == changed_toml(deploy, chain)
    assert stored(world, "apply")["stage"] == "watching"


def release_when(path, file):
    """Lets the lock on a file go as soon as there is something at `path`."""
    wait_until(lambda: os.path.exists(path), path)
    file.close()


def test_reseed_stops_moves_and_starts(world, node, program):
    """The stop is proven: the move waits until nobody holds the database's lock any more."""
    mine = node(options={"stop_command": program("stop", "echo stop >> ran\n"),
                         "start_command": program("start", "echo start >> ran\n")})
    lock = open(os.path.join(mine.data, "state.db", "LOCK"), "r+", encoding="ascii")
    fcntl.flock(lock, fcntl.LOCK_EX)
    thread = threading.Thread(target=release_when, args=(os.path.join(mine.deploy.folder, "ran"), lock))
    thread.start()
    end = reseed(world)
    thread.join()
    assert verbs(end) == ["change-seeds", "stop-node", "move-data-aside", "start-node"], json.dumps(end)
    assert ran(mine.deploy) == ["stop", "start"]
    assert stored(world, "reseed")["started_ns"] > 0


def test_reseed_moves_nothing_when_the_stop_has_no_effect(world, chain, node, program):
    mine = node(options={"stop_command": program("stop", "echo stop >> ran\n"), "command_timeout": "1s"})
    chain.do("node", i=0, manner="catching_up", blocks=5000)
    end = reseed(world)
    assert (end["outcome"], "it answers" in end["summary"]) == ("refused", True), json.dumps(end)
    assert ran(mine.deploy) == ["stop"] and mine.unmoved()


def test_reseed_is_not_started_by_an_event(world, chain, node, start):
    """Even where a manifest gives it a trigger."""
    mine = node()
    with open(world.manifest, encoding="utf-8") as file:
        text = file.read()
    text = text.replace("seed-manager: {options", "seed-manager: {tasks: {reseed: {on: [agent.*]}}, options")
    with open(world.manifest, "w", encoding="utf-8") as out:
        out.write(text)
    survey(world, [seed_of(other) for other in chain.nodes[1:]])
    start(world)
    record = world.wait_for(rec="run.end", task="reseed")[0]
    assert record["outcome"] == "refused", record
    assert mine.unmoved()
