"""seed-manager survey: who is asked, what is said of each, and what is kept."""
import http.server
import json
import os
import random
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.request

import pytest

from chain_client import ChainStandin
from seed_deploy import NANO, Deploy, p2p_of, state_path, stored
from conftest import AGENT, PLUGINS


@pytest.fixture(scope="module")
def running():
    with ChainStandin(nodes=5) as chain:
        chain.do("run", blocks_per_second=2, real_time=True)
        yield chain


@pytest.fixture
def chain(running):
    for number in range(5):
        running.do("node", i=number, manner="good", peers=1000, connected_ns=3600 * NANO, claimed_peers=[])
    return running


@pytest.fixture
def survey(world, chain):
    """survey(option=value, ...) makes one and gives its report; node 0 is this host's, 1 and 2 are sources. With
    start=True it is only begun: the process."""
    world.plugin_dir = PLUGINS

    def make(start=False, **options):
        options = {"node": chain.nodes[0]["proxy"], "sources": [node["proxy"] for node in chain.nodes[1:3]],
                   "use_public_list": False, "learn": False, "handshake": False, "probe_timeout": "2s",
                   "p2p_timeout": "1s", "private_peers": True, **options}
        given = {key: value for key, value in options.items() if value is not None}
        world.write(f"  seed-manager: {{allow: [network], options: {json.dumps(given)}}}\n")
        if start:
            return subprocess.Popen([AGENT, "run", "-c", world.manifest, "seed-manager", "survey"],
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return world.json("run", "seed-manager", "survey")

    return make


class Relay:
    """CometBFT's RPC at the port that it has had of old, on an address of this machine that nobody else uses."""

    def __init__(self, rpc):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                with urllib.request.urlopen(rpc + self.path, timeout=5) as reply:
                    body = reply.read()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_what):
                pass

        self.host = f"127.{random.randrange(1, 255)}.{random.randrange(1, 255)}.{random.randrange(2, 255)}"
        self.server = http.server.ThreadingHTTPServer((self.host, 26657), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_what):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def peer(number, host="127.0.0.1", port=1, network="gonka-mainnet"):
    """An entry of net_info that a liar makes up."""
    return {"node_info": {"id": f"{number:040x}", "listen_addr": f"tcp://0.0.0.0:{port}", "network": network},
            "is_outbound": True, "remote_ip": host}


def rows(report):
    return {row["name"]: row for row in report["result"]["nodes"]}


def test_healthy_nodes_are_found_with_what_they_say_of_themselves(world, chain, survey):
    report = survey()
    assert report["outcome"] == "ok", report
    found = rows(report)
    assert set(found) == {node["proxy"] for node in chain.nodes[1:3]}
    for node in chain.nodes[1:3]:
        row = found[node["proxy"]]
        assert (row["verdict"], row["node_id"], row["node_id_from"]) == ("healthy", node["node_id"], "rpc")
        assert (row["p2p"], row["p2p_port"], row["rpc"]) == ("open", node["p2p_port"], node["proxy"] + "/chain-rpc")
        assert row["chain_id"] == chain.chain_id and row["latency_ms"] < 2000


@pytest.mark.parametrize("manner, verdict, reason, words", [
    ({"manner": "dead"}, "sick", "unreachable", "nothing answers there"),
    ({"manner": "slow", "seconds": 9}, "sick", "timeout", "did not answer in time"),
    ({"manner": "trickle"}, "sick", "timeout", "did not answer in time"),
    ({"manner": "html", "status": 200}, "sick", "not-json", "web page"),
    ({"manner": "garbage"}, "sick", "not-json", "is a node behind"),
    ({"manner": "half", "part": "rpc"}, "sick", "unreachable", ""),
    ({"manner": "cut"}, "sick", "unreachable", ""),
    ({"manner": "huge"}, "sick", "too-large", "larger"),
    ({"manner": "redirect", "to": "http://example.com/"}, "unclear", "http-status", ""),
    ({"manner": "blocked"}, "unclear", "http-status", "does not let its RPC be asked"),
    ({"manner": "wrong_chain", "chain_id": "gonka-testnet"}, "sick", "wrong-chain", "gonka-testnet"),
    ({"manner": "catching_up"}, "sick", "catching-up", "blocks behind"),
    ({"manner": "stale", "blocks": 200}, "sick", "stale", r"20\d blocks behind"),
    ({"manner": "lying_height", "blocks": 100000}, "sick", "ahead", "others know"),
    ({"manner": "p2p_dead"}, "sick", "p2p-shut", "for peers: refused"),
    ({"manner": "numbers"}, "healthy", "healthy", ""),
    ({"manner": "good", "listen_addr": "tcp://0.0.0.0"}, "unclear", "no-p2p-port", "port"),
    ({"manner": "good", "node_id": "not an id"}, "sick", "no-id", "node id"),
])
def test_what_is_said_of_a_candidate_that_is_not_as_it_should_be(chain, survey, manner, verdict, reason, words):
    chain.do("node", i=3, **manner)
    report = survey(candidates=[chain.nodes[3]["proxy"]])
    row = rows(report)[chain.nodes[3]["proxy"]]
    assert (row["verdict"], row["reason"]) == (verdict, reason), row
    assert re.search(words, row["why"]) and bool(row["why"]) == (verdict != "healthy")
    chain.do("node", i=3, manner="good", node_id=p2p_of(chain.nodes[3])[:40])
    chain.do("node", i=3, manner="good", listen_addr=f"tcp://0.0.0.0:{chain.nodes[3]['p2p_port']}")


