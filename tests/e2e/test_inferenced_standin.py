"""The `inferenced` stand-in itself: it must refuse what the real program refuses, and move the chain as it would."""
import json

import pytest
from chain_client import ChainStandin, Inferenced

GOV = "/chain-api/cosmos/gov/v1/proposals"
SIGN = ("--keyring-backend", "file", "--chain-id", "gonka-mainnet")
VOTE_FLAGS = ("--from", "cold", *SIGN, "--unordered", "--timeout-duration=60s", "--gas=2000000",
              "--gas-adjustment=5.0", "--yes")
PASSWORD = "correct horse\n"


@pytest.fixture
def chain():
    with ChainStandin() as running:
        yield running


@pytest.fixture
def program(chain, tmp_path):
    return Inferenced(tmp_path, chain)


def votes(chain, number=1):
    return {row["voter"]: row["options"][0]["option"] for row in chain.json(f"{GOV}/{number}/votes")["votes"]}


def test_a_vote_with_the_published_flags_is_on_the_chain(chain, program):
    chain.do("propose", kind="text")
    end = program.run("tx", "gov", "vote", "1", "yes", *VOTE_FLAGS, "--node", chain.nodes[0]["proxy"] + "/chain-rpc/",
                      stdin=PASSWORD)
    answer = json.loads(end.stdout)
    assert (end.returncode, answer["code"], len(answer["txhash"])) == (0, 0, 64)
    assert votes(chain) == {chain.validators[0]["account"]: "VOTE_OPTION_YES"}
    assert json.loads(program.run("query", "tx", answer["txhash"], "-o", "json").stdout)["code"] == 0


def test_each_call_is_recorded_with_what_it_read(program):
    program.run("version")
    program.run("keys", "show", "cold", "-a", stdin=PASSWORD)
    assert [(call["argv"], call["stdin"]) for call in program.calls()] == [
        (["version"], ""), (["keys", "show", "cold", "-a"], PASSWORD)]


def test_a_wrong_password_is_asked_three_times_and_changes_nothing(chain, program):
    chain.do("propose", kind="text")
    end = program.run("tx", "gov", "vote", "1", "yes", *VOTE_FLAGS, stdin="a\nb\nc\n")
    assert end.returncode == 1
    assert "too many failed passphrase attempts" in end.stderr
    assert votes(chain) == {}


def test_without_a_password_the_program_ends(program):
    end = program.run("keys", "show", "cold", "-a")
    assert (end.returncode, end.stdout) == (1, "")
    assert "EOF" in end.stderr


def test_without_yes_it_asks(chain, program):
    chain.do("propose", kind="text")
    words = ("tx", "gov", "vote", "1", "no", "--from", "cold", *SIGN)
    assert "canceled" in program.run(*words, stdin=PASSWORD + "n\n").stderr
    assert votes(chain) == {}
    program.run(*words, stdin=PASSWORD + "y\n")
    assert votes(chain) == {chain.validators[0]["account"]: "VOTE_OPTION_NO"}


@pytest.mark.parametrize("flags,words", [(("--unordered",), "must have a timeout"),
                                         (("--unordered", "--timeout-duration=11m"), "exceeds 10m0s"),
                                         (("--surely",), "unknown flag: --surely"),
                                         (("--node", "http://127.0.0.1:1/"), "post failed")])
def test_flags_that_the_real_program_refuses(chain, program, flags, words):
    chain.do("propose", kind="text")
    end = program.run("tx", "gov", "vote", "1", "yes", "--from", "cold", *SIGN, "--yes", *flags, stdin=PASSWORD)
    assert end.returncode == 1
    assert words in end.stderr
    assert votes(chain) == {}


@pytest.mark.parametrize("command,flags,code", [
    (("min_fee", {"amount": 200000}), (), 13), (("state", {}), ("--chain-id", "gonka-testnet"), 4),
    (("state", {}), ("--sequence", "9"), 32), (("state", {}), ("--fees", "20000000000000ngonka"), 5),
    (("refuse", {"code": 32, "log": "account sequence mismatch, expected 6, got 5: incorrect account sequence"}), (),
     32)])
