"""unjail: five yeses, each of which is the only thing between a chain that takes any transaction and harm."""
import json
import os

import pytest
from chain_client import some_key
from conftest import wait_until
from validator_world import KEY_LINE, chain, host  # noqa: F401


@pytest.fixture
def mine(host):
    """Jailed, its time is over, and the chain would unjail it whatever is against it."""
    host.chain.do("lenient")
    host.chain.do("jail", validator=0, seconds=-10)
    return host


def answers(end):
    return {entry["name"]: entry["answer"] for entry in end["result"]["yeses"]}


def refused_for(host, name, outcome="refused", *words):
    """The run's end, which must be this refusal, for this reason alone, and nothing was signed."""
    end = host.run("unjail", *words)
    expected = {name: "no" if outcome == "refused" else "unknown"}
    assert end["outcome"] == outcome, end["summary"]
    assert answers(end) == {**dict.fromkeys(("jail-time", "not-tombstoned", "synced", "key", "cause"), "yes"),
                            **expected}, end["text"]
    assert name in end["summary"] and "next: " in end["summary"]
    assert host.transactions() == [] and host.jailed()
    return end


def test_with_five_yeses_it_is_unjailed_and_seen_to_be(mine):
    end = mine.run("unjail")
    assert end["outcome"] == "changed" and set(answers(end).values()) == {"yes"}, end["summary"]
    assert not mine.jailed() and "event validator.unjailed" in mine.errors
    words = " ".join(mine.transactions()[0])
    assert words.startswith("tx slashing unjail --gas auto --gas-adjustment 1.5 --fees 200000ngonka --from cold "
                            "--keyring-backend file")
    assert [act["ok"] for act in end["acts"]] == [True]
    assert mine.run("unjail")["summary"] == "the validator is not jailed: nothing to do"


def test_not_before_the_jail_time_is_over(mine):
    mine.chain.do("jail", validator=0, seconds=600)
    end = refused_for(mine, "jail-time")
    assert "UTC (in " in end["summary"]


def test_never_when_it_is_tombstoned(mine):
    mine.chain.do("tombstone", validator=0)
    mine.chain.do("jail", validator=0, seconds=-10)
    assert "out for ever" in refused_for(mine, "not-tombstoned")["summary"]


def test_not_while_this_hosts_node_is_behind(mine):
    mine.chain.do("node", i=0, manner="catching_up")
    assert "curl -s" in refused_for(mine, "synced")["summary"]


def test_not_with_another_key_than_the_chain_has(mine):
    mine.chain.do("keys", validator=0, node=some_key(7))
    mine.docker.set(log=[KEY_LINE % some_key(7)])
    assert "recover-key" in refused_for(mine, "key")["summary"]


def test_not_while_the_signer_is_away(mine):
    mine.docker.set(running=False)
    assert "docker compose up -d tmkms" in refused_for(mine, "cause")["summary"]


@pytest.mark.parametrize("config,says", [({"restarting": True}, "over and over"), ({"up_s": 3}, " s only: it may be failing")])
def test_not_while_the_signer_fails_again_and_again(mine, config, says):
    mine.docker.set(**config)
    assert says in refused_for(mine, "cause")["summary"]


def test_not_when_the_signer_has_signed_what_is_yet_to_come(mine):
    """Its protection against signing twice would make it refuse; or another signer runs with the key."""
    with open(mine.state, "w", encoding="utf-8") as out:
        json.dump({"height": "99999999"}, out)
    assert "another signer" in refused_for(mine, "cause")["summary"]


def test_not_while_no_block_comes(mine):
    mine.chain.do("run", blocks_per_second=0)
    mine.options(block_wait="200ms")
    assert "no new block came" in refused_for(mine, "cause")["summary"]


def test_not_when_the_signer_was_given_a_key_that_the_node_has_not_heard_of(mine):
    mine.docker.set(log=[KEY_LINE % mine.me["key"], KEY_LINE % some_key(7)])
    assert "restart node" in refused_for(mine, "key")["summary"]


def test_not_when_staking_and_the_inference_module_disagree(mine):
    mine.chain.do("keys", validator=0, participant=some_key(7))
    assert "the modules disagree" in refused_for(mine, "key")["summary"]


def test_what_the_signer_is_cannot_be_guessed(mine):
    mine.options(signer=None, docker_socket=None)
    assert "set signer" in refused_for(mine, "cause", "unknown")["summary"]


def test_docker_that_does_not_answer_is_unknown(mine):
    mine.options(signer_log=False)
    mine.docker.set(status=500)
    refused_for(mine, "cause", "unknown")


def test_a_signers_log_without_a_key_is_unknown(mine):
    mine.docker.set(log=["nothing"])
    assert "signer_log: false" in refused_for(mine, "key", "unknown")["summary"]
    mine.options(signer_log=False)
    assert mine.run("unjail")["outcome"] == "changed"


def test_one_node_alone_is_not_several(mine):
    mine.options(sources=None)
    refused_for(mine, "synced", "unknown")


def test_nodes_that_cannot_be_asked_are_unknown(mine):
    """Of three nodes one answers about the jail time; two must say the same."""
    for number in (1, 2):
        mine.chain.do("node", i=number, broken=["signing_infos"])
    end = mine.run("unjail")
    assert end["outcome"] == "unknown" and answers(end)["jail-time"] == answers(end)["not-tombstoned"] == "unknown"
    assert mine.transactions() == [] and mine.jailed()


