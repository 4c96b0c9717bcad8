"""vote: by hand or by policy, proven on chain; and what keeps a vote from being cast that nobody meant."""
import json
import os
import shutil

import pytest
from conftest import wait_until
from governance_world import ENV, HOUR, RULE, chain, host  # noqa: F401

AT_ONCE = {key: value for key, value in RULE.items() if key != "not_before_end"}
BY_HAND = ("vote", "proposal=1", "option=yes")


@pytest.fixture
def open_vote(host):
    host.propose()
    return host


def not_voted(host, outcome, says, words=BY_HAND):
    """The end of a run that must have this outcome, for this reason, with no vote on chain and nothing sent."""
    end = host.run(*words)
    assert (end["outcome"], says in end["summary"]) == (outcome, True), end["summary"]
    assert host.votes(1) == {} and host.transactions() == []
    return end


# by hand


def test_a_vote_by_hand_is_seen_on_chain(open_vote):
    end = open_vote.run(*BY_HAND)
    assert end["outcome"] == "changed" and open_vote.votes(1) == {0: "yes"}, end["summary"]
    words = " ".join(open_vote.transactions()[0])
    assert words.startswith("tx gov vote 1 yes --unordered --timeout-duration=60s --gas=2000000 --gas-adjustment=5.0 "
                            "--from cold --keyring-backend file") and words.endswith("--yes")
    assert [act["ok"] for act in end["acts"]] == [True] and "event gov.voted" in open_vote.errors
    assert end["result"]["vote"] == "yes" and "correct horse" not in json.dumps(end)


def test_a_vote_can_be_changed_until_the_end_and_is_not_cast_twice(open_vote):
    assert open_vote.run(*BY_HAND)["outcome"] == "changed"
    end = open_vote.run(*BY_HAND)
    assert end["outcome"] == "ok" and "already" in end["summary"] and len(open_vote.transactions()) == 1
    end = open_vote.run("vote", "proposal=1", "option=no_with_veto")
    assert end["outcome"] == "changed" and open_vote.votes(1) == {0: "no_with_veto"}
    assert end["acts"][0]["details"]["was"] == "yes"


def test_a_split_vote_is_another_one(open_vote):
    open_vote.chain.do("vote", id=1, validator=0, options=[["yes", "0.7"], ["no", "0.3"]])
    _, found = open_vote.poll()
    assert found[1]["vote"] == "yes 0.7, no 0.3"
    assert open_vote.run(*BY_HAND)["outcome"] == "changed" and open_vote.votes(1) == {0: "yes"}


def test_a_transaction_that_was_taken_and_brought_no_vote_is_a_failure(open_vote):
    open_vote.chain.do("swallow", times=9)
    open_vote.options(confirm_wait="100ms")
    end = open_vote.run(*BY_HAND)
    assert end["outcome"] == "failed" and "inferenced query tx" in end["summary"], end["summary"]
    assert [act["ok"] for act in end["acts"]] == [False] and "gov.voted" not in open_vote.errors


def test_a_transaction_that_the_node_refuses_is_told_in_its_words(open_vote):
    open_vote.chain.do("refuse", code=13, log="insufficient fees; got: 0ngonka")
    end = open_vote.run(*BY_HAND)
    assert end["outcome"] == "failed" and "insufficient fees" in end["summary"] and open_vote.votes(1) == {}


@pytest.mark.parametrize("options,says", [
    ({"sign": "off"}, "sign is off"), ({"key": None}, "key is not given"), ({"account": None}, "whose vote"),
    ({"key": "warm"}, "own key must sign")])
def test_without_the_means_to_sign_it_says_which_are_missing(open_vote, options, says):
    open_vote.options(**options)
    not_voted(open_vote, "refused", says)


def test_a_wrong_password_sends_nothing(open_vote):
    open_vote.inferenced.configure(password="another")
    not_voted(open_vote, "unknown", "password")
    open_vote.options(key=open_vote.me)  # an address: whose it is needs no keyring
    end = open_vote.run(*BY_HAND)
    assert end["outcome"] == "failed" and "password" in end["summary"] and open_vote.votes(1) == {}


def test_another_chain_is_no_place_to_vote(open_vote):
    for number in range(3):
        open_vote.chain.do("node", i=number, manner="wrong_chain")
    not_voted(open_vote, "unknown", "gonka-testnet")


def test_not_through_a_node_that_is_catching_up(open_vote):
    open_vote.chain.do("node", i=0, manner="catching_up")
    not_voted(open_vote, "unknown", "catching up")


def test_error_pages_are_unknown(open_vote):
    for number in range(3):
        open_vote.chain.do("node", i=number, manner="html")
    not_voted(open_vote, "unknown", "")