def test_a_node_refuses_a_transaction_with_a_code_and_status_zero(chain, program, command, flags, code):
    chain.do("propose", kind="text")
    chain.do(command[0], **command[1])
    end = program.run("tx", "gov", "vote", "1", "yes", "--from", "cold", *SIGN, "--yes", *flags, stdin=PASSWORD)
    answer = json.loads(end.stdout)
    assert (end.returncode, answer["code"], answer["codespace"]) == (0, code, "sdk")
    assert answer["raw_log"]
    assert votes(chain) == {}


def test_a_vote_that_a_block_refuses_looks_well_at_first(chain, program):
    chain.do("propose", kind="text", deposit=1)
    end = program.run("tx", "gov", "vote", "1", "yes", *VOTE_FLAGS, stdin=PASSWORD)
    answer = json.loads(end.stdout)
    assert answer["code"] == 0
    later = chain.do("transaction", txhash=answer["txhash"])["response"]
    assert (later["code"], later["codespace"]) == (3, "gov")


def test_a_swallowed_transaction_never_reaches_a_block(chain, program):
    chain.do("propose", kind="text")
    chain.do("swallow")
    end = program.run("tx", "gov", "vote", "1", "yes", *VOTE_FLAGS, stdin=PASSWORD)
    assert json.loads(end.stdout)["code"] == 0
    chain.do("blocks", n=5)
    assert votes(chain) == {}


def unjail(program):
    return program.run("tx", "slashing", "unjail", "--from", "cold", *SIGN, "--gas", "auto", "--gas-adjustment", "1.5",
                       "--fees", "200000ngonka", "--yes", stdin=PASSWORD)


def test_unjail_works_after_the_jail_time_only(chain, program):
    assert "not jailed" in unjail(program).stderr
    chain.do("jail", validator=0)
    end = unjail(program)
    assert end.returncode == 1
    assert "validator still jailed; cannot be unjailed" in end.stderr
    chain.do("pass", seconds=600)
    end = unjail(program)
    assert json.loads(end.stdout)["code"] == 0, end
    assert chain.do("validator", validator=0)["staking"]["jailed"] is False
    assert chain.do("validator", validator=0)["balance"] == 10000 * 10 ** 9 - 200000


def test_a_tombstoned_validator_stays_where_it_is(chain, program):
    chain.do("tombstone", validator=0)
    chain.do("pass", seconds=1000000)
    assert unjail(program).returncode == 1


def proposal_file(folder, **change):
    content = {"messages": [], "metadata": "", "deposit": "25000000ngonka", "title": "T", "summary": "S",
               "expedited": False}
    path = folder / "proposal.json"
    path.write_text(json.dumps({**content, **change}))
    return str(path)


def test_a_proposal_file_becomes_a_proposal(chain, program, tmp_path):
    end = program.run("tx", "gov", "submit-proposal", proposal_file(tmp_path), "--from", "cold", *SIGN, "--yes",
                      stdin=PASSWORD)
    assert json.loads(end.stdout)["code"] == 0, end
    proposal = chain.json(GOV + "/1")["proposal"]
    assert (proposal["title"], proposal["status"]) == ("T", "PROPOSAL_STATUS_VOTING_PERIOD")
    assert proposal["proposer"] == chain.validators[0]["account"]


@pytest.mark.parametrize("change,words", [({"sumary": "S"}, "unknown field"), ({"title": ""}, "must not be empty"),
                                          ({"deposit": "25 GNK"}, "invalid decimal coin")])
def test_a_bad_proposal_file_is_refused(chain, program, tmp_path, change, words):
    end = program.run("tx", "gov", "submit-proposal", proposal_file(tmp_path, **change), "--from", "cold", *SIGN,
                      "--yes",
                      stdin=PASSWORD)
    assert end.returncode == 1
    assert words in end.stderr
    assert chain.json(GOV)["proposals"] == []


def test_software_upgrade_makes_the_proposal(chain, program):
    end = program.run("tx", "upgrade", "software-upgrade", "v0.3.0", "--title", "T", "--upgrade-height", "1600000",
                      "--upgrade-info", '{"binaries":{}}', "--summary", "S", "--deposit", "25000000ngonka", "--from",
                      "cold",
                      *SIGN, "--yes", stdin=PASSWORD)
    assert json.loads(end.stdout)["code"] == 0, end
    plan = chain.json(GOV + "/1")["proposal"]["messages"][0]["plan"]
    assert (plan["name"], plan["height"], plan["info"]) == ("v0.3.0", "1600000", '{"binaries":{}}')


