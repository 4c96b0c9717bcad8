"""watch: what is wrong with the validator, each change told once; and the procedures for a lost key."""
import json
import os

import pytest
from chain_client import some_key
from validator_world import KEY_LINE, chain, host  # noqa: F401

SILENT = []


def test_a_validator_that_is_well_is_told_of_by_nobody(host):
    answer, found = host.watch()
    assert answer["outcome"] == "ok", answer["summary"]
    assert {entry["state"] for entry in found.values()} == {"fine"} and "event" not in host.errors
    assert set(found) == {"jailed", "tombstoned", "unjail-possible", "unbonded", "missing", "key", "balance", "grants",
                          "fee-grant"}
    assert "51 more and it is jailed" in found["missing"]["text"]


def test_a_jailing_is_told_once_and_so_is_its_end(host):
    host.chain.do("jail", validator=0)
    assert host.told() == ["validator.jailed"]
    assert host.told() == SILENT
    answer, found = host.watch()
    assert found["jailed"]["state"] == "bad" and "UTC (in " in found["jailed"]["text"]
    assert "gonka-agent run validator unjail" in found["jailed"]["next"]
    assert answer["outcome"] == "ok" and answer["result"]["jailed"] is True
    host.chain.do("jail", validator=0, seconds=-1)
    assert host.told() == ["validator.jailed", "validator.unjail.possible"]
    assert host.run("unjail")["outcome"] == "changed"
    assert host.told() == ["validator.recovered", "validator.recovered"]
    assert host.told() == SILENT


def test_an_event_has_the_explanation_and_the_next_step(host, start):
    start(host.world, env={"COLD_PASSWORD": "correct horse"})
    host.chain.do("jail", validator=0)
    host.world.cli("run", "validator", "watch")
    event = host.world.wait_for(topic="validator.jailed")[0]
    payload = event.get("payload") or event
    text = json.dumps(payload)
    assert "jailed until" in text and "gonka-agent run validator unjail" in text and host.me["operator"] in text


def test_a_tombstone_is_told(host):
    host.chain.do("tombstone", validator=0)
    assert sorted(host.told()) == ["validator.jailed", "validator.tombstoned"]
    _, found = host.watch()
    assert "cannot be unjailed" in found["tombstoned"]["next"] and found["unjail-possible"]["state"] == "fine"


def test_sources_that_do_not_answer_raise_nothing_and_close_nothing(host):
    host.chain.do("jail", validator=0)
    assert host.told() == ["validator.jailed"]
    for number in range(3):
        host.chain.do("node", i=number, manner="html")
    answer, found = host.watch()
    assert answer["outcome"] == "unknown" and {entry["state"] for entry in found.values()} == {"unknown"}
    assert host.told() == SILENT
    for number in range(3):
        host.chain.do("node", i=number, manner="good")
    assert host.told() == SILENT


def test_one_node_that_lies_about_a_jailing_is_not_believed(host):
    host.chain.do("node", i=0, lies={"staking/v1beta1/validators/": {"validator": {"jailed": True}}})
    answer, found = host.watch()
    assert found["jailed"]["state"] == "fine", answer["text"]


def test_own_misses_are_told_from_those_of_everybody(host):
    """In the same blocks: alone, then with all others."""
    host.options(missing_at=10)
    host.chain.do("run", blocks_per_second=0)
    host.chain.do("miss", validator=0, blocks=8)
    host.chain.do("blocks", n=8)
    answer, found = host.watch()
    assert found["missing"]["state"] == "bad" and "8 of the last 100" in found["missing"]["text"]
    assert "this host is sick" in found["missing"]["text"] and "43 more" in found["missing"]["text"]
    for number in range(4):
        host.chain.do("miss", validator=number, blocks=10)
    host.chain.do("blocks", n=10)
    _, found = host.watch()
    assert "the network is sick" in found["missing"]["text"], answer["text"]


@pytest.mark.parametrize("keys,log,says", [
    ({"node": some_key(7)}, some_key(7), "nothing that it signs counts"),
    ({"node": some_key(7), "participant": some_key(7)}, some_key(7), "but staking still has"),
    ({"participant": some_key(7)}, None, "the inference module has"),
    ({"node": some_key(7), "participant": some_key(8)}, some_key(7), "three different keys"),
    ({}, some_key(7), "contradicts itself")])
