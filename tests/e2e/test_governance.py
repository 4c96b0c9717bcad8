"""poll, tally, replay and draft: what is proposed, how it stands, what a policy would do, and a proposal that the chain takes."""
import hashlib
import json
import os
import re

import pytest
from conftest import TOP
from governance_world import HOUR, RULE, chain, host  # noqa: F401

AUTHORITY = "gonka10d07y265gmmuvt4z0w9aw880jnsr700j2h5m33"
TEXTS = ("title=T", "summary=S", "deposit=25000000ngonka")


def message_of(host, number=1):
    answer, found = host.poll()
    assert answer["outcome"] == "ok", answer["summary"]
    return answer["text"], found[number]["messages"][0]


# poll: what is proposed


def test_a_change_of_parameters_is_shown_as_old_and_new_value(host):
    host.propose()
    text, message = message_of(host)
    before = str(host.chain.json("/chain-api/productscience/inference/inference/params")["params"]["epoch_params"]
                 ["epoch_length"])
    assert message["changes"] == [{"path": "epoch_params.epoch_length", "before": before, "after": "15400"}]
    assert f"epoch_params.epoch_length: {before} -> 15400" in text


def test_an_upgrade_is_shown_with_height_and_checksums(host):
    host.propose("upgrade", name="v0.2.6", height=25000)
    text, message = message_of(host)
    assert message["name"] == "v0.2.6" and message["height"] in (25000, "25000") and message["node_version"] == "v3.0.9"
    for kind, start in (("binaries", "fab7be9b"), ("api_binaries", "6fd12cd9")):
        assert message[kind][0]["platform"] == "linux/amd64" and message[kind][0]["sha256"].startswith(start)
        assert message[kind][0]["sha256"] in text
    assert "v0.2.6 at height 25000, about " in text and "(in 1 h 23 min)" in text


def test_an_unknown_type_is_shown_raw(host):
    host.propose("unknown")
    text, message = message_of(host)
    assert message["decoded"] is False and message["raw"]["secret_ingredient"] == "42"
    assert "not understood" in text and "secret_ingredient" in text


def test_a_model_is_shown_with_its_numbers(host):
    host.propose("model")
    text, message = message_of(host)
    assert message["kind"] == "model" and "Qwen/QwQ-32B" in text and "v_ram" in text


def test_the_tally_says_what_is_missing_in_power(host):
    host.propose()
    host.chain.do("vote", id=1, validator=1, option="no")
    answer, found = host.poll()
    tally = found[1]["tally"]
    assert (tally["no"], tally["bonded"], tally["has_quorum"]) == ("1000", "4000", False)
    assert (tally["turnout"], tally["quorum"], tally["quorum_missing"]) == ("0.25", "0.334", "336")
    host.chain.do("vote", id=1, validator=2, option="yes")
    assert host.poll()[1][1]["tally"]["yes_missing"] == "1"  # as many yes as no are not more than half
    host.chain.do("vote", id=1, validator=3, option="no_with_veto")
    host.chain.do("vote", id=1, validator=1, option="no_with_veto")
    answer, found = host.poll()
    assert "veto 66.66 % of 33.40 %" in answer["text"] and found[1]["tally"]["has_quorum"] is True


def test_the_own_vote_is_the_one_on_chain(host):
    host.propose()
    assert host.poll()[1][1]["vote"] is None and "none yet" in host.run("poll")["text"]
    host.chain.do("vote", id=1, validator=0, option="abstain")
    answer, found = host.poll()
    assert found[1]["vote"] == "abstain" and "0 without this account's vote" in answer["summary"]


def test_without_an_account_no_vote_is_missing(host):
    host.options(account=None)
    host.propose()
    answer, found = host.poll()
    assert answer["outcome"] == "ok" and "vote" not in found[1]


def test_proposals_in_deposit_period_are_shown_with_what_they_have(host):
    host.propose(deposit=1500000000)
    host.propose("text", deposit=1000)
    answer, found = host.poll()
    assert found[2]["status"] == "deposit period" and "deposit_end" in found[2] and "deposit" in answer["text"]


@pytest.mark.parametrize("manner", ["numbers", "strings"])
def test_every_dialect_says_the_same(host, manner):
    host.propose(title="12345")
    host.propose("upgrade", expedited=True)
    host.chain.do("vote", id=1, validator=0, option="no_with_veto")
    answer, plain = host.poll()
    assert answer["outcome"] == "ok"
    for number in range(3):
        host.chain.do("node", i=number, manner=manner)
    answer, found = host.poll()
    assert answer["outcome"] == "ok", answer["summary"]
    assert found == plain


