"""seed-manager reseed: a node's data is moved aside and deleted once the node is in sync again; never more."""
import fcntl
import json
import os

import pytest
from seed_deploy import ENV, SICK, plant, seed_of, stored, survey
from test_seed_apply import changed_env, host, chain, running  # noqa: F401 pylint: disable=unused-import

DATABASES = ("application.db", "blockstore.db", "state.db")


def reseed(world, *words, do="run"):
    return world.json(do, "seed-manager", "reseed", *words)


def verbs(end):
    return [act["verb"] for act in end["acts"]]


class Node:
    """The node in .inference/: its data, and whether the stand-in's node 0 answers for it."""

    def __init__(self, chain, deploy):
        self.chain = chain
        self.home = os.path.join(deploy.folder, ".inference")
        self.data = os.path.join(self.home, "data")
        self.flag = os.path.join(self.home, ".node_initialized")
        for name in DATABASES:
            os.makedirs(os.path.join(self.data, name))
            for file in ("LOCK", "000001.ldb"):
                deploy.write(os.path.join(self.data, name, file), "old", 0o644)
        os.chown(self.data, 1234, 2345)
        os.chmod(self.data, 0o750)

    def stop(self):
        self.chain.do("node", i=0, manner="dead")

    def start(self, behind=0):
        """As init-docker.sh does it: the flag comes back, and new data."""
        open(self.flag, "w", encoding="ascii").close()
        os.makedirs(os.path.join(self.data, "application.db"), exist_ok=True)
        self.chain.do("node", i=0, manner="catching_up" if behind else "good", blocks=behind)

    def entries(self, prefix):
        return sorted(name for name in os.listdir(self.home) if name.startswith(prefix))

    def is_old(self, folder):
        path = os.path.join(self.home, folder, DATABASES[0], "000001.ldb")
        return os.path.exists(path)

    def unmoved(self):
        return self.is_old("data") and os.path.exists(self.flag) and self.entries("data-") == [] \
            and self.entries(".node_initialized-") == []


@pytest.fixture
def node(world, chain, host):
    """node(...): a node that was stopped, with bad seeds; .deploy is its folder."""

    def make(**how):
        deploy = host(**how)
        made = Node(chain, deploy)
        made.deploy = deploy
        made.stop()
        return made

    return make


# the procedure


def test_data_and_flag_are_moved_aside_not_deleted(world, chain, node):
    mine = node()
    end = reseed(world)
    assert (end["outcome"], verbs(end)) == ("changed", ["change-seeds", "move-data-aside"]), json.dumps(end)
    (old,) = mine.entries("data-before-reseed-")
    assert mine.is_old(old) and os.listdir(mine.data) == [] and not os.path.exists(mine.flag)
    status = os.stat(mine.data)
    assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (1234, 2345, 0o750)
    assert mine.deploy.env == changed_env(mine.deploy, chain.nodes[1])
    assert end["result"]["next"] == f"cd {mine.deploy.folder} && . ./config.env && docker compose up -d"


def test_plan_shows_the_steps_and_changes_nothing(world, node):
    mine = node()
    end = reseed(world, do="plan")
    assert "move-data-aside" in json.dumps(end) and "change-seeds" in json.dumps(end)
    assert mine.unmoved() and mine.deploy.untouched()
    assert stored(world, "reseed") is None


def test_the_old_data_goes_when_the_node_is_in_sync_again(world, node):
    mine = node()
    reseed(world)
    end = reseed(world)
    assert end["outcome"] == "unknown", json.dumps(end)
    mine.start(behind=5000)
    end = reseed(world)
    assert (end["outcome"], "syncing" in end["summary"]) == ("ok", True), json.dumps(end)
    assert len(mine.entries("data-before-reseed-")) == 1
    mine.start()
    end = reseed(world)
    assert (end["outcome"], verbs(end)) == ("changed", ["delete-old-data"]), json.dumps(end)
    assert mine.entries("data") == ["data"] and mine.entries(".node_initialized") == [".node_initialized"]
    assert stored(world, "reseed")["stage"] == "idle"


