"""chain-watch, governance, validator and seed-manager against real nodes of the Cosmos SDK: its transactions, its votes, its jail, its peers."""
import json
import os

import pytest
from conftest import PLUGINS, World, wait_until
from interop_programs import inferenced  # noqa: F401
from interop_sdk_world import CHAIN_ID, PASSWORD, Chain

ENV = {**os.environ, "COLD_PASSWORD": PASSWORD}


@pytest.fixture(scope="module")
def chain(inferenced, tmp_path_factory):  # noqa: F811
    with Chain(inferenced, str(tmp_path_factory.mktemp("chain"))) as made:
        yield made


class Host:
    """The host of one of the nodes; the other node's host is its source."""

    def __init__(self, folder, chain, number):
        self.world, self.node, self.source = World(folder, PLUGINS), chain.nodes[number], chain.proxies[1 - number].url
        self.proxy = chain.proxies[number].url

    def run(self, plugin, task, *words, **options):
        if "node" not in options:
            options.update(node_rpc=self.node.rpc, node_rest=self.node.rest)
        options.update(sources=[self.source], chain_id=CHAIN_ID)
        allow = "allow: [network], " if plugin == "seed-manager" else ""
        self.world.write(f"  {plugin}: {{{allow}options: {json.dumps(options)}}}\n")
        done = self.world.cli("run", plugin, task, *words, "--json", env=ENV)
        assert done.stdout, done.stderr
        answer = json.loads(done.stdout)
        answer["told"] = [line.split("event ")[1].split()[0] for line in done.stderr.splitlines() if "event " in line]
        return answer

    def signs(self):
        return {"account": self.node.account, "sign": "inferenced", "inferenced": self.node.program,
                "inferenced_home": self.node.home, "key": "cold", "key_password": {"env": "COLD_PASSWORD"}, "confirm_wait": "20s"}

    def governance(self, task, *words, **options):
        return self.run("governance", task, *words, **self.signs(), remind=["5s"], **options)

    def validator(self, task):
        key = os.path.join(self.node.home, "config/priv_validator_key.json")
        return self.run("validator", task, **self.signs(), node=self.proxy, sign_node=self.node.rpc, signer="node", key_file=key,
                        block_wait="10s", fees="0ngonka")


@pytest.fixture
def host(tmp_path, chain):
    return lambda number: Host(tmp_path, chain, number)


def proposal(node, number):
    answer = node.ask(node.rest, f"/cosmos/gov/v1/proposals/{number}")
    return answer and answer["proposal"]


def validator_of(chain, node):
    """What the chain's first node says of a node's validator."""
    found = chain.nodes[0].ask(chain.nodes[0].rest, "/cosmos/staking/v1beta1/validators")["validators"]
    return [one for one in found if one["description"]["moniker"] == os.path.basename(node.home)][0]


def test_the_chain_is_followed_where_an_epoch_and_a_plan_cannot_be_asked(chain, host):
    watcher = host(0)
    shown = watcher.run("chain-watch", "show")["result"]
    assert (shown["state"], shown["healthy"], shown["peers"]) == ("following", 2, 1), shown
    assert "epoch" not in shown and "upgrade" not in shown
    wait_until(lambda: watcher.run("chain-watch", "show")["result"]["height"] > shown["height"], "the height rises")


def test_a_draft_is_taken_shown_voted_on_and_passes(chain, host, tmp_path):
    first, person = host(0), chain.nodes[0]
    drafts = tmp_path / "drafts"
    drafts.mkdir()
    drafted = first.governance("draft", "kind=params", "title=A longer window", "summary=More time.", "deposit=10000000ngonka",
                               "module=cosmos.slashing.v1beta1", 'set={signed_blocks_window: "12"}', drafts_dir=str(drafts))
    assert drafted["outcome"] == "changed", drafted
    person.sign("gov", "submit-proposal", str(next(drafts.iterdir())))
    wait_until(lambda: all(proposal(node, 1) for node in chain.nodes), "both nodes have it")

    poll = first.governance("poll")
    shown = poll["result"]["proposals"][0]
    assert "gov.proposal.opened" in poll["told"]
    assert shown["messages"][0]["changes"] == [{"path": "signed_blocks_window", "before": "10", "after": "12"}]
    assert (shown["vote"], shown["tally"]["has_quorum"]) == (None, False)

    voted = first.governance("vote", "proposal=1", "option=yes")
    assert voted["outcome"] == "changed", voted
    vote = person.ask(person.rest, f"/cosmos/gov/v1/proposals/1/votes/{person.account}")["vote"]
    assert [option["option"] for option in vote["options"]] == ["VOTE_OPTION_YES"]
    tally = first.governance("tally", "proposal=1")["result"]
    assert (tally["vote"], tally["tally"]["outcome"], tally["tally"]["turnout"]) == ("yes", "passes", "0.75")

    wait_until(lambda: all("PASSED" in proposal(node, 1)["status"] for node in chain.nodes), "it passes", 60)
    wait_until(lambda: "gov.proposal.passed" in first.governance("poll")["told"], "it is told")
    assert person.ask(person.rest, "/cosmos/slashing/v1beta1/params")["params"]["signed_blocks_window"] == "12"


def test_a_peer_is_learned_from_net_info_and_proves_its_id(chain, host):
    first, second = chain.nodes
    report = host(0).run("seed-manager", "survey", use_public_list=False, learn=True, private_peers=True,
                         candidates=[f"http://{second.host}:26657"])
    row = [row for row in report["result"]["nodes"] if row["node_id"] == second.node_id][0]
    assert (row["verdict"], row["node_id_from"], row["p2p"], row["p2p_port"]) == ("healthy", "handshake", "open", 26656), row["why"]
    assert report["result"]["own_id"] == first.node_id


def test_a_jailed_validator_is_noticed_and_unjailed_once_its_time_is_over(chain, host):
    first, second = chain.nodes
    watcher = host(1)
    wait_until(lambda: watcher.validator("watch")["outcome"] == "ok", "both nodes say that all is well")
    second.end()
    wait_until(lambda: validator_of(chain, second)["jailed"], "the chain jails it", 60)
    second.start()
    wait_until(lambda: second.height() >= first.height() - 1, "its node has come up with the chain")

    wait_until(lambda: "validator.jailed" in watcher.validator("watch")["told"], "it is told")
    early = watcher.validator("unjail")
    assert early["outcome"] == "refused" and "jail-time is a no" in early["summary"], early

    wait_until(lambda: watcher.validator("unjail")["outcome"] == "changed", "the jail time ends", 90)
    assert not validator_of(chain, second)["jailed"]
    wait_until(lambda: watcher.validator("watch")["result"]["bond"] == "bonded", "it is bonded again")