def test_no_vote_on_what_two_nodes_tell_differently(open_vote):
    open_vote.chain.do("node", i=1, lies={"proposals/1": {"proposal": {"title": "another"}}})
    open_vote.options(sources=[open_vote.chain.nodes[1]["proxy"]])
    not_voted(open_vote, "unknown", "different things")


def test_a_node_that_claims_the_vote_is_there_does_not_make_it_so(open_vote):
    """It is outvoted both before the transaction and after it."""
    vote = {"vote": {"options": [{"option": "VOTE_OPTION_YES", "weight": "1.0"}]}}
    open_vote.chain.do("vote", id=1, validator=0, option="no")
    open_vote.chain.do("node", i=0, lies={"votes/": vote})
    open_vote.chain.do("swallow", times=1)
    open_vote.options(confirm_wait="100ms")
    end = open_vote.run(*BY_HAND)
    assert end["outcome"] == "failed" and open_vote.votes(1) == {0: "no"}, end["summary"]
    assert open_vote.run(*BY_HAND)["outcome"] == "changed" and open_vote.votes(1) == {0: "yes"}


def test_no_vote_when_its_time_is_over(open_vote):
    open_vote.chain.do("pass", seconds=12 * HOUR + 1)
    not_voted(open_vote, "refused", "takes no votes: it is in")


def test_no_vote_after_the_end_although_the_chain_has_not_counted_yet(open_vote):
    for number in range(3):
        open_vote.chain.do("node", i=number, lies={"proposals/1": {"proposal": {
            "voting_end_time": "2020-01-01T00:00:00Z"}}})
    not_voted(open_vote, "refused", "its end has come")


def test_no_vote_on_what_was_decided_before_its_end(open_vote):
    for number in range(3):
        open_vote.chain.do("node", i=number, lies={"proposals/1": {"proposal": {"status": "PROPOSAL_STATUS_REJECTED"}}})
    not_voted(open_vote, "refused", "takes no votes")


def test_no_vote_while_it_cannot_be_seen_how_the_account_has_voted(open_vote):
    """A person may have voted; and nobody could tell afterwards whether it has worked."""
    open_vote.options(policy=[{"vote": "yes"}])
    for number in range(3):
        open_vote.chain.do("node", i=number, broken=["votes/"])
    not_voted(open_vote, "unknown", "502")
    not_voted(open_vote, "unknown", "502", ("vote",))


def test_no_vote_on_another_proposal_than_was_asked_for(open_vote):
    """Whoever answers for the wrong one would have its text judged and the other voted on."""
    open_vote.propose("text")
    for number in range(3):
        open_vote.chain.do("node", i=number, lies={"proposals/1": {"proposal": {"id": "2"}}})
    not_voted(open_vote, "unknown", "got 2")


def test_no_more_votes_in_a_run_than_the_manifest_allows(open_vote):
    open_vote.propose()
    open_vote.options(policy=[{"vote": "yes"}])
    with open(open_vote.world.manifest, encoding="utf-8") as file:
        text = file.read()
    open_vote.world.write(text[text.index("  governance: {"):].replace("{options", "{limits: {acts: 1}, options"))
    end = open_vote.run("vote")
    assert end["outcome"] == "refused" and "limits.acts" in end["summary"]
    assert open_vote.votes(1) == {0: "yes"} and open_vote.votes(2) == {}


def test_no_vote_on_a_proposal_that_waits_for_its_deposit(host):
    host.propose(deposit=1000)
    not_voted(host, "refused", "deposit period")


def test_what_is_asked_for_must_be_there(open_vote):
    not_voted(open_vote, "refused", "doesn't exist", ("vote", "proposal=99", "option=yes"))
    not_voted(open_vote, "refused", "option is not given", ("vote", "proposal=1"))
    not_voted(open_vote, "refused", "proposal is not given", ("vote", "option=yes"))


def test_offline_the_transaction_is_printed_and_nothing_is_sent(open_vote):
    open_vote.options(sign="offline", key=open_vote.me, key_password=None)
    end = open_vote.run(*BY_HAND)
    made = json.loads(end["result"]["unsigned"])
    assert end["outcome"] == "ok" and made["body"]["messages"][0]["option"] == "VOTE_OPTION_YES", end["summary"]
    assert "inferenced tx sign unsigned.json" in end["text"] and open_vote.votes(1) == {}
    assert "--generate-only" in open_vote.transactions()[0] and made["body"]["unordered"] is False