def test_the_older_rule_is_tried_where_the_newer_one_does_not_answer(chain, survey):
    with Relay(chain.nodes[3]["rpc"]) as relay:
        report = survey(candidates=[f"http://{relay.host}:9", f"http://{relay.host}:26657/"])
        found = [row for row in report["result"]["nodes"] if row["host"] == relay.host][0]
    assert found["rpc"] == f"http://{relay.host}:26657"
    assert (found["chain_id"], found["node_id"]) == (chain.chain_id, chain.nodes[3]["node_id"])
    assert len(report["result"]["nodes"]) == 3, "both entries are one node"


def test_the_own_node_is_never_a_seed(chain, survey, world):
    own = chain.nodes[0]
    report = survey(candidates=[own["proxy"], p2p_of(own)])
    assert report["result"]["own_removed"] == 2 and report["result"]["own_id"] == own["node_id"]
    assert own["node_id"] not in json.dumps(stored(world, "survey")["seeds"])


def test_the_own_node_is_known_while_it_is_down(chain, survey, world):
    assert survey()["result"]["own_id"] == chain.nodes[0]["node_id"]
    chain.do("node", i=0, manner="dead")
    report = survey(candidates=[p2p_of(chain.nodes[0])])
    assert (report["outcome"], report["result"]["own_removed"]) == ("ok", 1)


def test_peers_of_healthy_nodes_are_asked_too(chain, survey):
    port = int(chain.nodes[3]["proxy"].rsplit(":", 1)[1])
    report = survey(learn=True, guess_port=port)
    found = {row["node_id"]: row for row in report["result"]["nodes"]}
    third, fourth = found[chain.nodes[3]["node_id"]], found[chain.nodes[4]["node_id"]]
    assert third["verdict"] == "healthy" and third["origin"] == ["learned"] and third["api"] == chain.nodes[3]["proxy"]
    assert (fourth["verdict"], fourth["p2p"], fourth["node_id_from"]) == ("unclear", "open", "list")
    assert "another node" in fourth["why"], "what answers at the guessed port is node 3"


def test_private_addresses_that_strangers_tell_of_are_left_alone(chain, survey):
    report = survey(learn=True, private_peers=False)
    assert report["result"]["learned"] == 0 and len(report["result"]["nodes"]) == 2


def test_lies_about_peers_are_passed_over_and_capped(chain, survey, world):
    good = p2p_of(chain.nodes[4])
    lies = [{}, 7, {"node_info": None}, peer(1, host="no address!"), peer(2, port=0), peer(3, port=70000),
            peer(4, network="gonka-testnet"), {**peer(5), "remote_ip": "x" * 5000}, *(peer(n) for n in range(100, 900))]
    lies[0] = {**peer(1), "node_info": {**peer(1)["node_info"], "id": "zz"}}
    chain.do("node", i=1, manner="good", peers=0, claimed_peers=lies)
    for number in (0, 2):
        chain.do("node", i=number, manner="good", peers=0)
    report = survey(learn=True, learn_each=20)
    assert report["result"]["learned"] == 12, "the first 20, less 8 that no address can be had from"
    assert stored(world, "survey")["seeds"] and good not in json.dumps(stored(world, "survey"))


def test_a_sick_node_that_only_strangers_named_is_not_kept_as_sick(chain, survey, world):
    """Else a liar could make any node sick by naming it at a wrong address."""
    victim = chain.nodes[4]["node_id"]
    lie = {"node_info": {"id": victim, "listen_addr": "tcp://0.0.0.0:1", "network": chain.chain_id}, "remote_ip":
           "127.0.0.1"}
    for number in (0, 2):
        chain.do("node", i=number, manner="good", peers=0)
    chain.do("node", i=1, manner="good", peers=0, claimed_peers=[lie])
    report = survey(learn=True)
    assert [row["verdict"] for row in report["result"]["nodes"] if row["node_id"] == victim] == ["sick"]
    assert victim not in json.dumps(stored(world, "survey")["seeds"])
    survey(candidates=[f"{victim}@127.0.0.1:1"])
    assert victim in json.dumps(stored(world, "survey")["seeds"]), "the operator named it: that is another matter"


