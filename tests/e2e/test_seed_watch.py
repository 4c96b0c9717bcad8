"""seed-manager apply, after a change: what a crash left is finished or undone, and what made it worse is put back."""
import json
import os

import pytest
from seed_deploy import OLD_SEED, digest, plant, stored
from test_seed_apply import apply, changed_env, changed_toml
from test_seed_apply import chain, host, running  # noqa: F401 pylint: disable=unused-import

STAMP = "20251120T101112Z"


# a crash between the two files


class Crash:
    """The disk and the state as a killed run leaves them; `done` names the files that were renamed already."""

    def __init__(self, world, chain, deploy, done, stage="writing"):
        self.deploy = deploy
        self.new = {"config.env": changed_env(deploy, chain.nodes[1]), "config.toml": changed_toml(deploy, chain)}
        self.old = {"config.env": deploy.env_text, "config.toml": deploy.toml_text}
        self.path = {"config.env": deploy.env_path, "config.toml": deploy.toml_path}
        for name, path in self.path.items():
            deploy.write(self.beside(name, f"{name}.seeds-{STAMP}"), self.old[name], 0o640)
            if name in done:
                deploy.write(path, self.new[name], 0o640)
            else:
                deploy.write(self.aside(name), self.new[name], 0o640)
        plant(world, "apply", {"version": 1, "survey_ns": 1, "bad": 1, "stage": stage, "began_ns": 1, "restarted_ns": 0,
                               "worse": 0, "before": {"peers": 3, "height": 5}, "keys": [],
                               **{key: self.file(name) for key, name in (("env", "config.env"),
                                                                         ("toml", "config.toml"))}})

    def beside(self, name, other):
        return os.path.join(os.path.dirname(self.path[name]), other)

    def aside(self, name):
        return self.beside(name, f".{name}.seeds-new-{STAMP}")

    def file(self, name):
        return {"copy": f"{name}.seeds-{STAMP}", "aside": f".{name}.seeds-new-{STAMP}", "was": digest(self.old[name]),
                "becomes": digest(self.new[name])}


@pytest.mark.parametrize("done", [["config.env"], ["config.toml"]])
def test_a_run_killed_between_the_renames_is_finished(world, chain, host, done):
    deploy = host()
    crash = Crash(world, chain, deploy, done)
    end = apply(world)
    assert (end["outcome"], end["acts"][0]["verb"]) == ("changed", "finish-change"), json.dumps(end)
    assert (deploy.env, deploy.toml) == (crash.new["config.env"], crash.new["config.toml"])
    assert len(deploy.beside()) == 2, "the copies"
    assert stored(world, "apply")["stage"] == "watching"


def test_an_undo_killed_between_the_renames_is_finished(world, chain, host):
    """What it becomes is the old content here, and there is nothing to be watched afterwards."""
    deploy = host()
    crash = Crash(world, chain, deploy, ["config.env"], stage="undoing")
    end = apply(world)
    assert (end["outcome"], end["acts"][0]["verb"]) == ("changed", "finish-change"), json.dumps(end)
    assert (deploy.env, deploy.toml) == (crash.new["config.env"], crash.new["config.toml"])
    assert stored(world, "apply")["stage"] == "idle"


def test_an_undo_killed_before_the_renames_is_watched_again(world, chain, host):
    deploy = host()
    Crash(world, chain, deploy, [], stage="undoing")
    end = apply(world)
    assert end["acts"][0]["verb"] == "clear-unfinished-change", json.dumps(end)
    assert (deploy.env, deploy.toml) == (deploy.env_text, deploy.toml_text)
    assert [name for name in deploy.beside() if name.startswith(".")] == [] and len(deploy.beside()) == 2
    assert stored(world, "apply")["stage"] == "watching"


def test_plan_after_a_crash_changes_nothing(world, chain, host):
    deploy = host()
    Crash(world, chain, deploy, ["config.env"])
    before = (deploy.env, deploy.toml, deploy.beside(), stored(world, "apply"))
    world.json("plan", "seed-manager", "apply")
    assert (deploy.env, deploy.toml, deploy.beside(), stored(world, "apply")) == before


def test_a_run_killed_before_the_renames_leaves_nothing(world, chain, host):
    deploy = host()
    Crash(world, chain, deploy, [])
    end = apply(world)
    assert (end["outcome"], end["acts"][0]["verb"]) == ("changed", "clear-unfinished-change"), json.dumps(end)
    assert deploy.untouched()
    assert stored(world, "apply")["stage"] == "idle"


def test_a_run_killed_after_the_renames_is_watched(world, chain, host):
    deploy = host()
    crash = Crash(world, chain, deploy, ["config.env", "config.toml"])
    end = apply(world)
    assert end["result"]["phase"] == "watch", json.dumps(end)
    assert (deploy.env, deploy.toml) == (crash.new["config.env"], crash.new["config.toml"])


def test_what_somebody_wrote_after_a_crash_is_not_overwritten(world, chain, host):
    deploy = host()
    crash = Crash(world, chain, deploy, ["config.env"])
    deploy.write(deploy.toml_path, deploy.toml_text + "# by hand\n", 0o644)
    end = apply(world)
    assert (end["outcome"], "copies" in end["summary"]) == ("refused", True), json.dumps(end)
    assert (deploy.env, deploy.toml) == (crash.new["config.env"], deploy.toml_text + "# by hand\n")


def test_half_of_a_new_file_is_not_put_in_place(world, chain, host):
    deploy = host()
    crash = Crash(world, chain, deploy, ["config.env"])
    deploy.write(crash.aside("config.toml"), crash.new["config.toml"][:100], 0o644)
    end = apply(world)
    assert end["outcome"] == "refused", json.dumps(end)
    assert deploy.toml == deploy.toml_text