def test_generate_only_changes_nothing_and_its_file_can_be_signed_elsewhere_and_sent(chain, program, tmp_path):
    chain.do("propose", kind="text")
    account = chain.validators[0]["account"]
    made = program.run("tx", "gov", "vote", "1", "abstain", "--from", account, "--generate-only",
                       "--gas=2000000").stdout
    assert json.loads(made)["body"]["messages"] == [{"@type": "/cosmos.gov.v1.MsgVote", "proposal_id": "1",
                                                     "voter": account,
                                                     "option": "VOTE_OPTION_ABSTAIN", "metadata": ""}]
    assert json.loads(made)["signatures"] == []
    assert votes(chain) == {}
    (tmp_path / "tx.json").write_text(made)
    signed = program.run("tx", "sign", str(tmp_path / "tx.json"), "--from", "cold", *SIGN, "--offline",
                         "--account-number", "7",
                         "--sequence", "0", "--node", "http://127.0.0.1:1", stdin=PASSWORD).stdout
    (tmp_path / "signed.json").write_text(signed)
    assert json.loads(program.run("tx", "broadcast", str(tmp_path / "signed.json")).stdout)["code"] == 0
    assert votes(chain) == {account: "VOTE_OPTION_ABSTAIN"}


def test_an_unsigned_transaction_is_not_taken(chain, program, tmp_path):
    chain.do("propose", kind="text")
    (tmp_path / "tx.json").write_text(program.run("tx", "gov", "vote", "1", "yes", "--from",
                                                  chain.validators[0]["account"],
                                                  "--generate-only").stdout)
    assert json.loads(program.run("tx", "broadcast", str(tmp_path / "tx.json")).stdout)["code"] == 15
    assert votes(chain) == {}


def test_a_warm_key_votes_for_the_cold_one_only_with_a_grant_of_that_very_type(chain, program, tmp_path):
    chain.do("propose", kind="text")
    account, warm = chain.validators[0]["account"], chain.validators[0]["warm"]
    made = program.run("tx", "gov", "vote", "1", "yes", "--from", account, "--generate-only").stdout
    (tmp_path / "vote.json").write_text(made)
    words = ("tx", "authz", "exec", str(tmp_path / "vote.json"), "--from", "warm", *SIGN, "--yes")
    chain.do("grant", granter=account, grantee=warm, message="/cosmos.gov.v1beta1.MsgVote")
    program.run(*words, stdin=PASSWORD)
    assert votes(chain) == {}
    chain.do("grant", granter=account, grantee=warm, message="/cosmos.gov.v1.MsgVote")
    program.run(*words, stdin=PASSWORD)
    assert votes(chain) == {account: "VOTE_OPTION_YES"}


def test_questions(chain, program):
    chain.do("propose", kind="text")
    assert json.loads(program.run("query", "gov", "tally", "1", "-o", "json").stdout)["tally"]["yes_count"] == "0"
    account = chain.validators[0]["account"]
    assert "jailed: false" in program.run("query", "staking", "delegator-validators", account).stdout
    assert program.run("query", "gov", "tally", "9", "-o", "json").returncode == 1
    assert json.loads(program.run("status").stdout)["sync_info"]["latest_block_height"] == "1510000"
    assert program.run("version").stdout == "0.2.9\n"
    assert json.loads(program.run("tendermint", "show-validator").stdout)["key"] == chain.validators[0]["key"]
    assert program.run("keys", "show", "cold", "--bech", "val", "-a", stdin=PASSWORD).stdout.strip() == \
        chain.validators[0]["operator"]


def test_a_node_that_answers_html_is_told(chain, program):
    chain.do("node", i=0, manner="html")
    end = program.run("query", "gov", "tally", "1")
    assert end.returncode == 1
    assert "invalid character '<'" in end.stderr


def test_it_can_be_made_to_fail(program):
    program.configure(fail={"code": 139, "stderr": "panic: no\n"})
    end = program.run("version")
    assert (end.returncode, end.stderr) == (139, "panic: no\n")
