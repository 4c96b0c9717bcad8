"""The chain stand-in itself, against the published facts: a wrong one makes every test that uses it worthless."""
import base64
import json
import os
import re
import socket
import struct
import time
import urllib.request

import pytest
from chain_client import ChainStandin, some_key
from conftest import wait_until

GOV = "/chain-api/cosmos/gov/v1/proposals"
INFERENCE = "/chain-api/productscience/inference/inference"
UPGRADE_TYPE = "/cosmos.upgrade.v1beta1.MsgSoftwareUpgrade"
LATEST = json.loads("""
{"block_height":1510000,
 "latest_epoch":{"index":88,"poc_start_block_height":1503660},
 "phase":"Inference",
 "epoch_stages":{"epoch_index":88,"poc_start":1503660,"poc_generation_wind_down":1503708,
   "poc_generation_end":1503720,"poc_validation_start":1503725,"poc_validation_wind_down":1503741,
   "poc_validation_end":1503745,"set_new_validators":1503865,"claim_money":1503866,
   "inference_validation_cutoff":1520860,"next_poc_start":1520940,
   "poc_exchange_window":{"start":1503661,"end":1503725},
   "poc_validation_exchange_window":{"start":1503726,"end":1503745}},
 "next_epoch_stages":{"epoch_index":89,"poc_start":1520940,"poc_generation_wind_down":1520988,
   "poc_generation_end":1521000,"poc_validation_start":1521005,"poc_validation_wind_down":1521021,
   "poc_validation_end":1521025,"set_new_validators":1521145,"claim_money":1521146,
   "inference_validation_cutoff":1538140,"next_poc_start":1538220,
   "poc_exchange_window":{"start":1520941,"end":1521005},
   "poc_validation_exchange_window":{"start":1521006,"end":1521025}},
 "epoch_params":{"epoch_length":17280,"epoch_multiplier":1,"epoch_shift":16980,
   "default_unit_of_compute_price":100,"poc_stage_duration":60,"poc_exchange_duration":5,
   "poc_validation_delay":5,"poc_validation_duration":20,"set_new_validators_delay":120,
   "inference_validation_cutoff":80,"inference_pruning_epoch_threshold":2}}
""")


@pytest.fixture
def chain():
    with ChainStandin() as running:
        yield running


def tally(chain, number):
    return chain.json(f"{GOV}/{number}/tally")["tally"]


def status_of(chain, number):
    return chain.json(f"{GOV}/{number}")["proposal"]["status"]


def test_it_ends_when_its_input_closes():
    chain = ChainStandin(nodes=1)
    chain.close()
    assert chain.process.returncode == 0


def test_the_latest_epoch_is_the_published_example(chain):
    assert chain.json("/v1/epochs/latest") == LATEST


@pytest.mark.parametrize("height,phase", [(1520939, "Inference"), (1520940, "PoCGenerate"), (1520987, "PoCGenerate"),
                                          (1520988, "PoCGenerateWindDown"), (1521004, "PoCGenerateWindDown"),
                                          (1521005, "PoCValidate"), (1521020, "PoCValidate"),
                                          (1521021, "PoCValidateWindDown"), (1521025, "Inference")])
def test_each_phase_has_its_bounds(chain, height, phase):
    chain.do("to", height=height)
    assert chain.json("/v1/epochs/latest")["phase"] == phase


def test_the_effective_epoch_follows_the_latest_at_new_validators(chain):
    chain.do("to", height=1521144)
    assert chain.json("/v1/epochs/latest")["latest_epoch"] == {"index": 89, "poc_start_block_height": 1520940}
    assert chain.json(INFERENCE + "/get_current_epoch") == {"epoch": "88"}
    chain.do("blocks", n=1)
    assert chain.json(INFERENCE + "/get_current_epoch") == {"epoch": "89"}