def test_nodes_of_two_dialects_agree(host):
    host.propose()
    host.chain.do("node", i=1, manner="numbers")
    host.options(sources=[host.chain.nodes[1]["proxy"]])
    answer, found = host.poll()
    assert answer["outcome"] == "ok" and found[1]["messages"][0]["changes"], answer["summary"]


# poll: what is told


def test_a_vote_and_its_end_are_told_once(host):
    assert host.told() == []
    host.propose()
    assert host.told() == ["gov.proposal.opened"]
    assert host.told() == []
    for validator in range(3):
        host.chain.do("vote", id=1, validator=validator, option="yes")
    host.chain.do("pass", seconds=12 * HOUR + 1)
    assert host.told() == ["gov.proposal.passed"]
    assert host.told() == []


@pytest.mark.parametrize("kind,option,topic", [("text", "no", "rejected"), ("cancel_upgrade", "yes", "failed")])
def test_other_ends_are_told_too(host, kind, option, topic):
    """There is no upgrade that could be cancelled: the proposal passes and fails."""
    host.propose(kind)
    host.told()
    for validator in range(3):
        host.chain.do("vote", id=1, validator=validator, option=option)
    host.chain.do("pass", seconds=12 * HOUR + 1)
    assert host.told() == ["gov.proposal." + topic]


def test_a_deposit_that_did_not_come_together_is_told(host):
    host.chain.do("propose", kind="gov_params", change={"max_deposit_period": "3600s"})
    for validator in range(3):
        host.chain.do("vote", id=1, validator=validator, option="yes")
    host.chain.do("pass", seconds=12 * HOUR + 1)
    host.told()
    host.propose("text", deposit=1000)
    assert host.told() == ["gov.proposal.deposit"]
    host.chain.do("pass", seconds=HOUR + 1)
    assert host.told() == ["gov.proposal.expired"]
    assert host.told() == []


def test_a_missing_vote_is_reminded_of_at_each_step_once(host):
    """Each run is a process of its own: what was told is remembered over restarts."""
    host.propose()
    assert host.told() == ["gov.proposal.opened"]
    host.chain.do("pass", seconds=6 * HOUR + 1)
    assert host.told() == ["gov.vote.missing"]
    assert host.told() == []
    host.chain.do("pass", seconds=5 * HOUR)
    assert host.told() == ["gov.vote.missing"]
    assert host.told() == []


def test_who_has_voted_is_not_reminded(host):
    host.propose()
    host.chain.do("vote", id=1, validator=0, option="no")
    assert host.told() == ["gov.proposal.opened"]
    host.chain.do("pass", seconds=11.5 * HOUR)
    assert host.told() == []


def test_the_conversion_of_an_expedited_one_is_told_and_its_votes_are_missing_again(host):
    host.propose(expedited=True)
    host.chain.do("vote", id=1, validator=0, option="yes")
    assert host.told() == ["gov.proposal.opened"]
    answer, found = host.poll()
    assert found[1]["expedited"] is True and found[1]["tally"]["converts"] is True and "votes lost" in answer["text"]
    assert "(in 1 h" in answer["text"] or "(in 2 h" in answer["text"]
    host.chain.do("pass", seconds=2 * HOUR + 1)
    assert host.told() == ["gov.proposal.converted"]
    assert host.poll()[1][1]["vote"] is None
    host.chain.do("pass", seconds=5 * HOUR)
    assert host.told() == ["gov.vote.missing"]


def test_nodes_that_cannot_be_asked_are_unknown_and_tell_nothing(host):
    host.propose()
    assert host.told() == ["gov.proposal.opened"]
    for manner in ("html", "dead", "garbage", "cut"):
        for number in range(3):
            host.chain.do("node", i=number, manner=manner)
        end = host.run("poll")
        assert end["outcome"] == "unknown" and "event gov." not in host.errors, (manner, end["summary"])
    for number in range(3):
        host.chain.do("node", i=number, manner="good")
    assert host.told() == []


def test_a_node_that_leaves_a_proposal_out_hides_nothing(host):
    host.propose()
    host.chain.do("node", i=0, lies={"gov/v1/proposals?": {"proposals": [], "pagination": {"next_key": None}}})
    assert host.told() == ["gov.proposal.opened"]


def test_a_proposal_that_one_node_made_up_is_not_told(host):
    host.propose()
    listed = host.chain.json("/chain-api/cosmos/gov/v1/proposals/1")["proposal"]
    host.chain.do("node", i=0, lies={"gov/v1/proposals?": {"proposals": [{**listed, "id": "7", "title": "Panic"}]}})
    end, found = host.poll()
    assert end["outcome"] == "ok" and list(found) == [1] and "Panic" not in end["text"]