def test_a_plan_shows_the_command_and_sends_nothing(open_vote):
    open_vote.options(policy=[{"vote": "abstain"}])
    plan = open_vote.run("vote", verb="plan")["plan"][0]
    assert plan["outcome"] == "changed" and plan["acts"][0]["object"] == "proposal 1: abstain", plan
    assert "tx gov vote 1 abstain" in plan["acts"][0]["details"]["command"]
    assert open_vote.transactions() == [] and open_vote.votes(1) == {}


# by policy


def test_without_a_policy_nobody_votes_by_itself(open_vote):
    end = open_vote.run("vote")
    assert end["outcome"] == "ok" and "no policy" in end["summary"] and open_vote.votes(1) == {}


def test_a_policy_votes_after_its_delay_and_not_before(open_vote):
    open_vote.options(policy=[RULE])
    for hours in (0, 5.9):
        open_vote.chain.do("pass", seconds=hours * HOUR + 1)
        end, found = open_vote.policy()
        assert end["outcome"] == "ok" and found[1]["state"] == "waits", end["summary"]
        assert open_vote.votes(1) == {} and open_vote.transactions() == []
    assert found[1]["verdict"]["when"].endswith("min)")
    open_vote.chain.do("pass", seconds=HOUR / 2)
    end, found = open_vote.policy()
    assert end["outcome"] == "changed" and open_vote.votes(1) == {0: "yes"}, end["summary"]
    assert "epochs" in end["acts"][0]["details"]["why"]
    assert open_vote.policy()[1][1]["state"] == "voted" and len(open_vote.transactions()) == 1


def test_a_pause_is_a_veto(host, start):
    """The event that starts the policy comes, and nothing else is in the way of the vote."""
    host.options(policy=[{"vote": "yes"}])
    start(host.world, env=ENV)
    assert host.world.cli("pause", "governance").returncode == 0
    host.propose()
    host.world.cli("run", "governance", "poll")
    host.world.wait_for(topic="gov.proposal.opened")
    assert host.world.task("governance", "vote")["state"] == "paused" and host.votes(1) == {}
    assert host.world.cli("resume", "governance").returncode == 0
    assert host.votes(1) == {}
    host.propose()
    host.world.cli("run", "governance", "poll")
    wait_until(lambda: host.votes(1) == host.votes(2) == {0: "yes"}, "the policy has voted")


def test_a_persons_vote_is_never_overridden(open_vote):
    open_vote.options(policy=[{"vote": "yes"}])
    open_vote.chain.do("vote", id=1, validator=0, option="no")
    end, found = open_vote.policy()
    assert end["outcome"] == "ok" and found[1]["state"] == "voted" and open_vote.votes(1) == {0: "no"}
    assert open_vote.transactions() == []


def test_a_person_who_votes_while_the_policy_is_about_to_is_first(open_vote):
    """What asks whose key it is takes its time; meanwhile the person votes."""
    with open(open_vote.inferenced.path, encoding="utf-8") as program:
        first, rest = program.read().split("\n", 1)
    script = os.path.join(open_vote.folder, "slow-inferenced")
    with open(script, "w", encoding="utf-8") as out:
        out.write(f"""{first}
import sys, urllib.request
if sys.argv[1] == "keys":
    body = b'{{"do":"vote","id":1,"validator":0,"option":"no"}}'
    urllib.request.urlopen("{open_vote.chain.nodes[0]["proxy"]}/control", body).read()
{rest}""")
    os.chmod(script, 0o755)
    shutil.copy(open_vote.inferenced.path + ".json", script + ".json")
    open_vote.options(policy=[{"vote": "yes"}], inferenced=script)
    assert open_vote.policy()[1][1]["state"] == "voted"
    assert open_vote.votes(1) == {0: "no"} and open_vote.transactions() == []


def test_a_memory_that_cannot_be_read_allows_no_vote_by_policy(open_vote):
    """It might hold that a person has voted."""
    path = os.path.join(open_vote.world.state, "plugins", "governance", "votes")
    os.makedirs(os.path.dirname(path))
    with open(path, "w", encoding="utf-8") as out:
        out.write('{"votes":[{"id":"1"}]}')
    open_vote.options(policy=[{"vote": "yes"}])
    not_voted(open_vote, "failed", "cannot be read", ("vote",))
    assert open_vote.run("vote", "proposal=1", "option=no")["outcome"] == "changed"  # a person need not wait for it
    assert open_vote.run("vote")["outcome"] == "failed" and open_vote.votes(1) == {0: "no"}