def test_status_is_in_the_dialect_of_the_rpc(chain):
    result = chain.json("/chain-rpc/status")["result"]
    assert result["sync_info"]["latest_block_height"] == "1510000"
    assert result["sync_info"]["catching_up"] is False
    assert result["node_info"]["network"] == "gonka-mainnet"
    assert re.fullmatch("[0-9a-f]{40}", result["node_info"]["id"])
    assert result["validator_info"] == {
        "address": "139ECB529EDB0BCDF45C583D4DC2FDC95F66B1E8", "voting_power": "1000",
        "pub_key": {"type": "tendermint/PubKeyEd25519", "value": "OPwcpfQYOoWDuHKYivRVq5jxrELH0moP5qdznvj3Dps="}}


def test_the_plain_ports_answer_as_the_proxy_does(chain):
    assert chain.json("/status", entrance="rpc") == chain.json("/chain-rpc/status")
    assert chain.json("/cosmos/slashing/v1beta1/params", entrance="rest") == \
        chain.json("/chain-api/cosmos/slashing/v1beta1/params")
    assert chain.get("/health") == (200, "healthy\n")
    assert chain.get("/chain-rpc")[0] == 301


def test_the_published_addresses_belong_to_the_first_validators(chain):
    first = chain.validators[0]
    assert first["account"] == "gonka1y2a9p56kv044327uycmqdexl7zs82fs5ryv5le"
    assert first["operator"] == "gonkavaloper1y2a9p56kv044327uycmqdexl7zs82fs5lyang5"
    assert [entry["valcons"] for entry in chain.validators[:3]] == [
        "gonkavalcons1zw0vk557mv9umazutq75mshae90kdv0g0q0s9t", "gonkavalcons1m3w9luwclmeqjagvscrexyn65u9z6gf33npngf",
        "gonkavalcons1h00dcyhysvxjpp3xxs2mu0a5hapu2pd9jnnzde"]


def test_peers_tell_a_p2p_port_that_is_open(chain):
    peers = chain.json("/chain-rpc/net_info")["result"]
    assert peers["n_peers"] == "3"
    assert {peer["node_info"]["id"] for peer in peers["peers"]} == {node["node_id"] for node in chain.nodes[1:]}
    port = int(peers["peers"][0]["node_info"]["listen_addr"].rpartition(":")[2])
    socket.create_connection((peers["peers"][0]["remote_ip"], port), 5).close()


def test_unknown_paths_are_refused_as_each_server_does(chain):
    assert chain.get("/chain-rpc/nope")[0] == 404
    assert json.loads(chain.get("/chain-api/nope")[1]) == {"code": 12, "message": "Not Implemented", "details": []}
    status, body = chain.get(GOV + "/99")
    assert (status, json.loads(body)) == (404, {"code": 5, "message": "proposal 99 doesn't exist", "details": []})
    assert chain.get("/v1/epochs/7")[0] == 400


def test_a_block_above_the_chain_is_an_error_of_the_rpc(chain):
    status, body = chain.get("/chain-rpc/block?height=1510001")
    assert status == 500
    assert json.loads(body)["error"]["code"] == -32603


def test_blocks_come_by_themselves_at_the_speed_asked_for(chain):
    chain.do("run", blocks_per_second=1000)
    since = time.monotonic()
    wait_until(lambda: chain.do("state")["height"] >= 1511000, "a thousand blocks")
    assert 0.8 < time.monotonic() - since < 10
    chain.do("run", blocks_per_second=0)
    height = chain.do("state")["height"]
    assert chain.do("blocks", n=1)["height"] == height + 1


def test_power_decides_a_vote_and_the_last_vote_counts():
    with ChainStandin(powers=[5000, 3000, 2000]) as chain:
        number = chain.do("propose", kind="text")["id"]
        chain.do("vote", id=number, validator=0, option="yes")
        chain.do("vote", id=number, validator=1, option="no_with_veto")
        chain.do("vote", id=number, validator=1, option="no")
        assert tally(chain, number) == {"yes_count": "5000", "abstain_count": "0", "no_count": "3000",
                                        "no_with_veto_count": "0"}
        chain.do("pass", seconds=172800)
        assert status_of(chain, number) == "PROPOSAL_STATUS_PASSED"
        assert tally(chain, number)["yes_count"] == "5000"
        assert chain.json(f"{GOV}/{number}/votes")["votes"] == []