def test_a_list_with_a_wrong_id_is_told(chain, survey, world):
    wrong = f"{'ab' * 20}@127.0.0.1:{chain.nodes[3]['p2p_port']}"
    report = survey(candidates=[wrong], guess_port=int(chain.nodes[3]["proxy"].rsplit(":", 1)[1]))
    row = [row for row in report["result"]["nodes"] if row["listed_id"] == "ab" * 20][0]
    assert (row["verdict"], row["reason"]) == ("sick", "wrong-id") and chain.nodes[3]["node_id"] in row["why"]
    assert {"p2p": wrong, "healthy": False}.items() <= stored(world, "survey")["seeds"][-1].items()


def test_a_list_of_ten_thousand_entries_of_any_kind(chain, survey, tmp_path):
    bad = ["", "ftp://x", "http://", "node1", "zz@x:1", "ab@x:1", "http://u:p@x", "http://x:99999", "tcp://x",
           "http://a b", "http://x/y/z", "\u001b[31mred", f"{'ab' * 20}@:5000", f"{'ab' * 20}@x:0"]
    candidates = bad + [chain.nodes[3]["proxy"], chain.nodes[3]["proxy"].upper(), chain.nodes[3]["proxy"] + "/"]
    candidates += [f"http://127.0.0.1:{port}" for port in range(1, 10_000 - len(candidates) + 1)]
    (tmp_path / "list").write_text("# a list\n" + "\n".join(candidates[9000:]) + "\n\n", encoding="utf-8")
    report = survey(candidates=candidates[:9000], candidates_file=str(tmp_path / "list"), max_candidates=50)
    result = report["result"]
    assert (result["bad"], result["duplicates"], result["candidates"]) == (len(bad), 2, 50)
    assert result["left_out"] == 10_000 - len(bad) - 2 - 48
    assert all(entry["why"] and "\x1b" not in entry["entry"] for entry in result["bad_entries"])
    assert rows(report)[chain.nodes[3]["proxy"]]["verdict"] == "healthy"


def test_one_node_under_two_names_is_one_row(chain, survey):
    port = chain.nodes[3]["proxy"].rsplit(":", 1)[1]
    report = survey(candidates=[chain.nodes[3]["proxy"], f"http://localhost:{port}", p2p_of(chain.nodes[3])])
    assert len(report["result"]["nodes"]) == 3
    assert report["result"]["healthy"] == 3


def test_without_a_quorum_nothing_is_said_of_anybody(chain, survey, world):
    for number in range(4):
        chain.do("node", i=number, manner="dead")
    report = survey(candidates=[node["proxy"] for node in chain.nodes[3:]])
    assert report["outcome"] == "unknown" and not report["result"]["known"]
    assert {row["verdict"] for row in report["result"]["nodes"]} == {"unclear"}
    assert stored(world, "survey")["known"] is False and stored(world, "survey")["seeds"] == []


def test_the_own_node_does_not_decide_when_it_is_behind(chain, survey):
    chain.do("node", i=0, manner="stale", blocks=5000)
    report = survey()
    assert (report["outcome"], report["result"]["healthy"]) == ("ok", 2)


def test_nodes_that_only_strangers_named_do_not_vote(chain, survey):
    """Two liars at a height of their own, told of by node 1: with nodes 1 and 2 they would be two against two."""
    for number in (3, 4):
        chain.do("node", i=number, manner="lying_height", blocks=100_000)
    report = survey(learn=True, node=None, guess_port=int(chain.nodes[3]["proxy"].rsplit(":", 1)[1]))
    assert report["outcome"] == "ok"
    liar = [row for row in report["result"]["nodes"] if row["node_id"] == chain.nodes[3]["node_id"]][0]
    assert (liar["verdict"], liar["reason"]) == ("sick", "ahead")


def test_a_seed_has_a_history(chain, survey):
    name = chain.nodes[3]["proxy"]
    scores = []
    for _ in range(3):
        row = rows(survey(candidates=[name]))[name]
        scores.append(row["reputation"])
    assert row["recent"] == "hhh" and scores == sorted(scores) and scores[0] > 500
    chain.do("node", i=3, manner="stale", blocks=500)
    row = rows(survey(candidates=[name]))[name]
    assert row["recent"] == "hhhs" and 0 < row["reputation"] < scores[-1]