@pytest.mark.parametrize("by_agent", [True, False])
def test_a_persons_vote_that_a_conversion_took_away_is_not_replaced_by_the_policys(host, by_agent):
    """Votes of an expedited proposal are gone when it goes on as a regular one; what the person meant is not."""
    host.propose(expedited=True)
    host.options(policy=[{"vote": "yes"}])
    if by_agent:
        assert host.run("vote", "proposal=1", "option=no")["outcome"] == "changed"
    else:
        host.chain.do("vote", id=1, validator=0, option="no")
        assert host.policy()[1][1]["state"] == "voted"
    host.chain.do("pass", seconds=2 * HOUR + 1)
    assert host.votes(1) == {}
    end, found = host.policy()
    assert end["outcome"] == "ok" and found[1]["state"] == "ask" and "voted no" in found[1]["text"], end["text"]
    assert host.votes(1) == {}
    assert host.run("vote", "proposal=1", "option=no")["outcome"] == "changed"


def test_the_policys_own_vote_is_cast_again_after_a_conversion(host):
    host.propose(expedited=True)
    host.options(policy=[{"vote": "yes"}])
    assert host.policy()[0]["outcome"] == "changed"
    host.chain.do("pass", seconds=2 * HOUR + 1)
    assert host.votes(1) == {}
    assert host.policy()[0]["outcome"] == "changed" and host.votes(1) == {0: "yes"}


def test_what_could_not_be_decoded_is_not_voted_on_unless_told(host):
    host.propose("unknown")
    host.options(policy=[{"vote": "yes"}])
    assert "/inference.future.MsgUnheardOf" in not_voted(host, "ok", "for a person", ("vote",))["text"]
    host.options(policy=[{"vote": "yes", "undecoded": True}])
    assert host.policy()[0]["outcome"] == "changed" and host.votes(1) == {0: "yes"}


def test_what_the_module_has_now_must_be_known(open_vote):
    """Without it nobody can tell what a change of parameters changes."""
    for number in range(2):
        open_vote.chain.do("node", i=number, broken=["inference/inference/params"])
    open_vote.options(policy=[AT_ONCE])
    not_voted(open_vote, "ok", "for a person", ("vote",))


def test_a_change_beyond_the_bounds_is_for_a_person(host):
    host.propose(change={"epoch_params.epoch_length": "20001"})
    host.options(policy=[AT_ONCE])
    not_voted(host, "ok", "for a person", ("vote",))


def test_the_first_rule_that_matches_decides(host):
    host.propose(title="Raise the epoch")
    host.propose("text", title="Thank you")
    host.options(policy=[{"title": "*EPOCH*", "vote": "ask"}, {"vote": "abstain"}])
    assert host.policy()[0]["outcome"] == "changed" and host.votes(1) == {} and host.votes(2) == {0: "abstain"}


def test_one_node_that_shows_another_proposal_moves_no_vote(host):
    host.propose(title="Take everything")
    host.options(policy=[{"title": "harmless", "vote": "yes"}])
    host.chain.do("node", i=0, lies={"proposals/1": {"proposal": {"title": "harmless"}}})
    not_voted(host, "ok", "for a person", ("vote",))


def test_one_proposal_that_cannot_be_read_does_not_keep_the_vote_on_another(open_vote):
    open_vote.propose()
    for number in range(2):
        open_vote.chain.do("node", i=number, broken=["proposals/1"])
    open_vote.options(policy=[{"vote": "yes"}])
    end = open_vote.run("vote")
    assert end["outcome"] == "unknown" and open_vote.votes(1) == {} and open_vote.votes(2) == {0: "yes"}, end["text"]


@pytest.mark.parametrize("policy,says", [("[{", "policy"), ('[{"vote":"yes","titel":"x"}]', "titel")])
def test_a_policy_with_a_mistake_votes_on_nothing(open_vote, policy, says):
    open_vote.options(policy=policy)
    not_voted(open_vote, "failed", says, ("vote",))


def test_a_policy_may_be_a_file(open_vote):
    path = os.path.join(open_vote.folder, "policy.json")
    with open(path, "w", encoding="utf-8") as out:
        json.dump([{"vote": "no"}], out)
    open_vote.options(policy_file=path)
    assert open_vote.policy()[0]["outcome"] == "changed" and open_vote.votes(1) == {0: "no"}
    open_vote.options(policy_file=path, policy=[{"vote": "yes"}])
    assert "take one" in open_vote.run("vote")["summary"]


def test_the_daemon_votes_when_a_proposal_is_opened(host, start):
    """The event of a poll starts the policy."""
    host.options(policy=[{"vote": "yes"}])
    start(host.world, env=ENV)
    host.propose()
    host.world.cli("run", "governance", "poll")
    wait_until(lambda: host.votes(1) == {0: "yes"}, "the policy has voted")
    assert host.world.wait_for(topic="gov.voted")