@pytest.mark.parametrize("powers,votes", [([333, 667], ["yes"]),  # 0.333 is below the quorum of 0.334
                                          ([335, 665], ["no_with_veto", "yes"]),  # 0.335 is above 0.334
                                          ([500, 500], ["yes", "no"]),  # a half is not more than a half
                                          ([500, 500], ["abstain", "abstain"])])
def test_what_does_not_pass_is_rejected(powers, votes):
    with ChainStandin(powers=powers, nodes=1) as chain:
        number = chain.do("propose", kind="text")["id"]
        for validator, option in enumerate(votes):
            chain.do("vote", id=number, validator=validator, option=option)
        chain.do("pass", seconds=172800)
        assert status_of(chain, number) == "PROPOSAL_STATUS_REJECTED"


@pytest.mark.parametrize("option,back", [("no", 25000000), ("no_with_veto", 0)])
def test_a_deposit_comes_back_but_not_after_a_veto(chain, option, back):
    number = chain.do("propose", kind="text", proposer=chain.validators[1]["account"])["id"]
    held = chain.do("validator", validator=1)["balance"]
    for validator in range(4):
        chain.do("vote", id=number, validator=validator, option=option)
    chain.do("pass", seconds=172800)
    assert chain.do("validator", validator=1)["balance"] - held == back


def test_a_message_of_another_authority_fails_when_it_passes(chain):
    message = {"@type": "/inference.bls.MsgUpdateParams", "authority": chain.validators[0]["account"], "params": {}}
    number = chain.do("propose", messages=[message])["id"]
    for validator in range(4):
        chain.do("vote", id=number, validator=validator, option="yes")
    chain.do("pass", seconds=172800)
    assert "invalid authority" in chain.json(f"{GOV}/{number}")["proposal"]["failed_reason"]


def test_a_quorum_just_reached_is_a_quorum():
    with ChainStandin(powers=[334, 666], nodes=1) as chain:
        number = chain.do("propose", kind="text")["id"]
        chain.do("vote", id=number, validator=0, option="yes")
        chain.do("pass", seconds=172800)
        assert status_of(chain, number) == "PROPOSAL_STATUS_PASSED"


def test_jailed_power_is_not_counted(chain):
    number = chain.do("propose", kind="text")["id"]
    chain.do("vote", id=number, validator=1, option="yes")
    chain.do("jail", validator=1)
    assert tally(chain, number)["yes_count"] == "0"


def test_an_expedited_proposal_that_fails_goes_on_as_a_regular_one_without_its_votes(chain):
    number = chain.do("propose", kind="text", expedited=True)["id"]
    for validator, option in enumerate(("yes", "yes", "no", "no")):
        chain.do("vote", id=number, validator=validator, option=option)
    before = chain.json(f"{GOV}/{number}")["proposal"]
    chain.do("pass", seconds=43200)
    after = chain.json(f"{GOV}/{number}")["proposal"]
    assert (before["expedited"], after["expedited"]) == (True, False)
    assert after["status"] == "PROPOSAL_STATUS_VOTING_PERIOD"
    assert after["voting_end_time"] > before["voting_end_time"]
    assert chain.json(f"{GOV}/{number}/votes")["votes"] == []
    assert tally(chain, number)["yes_count"] == "0"


def test_a_deposit_opens_the_vote_and_too_little_of_it_ends_the_proposal(chain):
    poor, rich = (chain.do("propose", kind="text", deposit=1000000)["id"] for _ in range(2))
    assert status_of(chain, poor) == "PROPOSAL_STATUS_DEPOSIT_PERIOD"
    chain.do("deposit", id=rich, validator=1, amount=24000000)
    assert status_of(chain, rich) == "PROPOSAL_STATUS_VOTING_PERIOD"
    chain.do("pass", seconds=172800)
    assert chain.get(f"{GOV}/{poor}")[0] == 404


