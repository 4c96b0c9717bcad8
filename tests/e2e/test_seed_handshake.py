"""seed-manager survey: node ids that nodes prove at their ports for peers."""
import pytest

from p2p_peer import Peer
from test_seed_survey import chain, running, survey  # noqa: F401 (fixtures)


@pytest.fixture
def prove(survey):  # noqa: F811
    """A survey with handshakes. The stand-in's own ports for peers are silent: waiting for them is kept short."""
    return lambda **options: survey(handshake=True, p2p_timeout="400ms", **options)


def of(report, peer):
    return [row for row in report["result"]["nodes"] if row["p2p_port"] == peer.port][0]


def test_a_node_proves_its_id_and_names_its_chain(prove):
    with Peer() as peer:
        row = of(prove(candidates=[f"tcp://{peer.host}:{peer.port}"]), peer)
        assert peer.proven.wait(10), "and we proved ours"
    assert (row["node_id"], row["node_id_from"], row["p2p"]) == (peer.node_id, "handshake", "open")
    assert row["verdict"] == "unclear" and "peer on this chain" in row["why"]


def test_a_proven_id_that_the_list_does_not_have(prove):
    with Peer() as peer:
        row = of(prove(candidates=[f"{'ab' * 20}@{peer.host}:{peer.port}"]), peer)
    assert (row["verdict"], row["reason"]) == ("sick", "wrong-id") and peer.node_id in row["why"]


def test_a_peer_of_another_chain(prove):
    with Peer(network="osmosis-1") as peer:
        row = of(prove(candidates=[f"{peer.node_id}@{peer.host}:{peer.port}"]), peer)
    assert (row["verdict"], row["reason"]) == ("sick", "wrong-chain") and "osmosis-1" in row["why"]


def test_an_rpc_that_lies_about_the_node_id_is_found_out(chain, prove):
    with Peer() as peer:
        chain.do("node", i=3, manner="good", listen_addr=f"tcp://0.0.0.0:{peer.port}")
        row = of(prove(candidates=[chain.nodes[3]["proxy"]]), peer)
        chain.do("node", i=3, manner="good", node_id=peer.node_id)
        good = of(prove(candidates=[chain.nodes[3]["proxy"]]), peer)
        chain.do("node", i=3, manner="good", node_id=chain.nodes[3]["node_id"],
                 listen_addr=f"tcp://0.0.0.0:{chain.nodes[3]['p2p_port']}")
    assert (row["verdict"], row["reason"]) == ("sick", "wrong-id") and chain.nodes[3]["node_id"] in row["why"]
    assert (good["verdict"], good["node_id_from"]) == ("healthy", "handshake")


@pytest.mark.parametrize("wrong, words", [
    ("signature", "pretends"), ("seal", "not sealed"), ("key", "does not speak"), ("garbage", "does not speak"),
    ("long", "not sealed"), ("empty", "empty frames"), ("early", "hangs up"), ("silent", "says nothing"),
])
def test_what_is_no_proof_is_none(prove, wrong, words):
    with Peer(wrong=wrong) as peer:
        row = of(prove(candidates=[f"{peer.node_id}@{peer.host}:{peer.port}"]), peer)
    assert (row["node_id_from"], row["p2p"], row["verdict"]) == ("list", "open", "unclear")
    assert words in row["p2p_why"]


def test_a_proof_counts_without_what_a_node_says_of_itself(prove):
    with Peer(wrong="info") as peer:
        row = of(prove(candidates=[f"{peer.node_id}@{peer.host}:{peer.port}"]), peer)
    assert (row["node_id"], row["node_id_from"]) == (peer.node_id, "handshake")