# the watch


@pytest.fixture
def watched(world, chain, host):
    """watched(...): a change was made while node 0 had 3 peers."""

    def make(restarted=True, **how):
        deploy = host(**how)
        end = apply(world)
        assert end["outcome"] == "changed", json.dumps(end)
        chain.do("node", i=0, connected_ns=0 if restarted else 3600 * 10**9)
        return deploy

    return make


def test_until_the_node_is_restarted_the_watch_waits(world, chain, watched):
    deploy = watched(restarted=False)
    chain.do("node", i=0, peers=1)
    for _ in range(3):
        end = apply(world)
        assert (end["outcome"], "not restarted" in end["summary"]) == ("ok", True), json.dumps(end)
    assert deploy.toml == changed_toml(deploy, chain)


def test_lost_peers_put_the_old_bytes_back(world, chain, watched):
    deploy = watched()
    apply(world)
    chain.do("node", i=0, peers=1)
    assert apply(world)["outcome"] == "ok", "once is not enough"
    end = apply(world)
    assert (end["outcome"], end["acts"][0]["verb"]) == ("changed", "undo-change"), json.dumps(end)
    assert (deploy.env, deploy.toml) == (deploy.env_text, deploy.toml_text)
    assert "docker compose restart node" in end["result"]["restart_needed"]
    assert stored(world, "apply")["stage"] == "idle"


def test_a_height_that_falls_behind_puts_the_old_bytes_back(world, chain, watched):
    deploy = watched()
    chain.do("node", i=0, manner="catching_up", blocks=5000)
    apply(world)
    end = apply(world)
    assert (end["outcome"], "behind" in end["summary"]) == ("changed", True), json.dumps(end)
    assert (deploy.env, deploy.toml) == (deploy.env_text, deploy.toml_text)


def test_worse_only_once_undoes_nothing(world, chain, watched):
    deploy = watched()
    for peers in (1, 1000, 1, 1000):
        chain.do("node", i=0, peers=peers)
        assert apply(world)["outcome"] == "ok"
    assert deploy.toml == changed_toml(deploy, chain)


def test_no_worse_at_the_end_is_confirmed(world, chain, watched):
    deploy = watched(options={"watch": "0s"})
    end = apply(world)
    assert (end["outcome"], "confirmed" in end["summary"]) == ("ok", True), json.dumps(end)
    assert stored(world, "apply")["stage"] == "idle"
    assert deploy.toml == changed_toml(deploy, chain)
    assert len(deploy.beside()) == 2, "the copies are kept"


def test_worse_at_the_end_is_undone_at_once(world, chain, watched):
    deploy = watched(options={"watch": "0s"})
    chain.do("node", i=0, peers=0)
    assert apply(world)["outcome"] == "changed"
    assert deploy.toml == deploy.toml_text


def test_while_it_settles_nothing_is_judged(world, chain, watched):
    deploy = watched(options={"settle": "1h", "watch": "2h"})
    chain.do("node", i=0, peers=0)
    for _ in range(3):
        end = apply(world)
        assert (end["outcome"], "too recent" in end["summary"]) == ("ok", True), json.dumps(end)
    assert deploy.toml == changed_toml(deploy, chain)


def test_a_silent_node_undoes_nothing_even_at_the_end(world, chain, watched):
    deploy = watched(options={"watch": "0s"})
    chain.do("node", i=0, manner="dead")
    for _ in range(3):
        assert apply(world)["outcome"] == "unknown"
    assert deploy.toml == changed_toml(deploy, chain)
    assert stored(world, "apply")["stage"] == "watching"


def test_silent_sources_confirm_and_undo_nothing(world, chain, watched):
    deploy = watched(options={"watch": "0s"})
    for number in (1, 2, 3):
        chain.do("node", i=number, manner="dead")
    for _ in range(3):
        end = apply(world)
        assert (end["outcome"], "cannot be compared" in end["summary"]) == ("unknown", True), json.dumps(end)
    assert deploy.toml == changed_toml(deploy, chain)
    assert stored(world, "apply")["stage"] == "watching"


def test_the_watch_ends_when_somebody_else_changes_the_seeds(world, chain, watched):
    deploy = watched()
    mine = deploy.toml.replace(changed_toml(deploy, chain).split('seeds =   "')[1].split('"')[0], OLD_SEED)
    deploy.write(deploy.toml_path, mine, 0o644)
    chain.do("node", i=0, peers=0)
    end = apply(world)
    assert (end["outcome"], "somebody else" in end["summary"]) == ("ok", True), json.dumps(end)
    assert deploy.toml == mine
    assert stored(world, "apply")["stage"] == "idle"


def test_an_undo_keeps_what_others_changed_beside_the_seeds(world, chain, watched):
    """The node's start script sets other values of config.toml."""
    deploy = watched()
    deploy.write(deploy.toml_path, deploy.toml.replace("pex = true", "pex = false"), 0o644)
    end = apply(world, "undo=true")
    assert end["outcome"] == "changed", json.dumps(end)
    assert deploy.toml == deploy.toml_text.replace("pex = true", "pex = false")
    assert deploy.env == deploy.env_text


def test_a_copy_that_was_changed_is_not_put_back(world, watched):
    deploy = watched()
    changed = deploy.toml
    copy = next(name for name in deploy.beside() if name.startswith("config.toml"))
    deploy.write(os.path.join(deploy.config, copy), "# not what it was\n", 0o644)
    end = apply(world, "undo=true")
    assert (end["outcome"], copy in end["summary"]) == ("refused", True), json.dumps(end)
    assert deploy.toml == changed and not end["acts"]


def test_undo_without_a_change_says_so(world, host):
    deploy = host()
    assert apply(world, "undo=true")["outcome"] == "refused"
    assert deploy.untouched()
