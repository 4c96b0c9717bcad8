"""A deploy folder as operators have it, and a survey of the chain stand-in's nodes, for the tests of seed-manager."""
import hashlib
import json
import os
import time

from conftest import PLUGINS

NANO = 10**9
OLD_ID = "ab" * 20
OLD_SEED = f"{OLD_ID}@seed.example.com:5000"
ENV = """# my host
export KEY_NAME=warm
export KEYRING_PASSWORD='s3cret word'   # keep it
export API_PORT=8000

export SEED_API_URL=http://seed.example.com:8000
export SEED_NODE_RPC_URL="http://seed.example.com:26657"
export SEED_NODE_P2P_URL='tcp://seed.example.com:5000' # the first one
export HF_HOME=/mnt/shared"""  # no line end: as in the template
TOML = """# CometBFT
proxy_app = "tcp://127.0.0.1:26658"
seeds = "top@level:1"

[rpc]
laddr = "tcp://0.0.0.0:26657"
seeds = "not@these:1"

[p2p]
laddr = "tcp://0.0.0.0:26656"   # keep
# Comma separated list of seed nodes to connect to
seeds =   "{seeds}"   # was set by init

persistent_peers = "{peers}"
pex = true

[statesync]
enable = true
"""


class Deploy:
    """deploy/join of a host whose node has started before, unless told otherwise."""

    def __init__(self, folder, seeds=OLD_SEED, peers="", initialized=True, env=ENV):
        self.folder = os.path.join(str(folder), "join")
        self.config = os.path.join(self.folder, ".inference", "config")
        self.env_path = os.path.join(self.folder, "config.env")
        self.toml_path = os.path.join(self.config, "config.toml")
        os.makedirs(self.config)
        os.chmod(self.folder, 0o755)
        self.env_text, self.toml_text = env, TOML.format(seeds=seeds, peers=peers)
        self.write(self.env_path, self.env_text, 0o640)
        self.write(self.toml_path, self.toml_text, 0o644)
        if initialized:
            self.write(os.path.join(self.folder, ".inference", ".node_initialized"), "", 0o644)

    @staticmethod
    def write(path, text, mode):
        with open(path, "w", encoding="utf-8", newline="") as out:
            out.write(text)
        os.chmod(path, mode)

    @staticmethod
    def read(path):
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()

    @property
    def env(self):
        return self.read(self.env_path)

    @property
    def toml(self):
        return self.read(self.toml_path)

    def untouched(self):
        """Neither file has changed, and nothing lies beside them."""
        return self.env == self.env_text and self.toml == self.toml_text and not self.beside()

    def beside(self):
        """Names of copies and of what lies aside, in both folders."""
        return sorted(name for folder in (self.folder, self.config) for name in os.listdir(folder) if ".seeds-" in name)

    def copy_of(self, name):
        """The content of the one copy of a file."""
        copies = [entry for entry in self.beside() if entry.startswith(name + ".seeds-")]
        assert len(copies) == 1, self.beside()
        return self.read(os.path.join(self.folder if name == "config.env" else self.config, copies[0]))


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def p2p_of(node):
    return f"{node['node_id']}@{node['host']}:{node['p2p_port']}"


def seed_of(node, healthy=True):
    return {"p2p": p2p_of(node), "api": node["proxy"], "rpc": node["proxy"] + "/chain-rpc", "healthy": healthy}


SICK = {"p2p": OLD_SEED, "api": "http://seed.example.com:8000", "rpc": "http://seed.example.com:26657",
        "healthy": False}


def state_path(world, name):
    return os.path.join(world.state, "plugins", "seed-manager", name)


def plant(world, name, document):
    """Puts a state document where the plugin keeps its own."""
    os.makedirs(os.path.dirname(state_path(world, name)), mode=0o700, exist_ok=True)
    with open(state_path(world, name), "w", encoding="utf-8") as out:
        json.dump(document, out)


def stored(world, name):
    if not os.path.exists(state_path(world, name)):
        return None
    with open(state_path(world, name), encoding="utf-8") as file:
        return json.load(file)


def survey(world, seeds, age_s=0, known=True):
    """What `survey` would leave: these seeds, the best first."""
    plant(world, "survey", {"version": 1, "taken_ns": time.time_ns() - round(age_s * NANO), "known": known,
                            "seeds": seeds})


def manifest(world, chain, deploy, others=True, **options):
    """A manifest for the stand-in's node 0 as this host's, the others as sources."""
    world.plugin_dir = PLUGINS
    sources = [node["proxy"] for node in chain.nodes[1:]] if others else []
    options = {"node": chain.nodes[0]["proxy"], "sources": sources,
               "deploy_dir": deploy.folder, "bad_surveys": 1, "settle": "0s", "watch": "1h", **options}
    given = {key: value for key, value in options.items() if value is not None}
    world.write(f"  seed-manager: {{options: {json.dumps(given)}, allow: [network]}}\n")