def test_a_passed_upgrade_becomes_the_plan_and_halts_the_chain_at_its_height(chain):
    number = chain.do("propose", kind="upgrade", name="v0.2.9-Fix", height=1510010)["id"]
    assert chain.json(f"{GOV}/{number}")["proposal"]["messages"][0]["@type"] == UPGRADE_TYPE
    for validator in range(3):
        chain.do("vote", id=number, validator=validator, option="yes")
    chain.do("pass", seconds=172800)
    plan = chain.json("/chain-api/cosmos/upgrade/v1beta1/current_plan")["plan"]
    assert (plan["name"], plan["height"]) == ("v0.2.9-Fix", "1510010")
    assert chain.do("blocks", n=100)["height"] == 1510009
    chain.do("upgrade")
    chain.do("blocks", n=1)
    assert chain.json("/chain-api/cosmos/upgrade/v1beta1/applied_plan/v0.2.9-Fix") == {"height": "1510010"}
    assert chain.json("/chain-api/cosmos/upgrade/v1beta1/current_plan") == {"plan": None}


def test_a_passed_parameter_change_changes_the_parameter(chain):
    number = chain.do("propose", kind="inference_params", change={"epoch_params.epoch_length": "15391"})["id"]
    for validator in range(4):
        chain.do("vote", id=number, validator=validator, option="yes")
    chain.do("pass", seconds=172800)
    assert chain.json(INFERENCE + "/params")["params"]["epoch_params"]["epoch_length"] == "15391"
    assert chain.json("/v1/epochs/latest")["epoch_stages"]["next_poc_start"] == 1503660 + 15391


@pytest.mark.parametrize("kind",
                         ["upgrade", "cancel_upgrade", "inference_params", "gov_params", "slashing_params", "model",
                                  "partial_upgrade", "collateral", "bls", "restrictions", "streamvesting",
                                  "genesistransfer", "bookkeeper", "unknown"])
def test_each_kind_of_proposal_can_be_made_and_has_a_message_of_its_type(chain, kind):
    chain.do("plan", name="earlier", ahead=5000)
    number = chain.do("propose", kind=kind)["id"]
    assert chain.json(f"{GOV}/{number}")["proposal"]["messages"][0]["@type"].startswith("/")
    for validator in range(4):
        chain.do("vote", id=number, validator=validator, option="yes")
    chain.do("pass", seconds=172800)
    assert status_of(chain, number) == "PROPOSAL_STATUS_PASSED"


def test_an_upgrade_in_the_past_fails_when_it_passes(chain):
    number = chain.do("propose", kind="upgrade", height=1510001)["id"]
    for validator in range(4):
        chain.do("vote", id=number, validator=validator, option="yes")
    chain.do("blocks", n=5)
    chain.do("pass", seconds=172800)
    proposal = chain.json(f"{GOV}/{number}")["proposal"]
    assert proposal["status"] == "PROPOSAL_STATUS_FAILED"
    assert "in the past" in proposal["failed_reason"]


def test_proposals_are_filtered_and_paged(chain):
    for _ in range(3):
        chain.do("propose", kind="text")
    chain.do("propose", kind="text", deposit=1)
    first = chain.json(GOV + "?proposal_status=2&pagination.limit=2")
    second = chain.json(GOV + f"?proposal_status=2&pagination.limit=2&pagination.key={first['pagination']['next_key']}")
    assert [row["id"] for row in first["proposals"] + second["proposals"]] == ["1", "2", "3"]
    assert second["pagination"]["next_key"] is None


def test_more_than_half_the_window_missed_is_jail(chain):
    path = f"/chain-api/cosmos/slashing/v1beta1/signing_infos/{chain.validators[1]['valcons']}"
    chain.do("miss", validator=1, blocks=51)
    chain.do("blocks", n=50)
    assert chain.json(path)["val_signing_info"]["missed_blocks_counter"] == "50"
    assert chain.do("validator", validator=1)["staking"]["jailed"] is False
    chain.do("blocks", n=1)
    assert chain.do("validator", validator=1)["staking"]["jailed"] is True
    staking = chain.json(f"/chain-api/cosmos/staking/v1beta1/validators/{chain.validators[1]['operator']}")["validator"]
    assert (staking["status"], staking["tokens"]) == ("BOND_STATUS_UNBONDING", "990")
    assert chain.json("/chain-rpc/status", node=1)["result"]["validator_info"]["voting_power"] == "0"