def test_each_way_in_which_keys_differ_has_its_explanation(host, keys, log, says):
    host.chain.do("keys", validator=0, **keys)
    host.docker.set(log=[KEY_LINE % (log or host.me["key"])])
    assert "validator.key.mismatch" in host.told()
    _, found = host.watch()
    assert says in found["key"]["text"] and found["key"]["next"]


def test_a_node_that_signs_by_itself_is_compared_by_its_key_file(host):
    """Nothing of its private key is shown anywhere."""
    path = os.path.join(host.folder, "priv_validator_key.json")
    with open(path, "w", encoding="utf-8") as out:
        json.dump({"address": host.me["hex"], "pub_key": {"type": "tendermint/PubKeyEd25519", "value": some_key(9)},
                   "priv_key": {"type": "tendermint/PrivKeyEd25519", "value": "the secret itself"}}, out)
    host.options(signer="node", docker_socket=None, key_file=path)
    answer, found = host.watch()
    assert found["key"]["state"] == "bad" and answer["result"]["keys"]["key_file"] == some_key(9)
    assert "the secret itself" not in json.dumps(answer) + host.errors


def test_a_low_balance_is_told_in_gnk(host):
    host.chain.do("balance", address=host.me["account"], amount=99999999999)
    assert host.told() == ["validator.balance.low"]
    _, found = host.watch()
    assert "holds 99.999999999 GNK, at least 100 GNK" in found["balance"]["text"]
    host.chain.do("balance", address=host.me["account"], amount=100000000000)
    assert host.told() == ["validator.recovered"]


def test_grants_are_told_at_each_step_before_their_end(host):
    day = 86400
    for seconds, topics in ((20 * day, ["validator.grant.expiring"] * 2), (19 * day, SILENT),
                            (6 * day, ["validator.grant.expiring"] * 2), (3600, ["validator.grant.expiring"] * 2),
                            (365 * day, ["validator.recovered"] * 2)):
        host.chain.do("grant", granter=host.me["account"], grantee=host.me["warm"], seconds=seconds)
        assert host.told() == topics, seconds
    host.chain.do("revoke", granter=host.me["account"], grantee=host.me["warm"])
    assert host.told() == ["validator.grant.missing"] * 2


def test_a_plan_tells_nobody_and_remembers_nothing(host):
    host.chain.do("jail", validator=0)
    host.run("watch", verb="plan")
    assert host.told() == ["validator.jailed"]


def test_what_is_asked_for_wrongly_is_named(host):
    host.options(account="gonka1y2a9p56kv044327uycmqdexl7zs82fs5ryv5lf")
    answer = host.run("watch")
    assert answer["outcome"] == "refused" and "account" in answer["summary"]
    host.options(min_balance="100")
    answer = host.run("watch")
    assert answer["outcome"] == "refused" and "min_balance" in answer["summary"]


def test_the_procedure_for_a_lost_consensus_key_has_this_hosts_values(host):
    host.options(deploy_dir="/opt/gonka/deploy/join")
    answer = host.run("recover-key")
    assert answer["outcome"] == "refused" and "nothing is lost" in answer["summary"]
    host.chain.do("keys", validator=0, node=some_key(7))
    host.docker.set(log=[KEY_LINE % some_key(7)])
    answer = host.run("recover-key")
    url = host.chain.nodes[0]["proxy"]
    assert answer["outcome"] == "ok", answer["summary"]
    assert f"inferenced tx inference submit-new-participant {url} --validator-key {some_key(7)} --keyring-backend file " \
           f"--unordered --from cold --timeout-duration 1m --node {url}/chain-rpc/ --chain-id gonka-mainnet" \
        in answer["text"]
    assert "cd /opt/gonka/deploy/join && docker compose logs tmkms" in answer["text"]
    assert host.inferenced.calls() == [] and answer["acts"] == []


def test_the_procedure_for_a_lost_warm_key_has_this_hosts_values(host):
    answer = host.run("recover-key", "which=warm")
    assert answer["outcome"] == "ok" and "cd DEPLOY_DIR && docker compose down api" in answer["text"]
    assert f"grant-ml-ops-permissions cold {host.me['warm']} --from cold" in answer["text"]
    for number in range(3):
        host.chain.do("node", i=number, manner="html")
    assert host.run("recover-key", "which=warm")["outcome"] == "unknown"
