"""What the tests of the plugin governance share: a host with its node and its inferenced, on a chain whose time the test moves."""
import json
import os
import time

import pytest
from chain_client import ChainStandin, Inferenced
from conftest import PLUGINS, World

HOUR = 3600
ENV = {"COLD_PASSWORD": "correct horse"}
RULE = {"name": "epochs", "type": "/inference.inference.MsgUpdateParams", "vote": "yes", "not_before_end": "6h",
        "params": [{"path": "epoch_params.epoch_length", "min": "1000", "max": "20000"}]}


class Host:
    """A host whose account is that of the chain's validator 0, one of four of the same power."""

    def __init__(self, folder, chain):
        self.folder, self.chain = str(folder), chain
        self.me = chain.validators[0]["account"]
        self.world = World(folder, PLUGINS)
        self.inferenced = Inferenced(folder, chain, control=chain.nodes[0]["proxy"] + "/control")
        self.options()

    def options(self, **more):
        """Writes the manifest; an option that is None is left out."""
        words = {"node": self.chain.nodes[0]["proxy"],
                 "sources": [self.chain.nodes[1]["proxy"], self.chain.nodes[2]["proxy"]],
                 "chain_id": self.chain.chain_id, "max_age": "1d", "account": self.me, "sign": "inferenced",
                 "inferenced": self.inferenced.path, "inferenced_home": self.folder, "key": "cold",
                 "key_password": {"env": "COLD_PASSWORD"}, "confirm_wait": "5s", "remind": ["6h", "1h"], **more}
        if isinstance(words.get("policy"), list):
            words["policy"] = json.dumps(words["policy"])
        words = {key: value for key, value in words.items() if value is not None}
        self.world.write(f"  governance: {{options: {json.dumps(words)}}}\n")

    def run(self, task, *words, verb="run"):
        done = self.world.cli(verb, "governance", task, *words, "--json", env={**os.environ, **ENV})
        assert done.stdout, done.stderr
        self.errors = done.stderr
        return json.loads(done.stdout)

    def told(self, task="poll"):
        """Topics that a run tells now."""
        end = self.run(task)
        assert end["outcome"] in ("ok", "changed"), end["summary"]
        return [line.split("event ")[1].split()[0] for line in self.errors.splitlines() if "event gov." in line]

    def poll(self):
        """The answer, and its proposals by number."""
        answer = self.run("poll")
        return answer, {int(entry["id"]): entry for entry in (answer.get("result") or {}).get("proposals", ())}

    def policy(self):
        """The answer of a vote by policy, and what it says of each proposal."""
        answer = self.run("vote")
        return answer, {int(entry["id"]): entry for entry in (answer.get("result") or {}).get("proposals", ())}

    def propose(self, kind="inference_params", **words):
        if kind == "inference_params":
            words = {"change": {"epoch_params.epoch_length": "15400"}, **words}
        return self.chain.do("propose", kind=kind, **words)["id"]

    def votes(self, number):
        """Votes of a proposal as the chain has them, by validator."""
        numbers = {entry["account"]: i for i, entry in enumerate(self.chain.validators)}
        return {numbers[vote["voter"]]: vote["options"][0]["option"].removeprefix("VOTE_OPTION_").lower()
                for vote in self.chain.do("proposal", id=number)["votes"]}

    def transactions(self):
        """Command lines that made a transaction."""
        return [call["argv"] for call in self.inferenced.calls() if call["argv"][0] == "tx"]


@pytest.fixture
def chain():
    """Its newest block is twenty hours old: so far can a test let time pass. A vote takes twelve hours, an expedited one two."""
    with ChainStandin(height=20000, nodes=3, powers=[1000] * 4, time=time.time() - 20 * HOUR, block_seconds=1,
                      gov_params={"voting_period": "43200s", "expedited_voting_period": "7200s"}) as running:
        yield running


@pytest.fixture
def host(tmp_path, chain):
    if not os.path.exists(os.path.join(PLUGINS, "governance.so")):
        pytest.skip("the plugin was not built")
    return Host(tmp_path, chain)