def test_a_proposal_that_cannot_be_read_hides_no_other(host):
    """Anybody who pays a deposit may write what no decoder expects."""
    host.propose()
    for number in range(3):
        host.chain.do("node", i=number, lies={"proposals/1": {"proposal": {"total_deposit": [{"denom": 7}]}}})
    host.propose("text", title="The other")
    end, found = host.poll()
    assert end["outcome"] == "unknown" and list(found) == [2] and "total_deposit" in end["text"]
    assert "event gov.proposal.opened" in host.errors


def test_a_flood_of_deposits_does_not_hide_what_is_voted_on(host):
    for _ in range(201):
        host.propose("text", deposit=1)
    host.propose(title="The one")
    end, found = host.poll()
    assert found[202]["title"] == "The one" and end["outcome"] == "unknown" and "more than 200" in end["text"]


def test_one_node_cannot_make_a_proposal_end(host):
    """It says that it has passed; the list of the open ones still has it with the others."""
    host.propose()
    host.told()
    host.chain.do("node", i=0, lies={"proposals/1": {"proposal": {"status": "PROPOSAL_STATUS_PASSED"}},
                                     "gov/v1/proposals?": {"proposals": []}})
    assert host.told() == []


def test_what_is_unknown_of_one_proposal_is_told_with_it(host):
    host.propose()
    for number in range(3):
        host.chain.do("node", i=number, broken=["tally"])
    answer, found = host.poll()
    assert answer["outcome"] == "unknown" and "tally" not in found[1] and "502" in found[1]["problem"]
    assert found[1]["messages"][0]["changes"]


# tally


def test_the_tally_of_any_proposal(host):
    host.propose()
    host.chain.do("vote", id=1, validator=1, option="yes")
    assert "turnout 25.00 %" in host.run("tally", "proposal=1")["summary"]
    host.chain.do("vote", id=1, validator=2, option="yes")
    host.chain.do("pass", seconds=12 * HOUR + 1)
    end = host.run("tally", "proposal=1")  # the votes are gone, the final result is not
    assert end["outcome"] == "ok" and end["result"]["tally"]["yes"] == "2000" and end["result"]["status"] == "passed"
    end = host.run("tally", "proposal=9")
    assert end["outcome"] == "refused" and "doesn't exist" in end["summary"]


# replay


def test_a_policy_is_replayed_over_past_proposals(host):
    host.propose(title="Longer epochs")
    host.propose("unknown", title="What is it")
    host.chain.do("pass", seconds=12 * HOUR + 1)
    host.options(policy=[{"title": "*epochs", "vote": "no"}, {"vote": "yes"}])
    end = host.run("replay")
    assert end["outcome"] == "ok" and host.transactions() == []
    assert [(int(entry["id"]), entry["verdict"]["choice"]) for entry in end["result"]["proposals"]] == [(2, "ask"),
                                                                                                       (1, "no")]
    assert "2 proposals: 0 yes, 1 no" in end["summary"]


def test_a_policy_is_tested_with_proposals_of_a_file(host):
    """No node is asked; what the module had before is in the file."""
    proposal = host.propose() and host.chain.json("/chain-api/cosmos/gov/v1/proposals/1")
    now = host.chain.json("/chain-api/productscience/inference/inference/params")
    host.options(policy=[RULE], node="http://127.0.0.1:1", sources=None)
    path = os.path.join(host.folder, "proposals.json")
    for content, choice in (([proposal], "ask"), ({"proposals": [proposal["proposal"]]}, "ask"), (proposal, "ask"),
                            ({"proposals": [proposal], "params": {"inference.inference": now}}, "yes")):
        with open(path, "w", encoding="utf-8") as out:
            json.dump(content, out)
        end = host.run("replay", f"file=@{path}")
        assert [entry["verdict"]["choice"] for entry in end["result"]["proposals"]] == [choice], end["summary"]
    with open(path, "w", encoding="utf-8") as out:
        out.write('{"proposals": 3}')
    assert host.run("replay", f"file=@{path}")["outcome"] == "refused"


def test_the_policy_of_the_readme_can_be_put_into_a_manifest(host):
    with open(os.path.join(TOP, "plugins/governance/README.md"), encoding="utf-8") as file:
        policy = re.search(r"```yaml\n( +policy: .*?)```", file.read(), re.S)[1]
    host.propose("text", expedited=True)
    for validator in range(3):
        host.chain.do("vote", id=1, validator=validator, option="yes")
    host.chain.do("pass", seconds=2 * HOUR + 1)
    host.world.write(f"""  governance:
    options:
      node: {host.chain.nodes[0]["proxy"]}
      max_age: 1d
{policy}""")
    end = host.run("replay")
    assert end["outcome"] == "ok" and "not in a hurry" in end["text"], end


