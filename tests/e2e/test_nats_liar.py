"""What no real server does on demand: updates that are accepted and not made, answers that do not come, garbage."""
import json
import os
import subprocess
import sys

import pytest
from conftest import PLUGINS


@pytest.fixture
def liar(world, tmp_path):
    """liar(manner) writes a manifest for a server that lies in this manner; gives the path of what it was asked to store."""
    processes = []

    def begin(manner, more=""):
        asked = tmp_path / "asked.json"
        process = subprocess.Popen([sys.executable, os.path.join(os.path.dirname(__file__), "nats_liar.py"), manner, str(asked)],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        processes.append(process)
        port = int(process.stdout.readline())
        world.plugin_dir = PLUGINS
        world.write(f"  nats-ttl: {{options: {{servers: ['nats://127.0.0.1:{port}'], streams: {{txs_to_send: 24h}}, "
                    f"request_timeout: 1s, update_timeout: 1s{more}}}}}\n")
        return asked

    yield begin
    for process in processes:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def test_accepted_but_not_effective_is_a_finding_of_its_own(world, liar):
    liar("ignore")
    end = world.json("run", "nats-ttl", "enforce")
    assert end["outcome"] == "failed"
    assert "accepted but not effective" in json.dumps(end)
    assert end["acts"][0]["ok"] is False


def test_all_other_fields_go_back_as_they_came(world, liar):
    asked = liar("ignore")
    world.json("run", "nats-ttl", "enforce")
    text = asked.read_text()
    assert '"unheard_of":9007199254740993' in text.replace(" ", "")
    config = json.loads(text)
    assert config["max_age"] == 86400000000000
    assert config["duplicate_window"] == 120000000000
    assert config["discard"] == "old"


def test_an_update_without_an_answer_that_took_effect_is_found_by_looking(world, liar):
    liar("late")
    end = world.json("run", "nats-ttl", "enforce")
    assert end["outcome"] == "changed", end
    assert end["acts"][0]["ok"] is True


def test_what_an_old_server_cannot_find_counts_as_dropped(world, liar):
    asked = liar("sparse", ", max_drop: 1")  # two would go
    end = world.json("run", "nats-ttl", "enforce")
    assert end["outcome"] == "refused"
    assert "slow: " in end["summary"]
    assert end["acts"] == []
    assert not asked.exists()


@pytest.mark.parametrize("manner,words", [("garbage", "JSON"), ("error", "10008")])
def test_answers_that_say_nothing_are_unknown_and_change_nothing(world, liar, manner, words):
    asked = liar(manner)
    end = world.json("run", "nats-ttl", "enforce")
    assert end["outcome"] == "unknown"
    assert words in end["summary"]
    assert end["acts"] == []
    assert not asked.exists()