def test_without_the_others_it_is_unknown_whether_it_is_in_sync(world, chain, node):
    mine = node()
    reseed(world)
    mine.start()
    for number in (1, 2, 3):
        chain.do("node", i=number, manner="dead")
    assert reseed(world)["outcome"] == "unknown"
    assert len(mine.entries("data-before-reseed-")) == 1


def test_a_node_in_sync_that_did_not_initialise_anew_keeps_the_old_data(world, node):
    mine = node()
    reseed(world)
    mine.start()
    os.unlink(mine.flag)
    assert reseed(world)["outcome"] == "ok"
    assert len(mine.entries("data-before-reseed-")) == 1


def test_keep_old_ends_without_deleting(world, node):
    mine = node()
    reseed(world)
    mine.start()
    end = reseed(world, "keep_old=true")
    (old,) = mine.entries("data-before-reseed-")
    assert (end["outcome"], old in end["summary"]) == ("ok", True), json.dumps(end)
    assert mine.is_old(old)


def test_undo_puts_the_old_data_back_and_keeps_the_new(world, node):
    mine = node()
    reseed(world)
    mine.start(behind=5000)
    mine.stop()
    end = reseed(world, "undo=true")
    assert (end["outcome"], verbs(end)) == ("changed", ["move-data-back"]), json.dumps(end)
    assert mine.is_old("data") and os.path.exists(mine.flag)
    assert len(mine.entries("data-dropped-")) == 1 and mine.entries("data-before") == []
    assert stored(world, "reseed")["stage"] == "idle"


def test_undo_of_nothing_is_refused(world, node):
    mine = node()
    assert reseed(world, "undo=true")["outcome"] == "refused"
    assert mine.unmoved()


def test_old_data_that_somebody_moved_back_is_not_deleted(world, node):
    mine = node()
    reseed(world)
    (old,) = mine.entries("data-before-reseed-")
    os.rmdir(mine.data)
    os.rename(os.path.join(mine.home, old), mine.data)
    mine.start()
    end = reseed(world)
    assert (end["outcome"], "moved the old data back" in end["summary"]) == ("ok", True), json.dumps(end)
    assert mine.is_old("data")


def test_another_folder_under_the_old_name_is_not_deleted(world, node):
    mine = node()
    reseed(world)
    (old,) = mine.entries("data-before-reseed-")
    os.rename(os.path.join(mine.home, old), os.path.join(mine.home, "elsewhere"))
    os.makedirs(os.path.join(mine.home, old, "precious"))
    mine.start()
    assert reseed(world)["outcome"] == "failed"
    assert os.path.isdir(os.path.join(mine.home, old, "precious"))


# a run that was killed


@pytest.mark.parametrize("moved", [[], ["flag"], ["flag", "data"]])
def test_a_run_killed_while_moving_goes_on(world, node, moved):
    mine = node()
    status = os.stat(mine.data)
    names = {"data": "data-before-reseed-20251120T101112Z", "flag": ".node_initialized-before-reseed-20251120T101112Z"}
    for what in moved:
        os.rename(getattr(mine, what), os.path.join(mine.home, names[what]))
    plant(world, "reseed", {"version": 1, "stage": "moving", "began_ns": 1, "started_ns": 0, "dev": status.st_dev,
                            "ino": status.st_ino, **names})
    end = reseed(world)
    assert (end["outcome"], verbs(end)) == ("changed", ["move-data-aside"]), json.dumps(end)
    assert mine.is_old(names["data"]) and os.listdir(mine.data) == [] and not os.path.exists(mine.flag)
    assert stored(world, "reseed")["stage"] == "syncing"


def test_apply_keeps_out_meanwhile(world, node):
    mine = node()
    reseed(world)
    env = mine.deploy.env
    end = world.json("run", "seed-manager", "apply")
    assert (end["outcome"], "reseed" in end["summary"]) == ("refused", True), json.dumps(end)
    assert mine.deploy.env == env


# guards: each is alone in the way of the move


def test_a_node_that_answers_is_not_robbed_of_its_data(world, chain, node):
    mine = node()
    chain.do("node", i=0, manner="catching_up", blocks=5000)
    end = reseed(world)
    assert (end["outcome"], "docker compose down node" in end["summary"]) == ("refused", True), json.dumps(end)
    assert mine.unmoved() and mine.deploy.untouched()