def test_the_window_forgets(chain):
    chain.do("miss", validator=1, blocks=50)
    chain.do("blocks", n=149)
    assert chain.do("validator", validator=1)["signing_info"]["missed_blocks_counter"] == "1"
    chain.do("blocks", n=1)
    assert chain.do("validator", validator=1)["signing_info"]["missed_blocks_counter"] == "0"


def test_a_missed_block_lacks_the_signature(chain):
    chain.do("miss", validator=1, blocks=1)
    chain.do("blocks", n=2)
    seen = {}
    for height in (1510002, 1510001):
        commit = chain.json(f"/chain-rpc/block?height={height}")["result"]["block"]["last_commit"]
        seen[commit["height"]] = {row["validator_address"]: row["block_id_flag"] for row in commit["signatures"]}
    assert chain.validators[1]["hex"] not in seen["1510001"]
    assert seen["1510001"][""] == 1
    assert seen["1510000"][chain.validators[1]["hex"]] == 2


def test_a_tombstone_is_for_ever(chain):
    chain.do("tombstone", validator=2)
    info = chain.json(f"/chain-api/cosmos/slashing/v1beta1/signing_infos/{chain.validators[2]['valcons']}")
    assert info["val_signing_info"]["tombstoned"] is True
    assert info["val_signing_info"]["jailed_until"].startswith("9999-")


def test_keys_in_three_places_can_differ(chain):
    chain.do("keys", validator=0, participant=some_key(1), node=some_key(2))
    account = chain.validators[0]["account"]
    assert chain.json(f"{INFERENCE}/participant/{account}")["participant"]["validator_key"] == some_key(1)
    info = chain.json("/chain-rpc/status")["result"]["validator_info"]
    assert (info["pub_key"]["value"], info["voting_power"]) == (some_key(2), "0")


def test_grants_end_with_chain_time(chain):
    account, warm = chain.validators[0]["account"], chain.validators[0]["warm"]
    path = f"/chain-api/cosmos/authz/v1beta1/grants?granter={account}&grantee={warm}"
    assert len(chain.json(path)["grants"]) > 5
    allowance = chain.json(f"/chain-api/cosmos/feegrant/v1beta1/allowance/{account}/{warm}")["allowance"]
    assert allowance["granter"] == account
    chain.do("pass", seconds=366 * 86400)
    assert chain.json(path)["grants"] == []


def test_a_dead_node_refuses_and_comes_back_on_its_port(chain):
    chain.do("node", i=1, manner="dead")
    for port in (chain.nodes[1]["p2p_port"], int(chain.nodes[1]["proxy"].rpartition(":")[2])):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 5)
    chain.do("node", i=1, manner="good")
    assert chain.json("/chain-rpc/health", node=1)["result"] == {}


@pytest.mark.parametrize("manner,status,words",
                         [("html", 502, "<html>"), ("garbage", 200, "\x01"), ("redirect", 302, "302"),
                                                 ("blocked", 403, "403 Forbidden")])
def test_a_node_can_answer_with_something_else(chain, manner, status, words):
    chain.do("node", i=1, manner=manner)
    found, body = chain.get("/chain-rpc/status", node=1)
    assert found == status
    assert words in body
    assert chain.get("/chain-rpc/status", node=0)[0] == 200


def test_a_stale_node_stays_where_it_was(chain):
    chain.do("node", i=1, manner="stale")
    chain.do("blocks", n=20)
    sync = chain.json("/chain-rpc/status", node=1)["result"]["sync_info"]
    assert (sync["latest_block_height"], sync["catching_up"]) == ("1510000", False)
    assert sync["latest_block_time"] < chain.json("/chain-rpc/status")["result"]["sync_info"]["latest_block_time"]


