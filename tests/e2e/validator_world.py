"""What the tests of the plugin validator share: a host with its node, its signer's container and its inferenced."""
import json
import os
import subprocess
import sys
import time

import pytest
from chain_client import HERE, ChainStandin, Inferenced
from conftest import PLUGINS, World, wait_until

KEY_LINE = '{"@type":"/cosmos.crypto.ed25519.PubKey","key":"%s"}'


class Docker:
    """The Docker stand-in with one container."""

    def __init__(self, folder, **config):
        self.socket = os.path.join(folder, "docker.sock")
        self.file = os.path.join(folder, "docker.json")
        self.config = config
        self.set()
        self.process = subprocess.Popen([sys.executable, os.path.join(HERE, "docker_standin.py"), self.socket,
                                         self.file], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == b"ready\n"

    def set(self, **config):
        self.config.update(config)
        with open(self.file + ".new", "w", encoding="utf-8") as out:
            json.dump(self.config, out)
        os.rename(self.file + ".new", self.file)

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


class Host:
    """A host whose validator is number 0 of the chain. All is well with it."""

    def __init__(self, folder, chain):
        self.folder, self.chain = str(folder), chain
        self.me = chain.validators[0]
        self.world = World(folder, PLUGINS)
        self.docker = Docker(self.folder, name="tmkms", log=["starting", KEY_LINE % self.me["key"], "connected"])
        self.inferenced = Inferenced(folder, chain, control=chain.nodes[0]["proxy"] + "/control")
        self.state = os.path.join(self.folder, "priv_validator_state.json")
        with open(self.state, "w", encoding="utf-8") as out:
            json.dump({"height": "1000", "round": "0", "step": 3}, out)
        self.options()

    def options(self, **more):
        """Writes the manifest; an option that is None is left out."""
        words = {"node": self.chain.nodes[0]["proxy"],
                 "sources": [self.chain.nodes[1]["proxy"], self.chain.nodes[2]["proxy"]],
                 "chain_id": self.chain.chain_id, "max_age": "20s", "account": self.me["account"],
                 "warm": self.me["warm"], "signer": "container", "docker_socket": self.docker.socket,
                 "signer_state": self.state, "sign": "inferenced", "inferenced": self.inferenced.path,
                 "inferenced_home": self.folder, "key": "cold", "key_password": {"env": "COLD_PASSWORD"},
                 "block_wait": "5s", "confirm_wait": "5s", **more}
        words = {key: value for key, value in words.items() if value is not None}
        self.world.write(f"  validator: {{options: {json.dumps(words)}}}\n")

    def run(self, task, *words, verb="run"):
        done = self.world.cli(verb, "validator", task, *words, "--json",
                              env={**os.environ, "COLD_PASSWORD": "correct horse"})
        assert done.stdout, done.stderr
        self.errors = done.stderr
        return json.loads(done.stdout)

    def watch(self):
        """The answer, and its findings by name."""
        answer = self.run("watch")
        return answer, {entry["what"]: entry for entry in answer["result"].get("findings", ())}

    def told(self):
        """Topics that a look tells now."""
        done = self.world.cli("run", "validator", "watch", env={**os.environ, "COLD_PASSWORD": "correct horse"})
        return [line.split("event ")[1].split()[0] for line in (done.stdout + done.stderr).splitlines()
                if "event validator." in line]

    def jailed(self):
        return self.chain.do("validator", validator=0)["staking"]["jailed"]

    def transactions(self):
        """Command lines that made a transaction."""
        return [call["argv"] for call in self.inferenced.calls() if call["argv"][0] == "tx"]

    def close(self):
        self.docker.close()


@pytest.fixture
def chain():
    """Blocks come fast, and their times are the clock's."""
    with ChainStandin(height=20000, nodes=3, powers=[1000] * 4, time=time.time()) as running:
        running.do("run", blocks_per_second=20, real_time=True)
        wait_until(lambda: running.do("state")["height"] > 20002, "a few blocks")
        yield running


@pytest.fixture
def host(tmp_path, chain):
    if not os.path.exists(os.path.join(PLUGINS, "validator.so")):
        pytest.skip("the plugin was not built")
    made = Host(tmp_path, chain)
    yield made
    made.close()