def test_a_node_that_lies_is_outvoted(mine):
    mine.chain.do("tombstone", validator=0)
    mine.chain.do("jail", validator=0, seconds=-10)
    mine.chain.do("node", i=0, lies={"signing_infos": {"val_signing_info": {"tombstoned": False}}})
    refused_for(mine, "not-tombstoned")
    mine.options(sources=[mine.chain.nodes[1]["proxy"]])
    end = mine.run("unjail")
    assert end["outcome"] == "unknown" and "different things" in end["summary"] and mine.transactions() == []


def test_a_transaction_that_was_taken_and_did_not_help_is_a_failure(mine):
    """The next attempt has to wait, then there are too many; a person may say again."""
    mine.chain.do("swallow", times=9)
    mine.options(confirm_wait="100ms")
    end = mine.run("unjail")
    assert end["outcome"] == "failed" and "still jailed" in end["summary"] and "inferenced query tx" in end["summary"]
    assert [act["ok"] for act in end["acts"]] == [False]
    end = mine.run("unjail")
    assert end["outcome"] == "refused" and "due in 9 min" in end["summary"]
    mine.options(confirm_wait="100ms", attempt_pause="100ms", max_attempts=1)
    end = mine.run("unjail")
    assert end["outcome"] == "refused" and "stopped" in end["summary"]
    assert "event validator.unjail.stopped" in mine.errors
    mine.run("unjail")
    assert "validator.unjail.stopped" not in mine.errors and len(mine.transactions()) == 1
    assert mine.run("unjail", "again=true")["outcome"] == "failed" and len(mine.transactions()) == 2


def test_an_attempt_that_helped_counts_when_it_is_jailed_again(mine):
    mine.options(max_attempts=1)
    assert mine.run("unjail")["outcome"] == "changed"
    mine.chain.do("jail", validator=0, seconds=-1)
    end = mine.run("unjail")
    assert end["outcome"] == "refused" and "1 attempts in the last" in end["summary"] and mine.jailed()


def test_attempts_that_cannot_be_read_allow_none(mine):
    path = os.path.join(mine.world.state, "plugins", "validator", "attempts.json")
    os.makedirs(os.path.dirname(path))
    with open(path, "w", encoding="utf-8") as out:
        out.write('{"attempts":[{"at_ns":"soon"}]}')
    end = mine.run("unjail")
    assert end["outcome"] == "failed" and "attempts.json" in end["summary"] and mine.transactions() == []
    assert mine.run("unjail", "again=true")["outcome"] == "failed" and mine.jailed()


def test_only_the_validators_own_key_may_sign(mine):
    """A chain that unjails whom the signer names would unjail another validator, unguarded."""
    mine.options(key="warm")
    end = mine.run("unjail")
    assert end["outcome"] == "refused" and "the validator's own key must sign" in end["summary"]
    mine.options(key="lost")
    assert mine.run("unjail")["outcome"] == "unknown"
    assert mine.transactions() == [] and mine.jailed()


def test_offline_the_transaction_is_printed_and_nothing_is_sent(mine):
    mine.options(sign="offline", key=mine.me["account"], key_password=None)
    end = mine.run("unjail")
    made = json.loads(end["result"]["unsigned"])
    assert end["outcome"] == "ok" and made["body"]["messages"][0]["validator_addr"] == mine.me["operator"]
    assert "inferenced tx sign unsigned.json" in end["text"] and mine.jailed()
    assert "--generate-only" in mine.transactions()[0] and "auto" not in mine.transactions()[0]
    assert mine.run("unjail")["outcome"] == "ok"  # nothing was sent, so it is no attempt


def test_a_plan_shows_the_command_and_sends_nothing(mine):
    plan = mine.run("unjail", verb="plan")["plan"][0]
    assert plan["outcome"] == "changed" and plan["acts"][0]["verb"] == "unjail"
    assert "tx slashing unjail" in plan["acts"][0]["details"]["command"]
    assert mine.transactions() == [] and mine.jailed()
    assert "correct horse" not in json.dumps(plan)


@pytest.mark.parametrize("options,says", [({"sign": "off"}, "sign is off"), ({"key": None}, "key is not given")])
def test_without_the_means_to_sign_it_says_which_are_missing(mine, options, says):
    mine.options(**options)
    end = mine.run("unjail")
    assert end["outcome"] == "refused" and says in end["summary"] and mine.jailed()


def test_a_wrong_password_sends_nothing_and_is_told(mine):
    mine.inferenced.configure(password="another")
    end = mine.run("unjail")
    assert end["outcome"] == "unknown" and "password" in end["summary"] and mine.transactions() == []


def test_by_itself_only_when_that_is_switched_on(mine, start):
    """The daemon's watch sees that the jail time is over; its event starts auto-unjail."""
    assert mine.run("auto-unjail")["summary"].startswith("auto_unjail is off") and mine.jailed()
    mine.options(auto_unjail=True)
    start(mine.world, env={"COLD_PASSWORD": "correct horse"})
    mine.world.cli("run", "validator", "watch")
    wait_until(lambda: not mine.jailed(), "it is unjailed")
    ended = mine.world.wait_for(plugin="validator", task="auto-unjail", outcome="changed")
    assert ended and len(mine.transactions()) == 1