@pytest.mark.parametrize("lock", [lambda fd: fcntl.flock(fd, fcntl.LOCK_EX), lambda fd: fcntl.lockf(fd, fcntl.LOCK_EX)],
                         ids=["flock", "fcntl"])
def test_a_silent_node_that_has_its_data_open_is_not_robbed_of_it(world, node, lock):
    mine = node()
    with open(os.path.join(mine.data, "state.db", "LOCK"), "r+", encoding="ascii") as file:
        lock(file)
        end = reseed(world)
    assert (end["outcome"], "locked" in end["summary"]) == ("refused", True), json.dumps(end)
    assert mine.unmoved() and mine.deploy.untouched()


def test_a_node_in_sync_is_left_alone(world, chain, node):
    mine = node()
    chain.do("node", i=0, manner="good")
    end = reseed(world)
    assert (end["outcome"], "in sync" in end["summary"]) == ("refused", True), json.dumps(end)
    assert mine.unmoved()


def test_a_node_that_signs_without_tmkms_is_left_alone(world, node):
    mine = node()
    mine.deploy.write(os.path.join(mine.deploy.config, "priv_validator_key.json"), "{}", 0o600)
    end = reseed(world)
    assert (end["outcome"], "double signing" in end["summary"]) == ("refused", True), json.dumps(end)
    assert mine.unmoved()


def test_a_node_that_never_started_is_left_alone(world, node):
    mine = node(initialized=False)
    assert reseed(world)["outcome"] == "refused"
    assert mine.is_old("data")


def test_data_behind_a_symlink_is_left_alone(world, node):
    mine = node()
    os.rename(mine.data, mine.home + "/elsewhere")
    os.symlink("elsewhere", mine.data)
    end = reseed(world)
    assert (end["outcome"], "symlink" in end["summary"]) == ("refused", True), json.dumps(end)
    assert mine.is_old("elsewhere") and os.path.exists(mine.flag)


@pytest.mark.parametrize("manner, outcome", [("dead", "unknown"), ("catching_up", "refused"),
                                             ("wrong_chain", "refused")])
def test_without_a_seed_that_can_be_reached_now_nothing_is_moved(world, chain, node, manner, outcome):
    mine = node()
    chain.do("node", i=1, manner=manner, blocks=5000)
    assert reseed(world)["outcome"] == outcome
    assert mine.unmoved() and mine.deploy.untouched()


def test_without_the_servers_of_state_sync_nothing_is_moved(world, chain, node):
    mine = node(env=ENV + f"\nexport RPC_SERVER_URL_2={chain.nodes[3]['rpc']}\n")
    chain.do("node", i=3, manner="dead")
    end = reseed(world)
    assert (end["outcome"], "RPC_SERVER_URL_2" in end["summary"]) == ("unknown", True), json.dumps(end)
    assert mine.unmoved()


def test_too_few_healthy_seeds_move_nothing(world, chain, node):
    mine = node()
    survey(world, [seed_of(chain.nodes[1]), SICK])
    assert reseed(world)["outcome"] == "refused"
    assert mine.unmoved()


def test_an_old_survey_moves_nothing(world, chain, node):
    mine = node()
    survey(world, [seed_of(n) for n in chain.nodes[1:]], age_s=4 * 3600)
    assert reseed(world)["outcome"] == "unknown"
    assert mine.unmoved()


def test_half_a_change_of_seeds_is_cleared_first(world, node):
    mine = node()
    plant(world, "apply", {"version": 1, "survey_ns": 1, "bad": 0, "stage": "writing", "began_ns": 1, "keys": []})
    end = reseed(world)
    assert (end["outcome"], "`apply`" in end["summary"]) == ("refused", True), json.dumps(end)
    assert mine.unmoved()


def test_a_state_that_leads_elsewhere_is_not_followed(world, node):
    mine = node()
    plant(world, "reseed", {"version": 1, "stage": "syncing", "began_ns": 1, "started_ns": 0, "dev": 1, "ino": 1,
                            "data": "config", "flag": ".node_initialized-before-reseed-x"})
    assert reseed(world)["outcome"] == "unknown"
    assert os.path.isdir(mine.deploy.config)