def test_a_node_can_lag_lie_and_be_of_another_chain(chain):
    chain.do("node", i=1, manner="catching_up", blocks=100)
    chain.do("node", i=2, manner="lying_height", blocks=7)
    chain.do("node", i=3, manner="wrong_chain")
    sync = [chain.json("/chain-rpc/status", node=number)["result"] for number in range(4)]
    assert [entry["sync_info"]["latest_block_height"] for entry in sync] == ["1510000", "1509900", "1510007", "1510000"]
    assert [entry["sync_info"]["catching_up"] for entry in sync] == [False, True, False, False]
    assert sync[3]["node_info"]["network"] == "gonka-testnet"


def test_half_a_node_answers_half(chain):
    chain.do("node", i=1, manner="half", part="rest")
    assert chain.get("/chain-rpc/status", node=1)[0] == 200
    with pytest.raises(OSError):
        chain.get(GOV, node=1)


def test_a_slow_node_takes_its_time(chain):
    chain.do("node", i=1, manner="slow", seconds=0.5)
    since = time.monotonic()
    chain.json("/chain-rpc/status", node=1)
    assert time.monotonic() - since >= 0.5


def test_a_cut_answer_is_shorter_than_it_says(chain):
    chain.do("node", i=1, manner="cut")
    with pytest.raises(Exception, match="IncompleteRead"):
        chain.get("/chain-rpc/status", node=1)


def test_both_number_styles(chain):
    chain.do("node", i=1, manner=["numbers"])
    chain.do("node", i=2, manner="strings")
    assert chain.json("/chain-rpc/status", node=1)["result"]["sync_info"]["latest_block_height"] == 1510000
    assert chain.json("/v1/epochs/latest", node=2)["block_height"] == "1510000"


def test_the_older_dialects(chain):
    number = chain.do("propose", kind="upgrade")["id"]
    chain.do("node", i=1, manner=["amino", "nested"])
    proposal = chain.json(f"{GOV}/{number}", node=1)["proposal"]
    assert proposal["status"] == 2
    assert "expedited" not in proposal
    assert proposal["messages"][0]["type"] == "cosmos-sdk/MsgSoftwareUpgrade"
    assert "epoch_params" in chain.json("/v1/epochs/latest", node=1)["epoch_params"]


def test_a_trickle_is_whole_in_the_end(chain):
    chain.do("node", i=1, manner="trickle", seconds=0.001)
    assert chain.json("/chain-rpc/health", node=1)["result"] == {}


def test_a_huge_answer_is_as_long_as_asked(chain):
    chain.do("node", i=1, manner="huge", bytes=3000000)
    assert len(chain.get("/chain-rpc/status", node=1)[1]) == 3000000


def test_a_p2p_port_can_be_shut_alone(chain):
    chain.do("node", i=1, manner="p2p_dead")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", chain.nodes[1]["p2p_port"]), 5)
    assert chain.get("/chain-rpc/status", node=1)[0] == 200


def test_a_node_can_claim_what_is_not_so(chain):
    chain.do("node", i=1, listen_addr="tcp://85.234.78.106:5000", node_id="f" * 40, peers=1,
             claimed_peers=[{"remote_ip": ""}])
    assert chain.json("/chain-rpc/status", node=1)["result"]["node_info"]["listen_addr"] == "tcp://85.234.78.106:5000"
    assert chain.json("/chain-rpc/net_info", node=1)["result"]["n_peers"] == "2"
    assert chain.json("/chain-rpc/status", node=1)["result"]["node_info"]["id"] == "f" * 40


def test_a_call_by_post_is_answered_with_its_id(chain):
    call = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "block", "params": {"height": "1509999"}}).encode()
    with urllib.request.urlopen(chain.nodes[0]["rpc"], call, timeout=10) as reply:
        answer = json.load(reply)
    assert answer["id"] == 7
    assert answer["result"]["block"]["header"]["height"] == "1509999"