def test_a_replay_needs_a_policy(host):
    assert "no policy" in host.run("replay")["summary"]


# draft


def submitted(host, draft):
    """The chain takes the file, and it passes and is carried out."""
    path = os.path.join(host.folder, "submit.json")
    with open(path, "w", encoding="utf-8") as out:
        json.dump(draft, out)
    host.chain.do("balance", address=host.me, amount=10 ** 12)
    done = host.inferenced.run("tx", "gov", "submit-proposal", path, "--from", "cold", "--keyring-backend", "file",
                               "--node", host.chain.nodes[0]["rpc"], "--chain-id", host.chain.chain_id, "--yes",
                               stdin="correct horse\n")
    assert done.returncode == 0, done.stderr
    for validator in range(3):
        host.chain.do("vote", id=1, validator=validator, option="yes")
    host.chain.do("pass", seconds=12 * HOUR + 1)
    assert host.chain.do("proposal", id=1)["proposal"]["status"] == "PROPOSAL_STATUS_PASSED"


def test_a_change_of_parameters_is_drafted_from_what_the_chain_has(host):
    end = host.run("draft", "kind=params", *TEXTS, "module=inference.inference",
                   'set={epoch_params.epoch_length: "15400", validation_params.pass_value: "0.98"}')
    assert end["outcome"] == "ok", end["summary"]
    assert "-> 15400" in end["result"]["changes"] and "0.99 -> 0.98" in end["text"]
    assert "inferenced tx gov submit-proposal" in end["text"]
    assert end["result"]["draft"]["messages"][0]["authority"] == AUTHORITY
    submitted(host, end["result"]["draft"])
    params = host.chain.json("/chain-api/productscience/inference/inference/params")["params"]
    assert str(params["epoch_params"]["epoch_length"]) == "15400"


def test_an_upgrade_is_drafted_with_checksums_of_the_archives(host):
    archives = {}
    for name in ("inferenced", "decentralized-api"):
        archives[name] = os.path.join(host.folder, name + ".zip")
        with open(archives[name], "wb") as out:
            out.write(name.encode() * 5000)
    sums = {name: hashlib.sha256(name.encode() * 5000).hexdigest() for name in archives}
    words = ("draft", "kind=upgrade", *TEXTS, "name=v0.2.7", "height=90000",
             "node_urls={linux/amd64: https://example.invalid/inferenced.zip}",
             "node_archives={linux/amd64: %s}" % archives["inferenced"],
             "api_urls={linux/amd64: https://example.invalid/api.zip}")
    assert "give the archive" in host.run(*words)["summary"]
    os.mkdir(os.path.join(host.folder, "drafts"))
    host.options(drafts_dir=os.path.join(host.folder, "drafts"))
    end = host.run(*words, "api_archives={linux/amd64: %s}" % archives["decentralized-api"])
    assert end["outcome"] == "changed", end["summary"]
    with open(end["result"]["path"], encoding="utf-8") as file:
        draft = json.load(file)
    end = host.run(*words, "api_archives={linux/amd64: %s}" % archives["decentralized-api"])
    assert end["outcome"] == "refused" and "is there already" in end["summary"]
    info = json.loads(draft["messages"][0]["plan"]["info"])
    assert info["binaries"]["linux/amd64"].endswith("?checksum=sha256:" + sums["inferenced"])
    assert info["api_binaries"]["linux/amd64"].endswith("?checksum=sha256:" + sums["decentralized-api"])
    submitted(host, draft)
    assert host.chain.do("state")["plan"]["name"] == "v0.2.7"


@pytest.mark.parametrize("words,says", [
    (("module=inference.inference", "set={epoch_params.epoch_lenght: 1}"), "epoch_lenght"),
    (("module=inference.nothing.at.all", "set={a: 1}"), "not known"), (("module=inference.inference",), "give module"),
    (("module=inference.inference", "set={epoch_params.epoch_length: 1}", "deposit=1gnk"), "deposit"),
    (("module=cosmos.gov.v1", "set={voting_period: 43200s}"), "change nothing")])
def test_a_draft_that_the_chain_would_not_take_is_refused(host, words, says):
    texts = TEXTS if not any(word.startswith("deposit") for word in words) else TEXTS[:2]
    end = host.run("draft", "kind=params", *texts, *words)
    assert end["outcome"] == "refused" and says in end["summary"], end["summary"]


def test_a_draft_says_what_deposit_is_missing_and_an_expedited_one_needs_more(host):
    words = ("draft", "kind=params", *TEXTS, "module=inference.inference", "set={epoch_params.epoch_length: 15400}")
    assert "missing" not in host.run(*words)["summary"]
    assert "25000000ngonka" in host.run(*words, "expedited=true")["summary"]