def test_a_history_that_cannot_be_read_begins_anew(chain, survey, world):
    survey()
    with open(f"{world.state}/plugins/seed-manager/survey-history", "w", encoding="utf-8") as out:
        out.write("{nonsense")
    report = survey()
    assert report["outcome"] == "ok" and {row["recent"] for row in report["result"]["nodes"]} == {"h"}


def test_configured_seeds_are_asked_and_counted(chain, survey, world, tmp_path):
    sick = f"{'cd' * 20}@127.0.0.1:1"
    deploy = Deploy(tmp_path, seeds=f"{p2p_of(chain.nodes[3])},{sick}")
    report = survey(deploy_dir=deploy.folder, guess_port=int(chain.nodes[3]["proxy"].rsplit(":", 1)[1]))
    assert (report["result"]["configured"], report["result"]["configured_healthy"]) == (2, 1)
    assert deploy.untouched()
    after = world.json("run", "seed-manager", "apply")
    assert after["outcome"] == "ok", after
    assert after["result"]["configured"] == {"seeds": 2, "healthy": 1, "not_surveyed": 0}, "apply reads what is kept"


def test_a_deploy_folder_that_cannot_be_read_is_told(chain, survey, tmp_path):
    report = survey(deploy_dir=str(tmp_path / "nowhere"))
    assert report["outcome"] == "ok" and "nowhere" in report["result"]["note"]


def test_a_plan_keeps_nothing(chain, survey, world):
    survey()
    before = stored(world, "survey")
    report = world.json("plan", "seed-manager", "survey")["plan"][0]
    assert report["outcome"] == "ok" and len(report["result"]["nodes"]) == 2
    assert stored(world, "survey") == before


def test_a_survey_that_is_cancelled_ends_at_once_and_keeps_nothing(survey, world):
    survey()
    before = stored(world, "survey")
    with socket.create_server(("127.0.0.1", 0)) as door:
        survey_of_silence = {"candidates": [f"http://127.0.0.1:{door.getsockname()[1]}"], "probe_timeout": "60s"}
        process = survey(start=True, **survey_of_silence)
        connection = door.accept()[0]  # it is being asked now
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
        connection.close()
    assert time.monotonic() - began < 10
    assert "cancelled" in out + err and process.returncode != 0
    assert stored(world, "survey") == before


def test_when_the_time_is_over_the_rest_is_unclear(chain, survey):
    chain.do("node", i=3, manner="slow", seconds=9)
    chain.do("node", i=4, manner="slow", seconds=9)
    report = survey(candidates=[node["proxy"] for node in chain.nodes[3:]] + ["http://127.0.0.1:1"], parallel=1,
                    deadline="1s", probe_timeout="2s")
    last = rows(report)["http://127.0.0.1:1"]
    assert (last["verdict"], last["reason"]) == ("unclear", "not-asked")


def test_the_table_for_people(chain, survey, world):
    chain.do("node", i=3, manner="wrong_chain", chain_id="evil\u001b[2J")
    survey(candidates=[chain.nodes[3]["proxy"], "ftp://nonsense"])
    text = world.cli("run", "seed-manager", "survey").stdout
    print(text)
    assert p2p_of(chain.nodes[1]) in text and "on the chain evil" in text and "ftp://nonsense: its scheme" in text
    assert "\x1b" not in text


def test_without_any_node_to_ask_it_is_refused(survey):
    report = survey(node=None, sources=[])
    assert report["outcome"] == "refused" and "set the option node" in report["summary"]


def test_a_survey_that_cannot_be_kept_has_failed(survey, world):
    os.makedirs(os.path.join(state_path(world, "survey"), "in the way"))
    report = survey()
    assert report["outcome"] == "failed" and "survey cannot be kept" in report["summary"]


def test_the_listed_port_counts_where_the_nodes_own_is_shut(chain, survey):
    """A router maps it: the node says 1, the list has the one that is open."""
    node = chain.nodes[3]
    chain.do("node", i=3, manner="good", listen_addr="tcp://0.0.0.0:1")
    report = survey(candidates=[p2p_of(node)], guess_port=int(node["proxy"].rsplit(":", 1)[1]))
    chain.do("node", i=3, manner="good", listen_addr=f"tcp://0.0.0.0:{node['p2p_port']}")
    row = [row for row in report["result"]["nodes"] if row["node_id"] == node["node_id"]][0]
    assert (row["verdict"], row["p2p_port"]) == ("healthy", node["p2p_port"])