def test_active_participants_are_those_of_the_effective_epoch(chain):
    found = chain.json("/v1/epochs/current/participants")["active_participants"]
    assert (found["epoch_id"], found["poc_start_block_height"]) == (88, 1503660)
    assert found["effective_block_height"] == 1503866
    assert found["participants"][0]["index"] == chain.validators[0]["account"]
    assert found["participants"][0]["weight"] == 1000
    assert chain.get("/v1/epochs/0/participants")[0] == 400
    assert chain.get("/v1/epochs/89/participants")[0] == 404


def test_validators_come_in_pages():
    with ChainStandin(nodes=1, powers=[10] * 40) as chain:
        first = chain.json("/chain-rpc/validators")["result"]
        second = chain.json("/chain-rpc/validators?page=2")["result"]
        assert (first["count"], second["count"], first["total"]) == ("30", "10", "40")
        assert len({row["address"] for row in first["validators"] + second["validators"]}) == 40
        assert chain.json("/chain-rpc/validators?per_page=1000")["result"]["count"] == "40"


def test_a_halted_chain_makes_no_blocks_and_shows_a_round_that_goes_on(chain):
    chain.do("halt")
    assert chain.do("blocks", n=5)["height"] == 1510000
    step = chain.json("/chain-rpc/consensus_state")["result"]["round_state"]["height/round/step"]
    assert step.startswith("1510001/") and not step.startswith("1510001/0/")
    chain.do("resume")
    assert chain.do("blocks", n=5)["height"] == 1510005


def test_a_validator_that_signs_with_another_key_misses_every_block(chain):
    chain.do("keys", validator=0, node=some_key(2))
    chain.do("blocks", n=7)
    assert chain.do("validator", validator=0)["signing_info"]["missed_blocks_counter"] == "7"
    chain.do("keys", validator=0, node=chain.validators[0]["key"])
    chain.do("blocks", n=7)
    assert chain.do("validator", validator=0)["signing_info"]["missed_blocks_counter"] == "7"


def test_hundreds_of_nodes_on_hosts_of_their_own():
    with ChainStandin(nodes=300, hosts=["127.0.0.1", "127.1.0.1", "127.2.0.1"]) as chain:
        assert chain.nodes[299]["host"] == "127.2.0.1"
        assert chain.json("/chain-rpc/net_info", node=299)["result"]["n_peers"] == "299"
        assert chain.json("/chain-rpc/status", node=299)["result"]["validator_info"]["voting_power"] == "0"


def test_a_manner_that_there_is_not_is_named(chain):
    answer = chain.ask("node", i=1, manner="moody")
    assert answer["ok"] is False
    assert "moody" in answer["error"]


def read_event(stream):
    head = stream.read(2)
    assert head[0] == 0x81, head
    length = struct.unpack(">H", stream.read(2))[0] if head[1] == 126 else head[1]
    return json.loads(stream.read(length))


def test_a_subscriber_gets_each_new_block(chain):
    port = int(chain.nodes[0]["rpc"].rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), 10) as caller, caller.makefile("rb") as stream:
        key = base64.b64encode(os.urandom(16))
        caller.sendall(b"GET /websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       b"Sec-WebSocket-Key: " + key + b"\r\nSec-WebSocket-Version: 13\r\n\r\n")
        assert b" 101 " in stream.readline()
        while stream.readline() != b"\r\n":
            pass
        call = b"""{"jsonrpc":"2.0","method":"subscribe","id":"1","params":["tm.event='NewBlock'"]}"""
        caller.sendall(bytes((0x81, 0x80 | len(call))) + bytes(4) + call)  # a mask of zeros
        assert read_event(stream) == {"jsonrpc": "2.0", "id": "1", "result": {}}
        chain.do("blocks", n=2)
        heights = [read_event(stream)["result"]["data"]["value"]["block"]["header"]["height"] for _ in range(2)]
        assert heights == ["1510001", "1510002"]
        chain.do("node", i=0, manner="dead")
        assert stream.read(1) == b""
