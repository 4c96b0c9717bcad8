"""What tests of upgrades share: homes of cosmovisor, programs that are really run, a chain and a host of archives."""
import json
import os
import subprocess

import pytest
from archive_server import ArchiveServer, sha256_of, zipped
from chain_client import ChainStandin
from conftest import PLUGINS, World

DAEMONS = {"node": "inferenced", "api": "decentralized-api"}
SOURCE = r"""
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <fcntl.h>
#include <unistd.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <arpa/inet.h>
%s
int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    if (getenv("SECRET_OF_THE_AGENT")) return 9;
    BEHAVE;
    if (strcmp(word, "version") == 0) { puts("%s"); return 0; }
    if (strcmp(word, "pre-upgrade") == 0) return 1;
    puts("serving"); sleep(600); return 0;
}
"""


def compiled(folder, text="0.2.5", behave="", flags=()):
    """A program's bytes: with `version` it says the text; `behave` is a statement that it begins with."""
    source, program = os.path.join(folder, "program.c"), os.path.join(folder, "program")
    with open(source, "w", encoding="utf-8") as out:
        out.write(SOURCE % (f"#define BEHAVE {behave or '(void)0'}", text))
    subprocess.run(["gcc", "-O1", "-o", program, *flags, source], check=True)
    with open(program, "rb") as file:
        return file.read()


def machine_changed(program, number):
    """The program with another machine in its ELF head."""
    return program[:18] + number.to_bytes(2, "little") + program[20:]


class Site:
    """A host with two homes, its manifest, and the archives of one upgrade."""

    def __init__(self, folder, chain, archives):
        self.folder, self.chain, self.archives = str(folder), chain, archives
        self.world = World(folder, PLUGINS)
        self.work = os.path.join(self.folder, "work")
        os.mkdir(self.work, 0o700)
        self.homes = {}
        for kind, daemon in DAEMONS.items():
            home = os.path.join(self.folder, kind)
            os.makedirs(os.path.join(home, "cosmovisor/genesis/bin"))
            os.makedirs(os.path.join(home, "data"))
            os.symlink(os.path.join(home, "cosmovisor/genesis"), os.path.join(home, "cosmovisor/current"))
            self.homes[kind] = home
            with open(os.path.join(home, "cosmovisor/genesis/bin", daemon), "wb") as out:
                out.write(b"old")
        self.options()

    def options(self, allow="[network]", sources=None, **more):
        """Writes the manifest."""
        others = [self.chain.nodes[1]["proxy"]] if sources is None else sources
        words = {"node": self.chain.nodes[0]["proxy"], "sources": others,
                 "chain_id": self.chain.chain_id, "max_age": "20s",
                 "node_home": self.homes["node"], "api_home": self.homes["api"], "work_dir": self.work, **more}
        words = {key: value for key, value in words.items() if value is not None}
        self.world.write(f"  upgrade-preload: {{allow: {allow}, options: {json.dumps(words)}}}\n")

    def schedule(self, name="v0.2.5", **maps):
        """A plan on the chain; `binaries` and `api_binaries` are maps."""
        return self.chain.do("plan", name=name, info=json.dumps(maps), ahead=5000)

    def offer(self, program, api=None, name="v0.2.5", manner="good", pack=zipped):
        """Both archives on the host and the plan on the chain."""
        node_url = self.archives.put("inferenced-amd64.zip", pack([("inferenced", program)]), manner)
        api_url = self.archives.put("decentralized-api-amd64.zip", pack([("decentralized-api", api or program)]))
        self.schedule(name, binaries={"linux/amd64": node_url}, api_binaries={"linux/amd64": api_url})

    def path(self, kind, name="v0.2.5"):
        return os.path.join(self.homes[kind], "cosmovisor/upgrades", name, "bin", DAEMONS[kind])

    def preload(self, *words, verb="run"):
        answer = self.world.json(verb, "upgrade-preload", "preload", *words)
        return answer

    def whole(self):
        """Every folder of an upgrade holds a program: what must be true at any moment."""
        for kind, daemon in DAEMONS.items():
            upgrades = os.path.join(self.homes[kind], "cosmovisor/upgrades")
            for name in os.listdir(upgrades) if os.path.isdir(upgrades) else ():
                if not os.path.isfile(os.path.join(upgrades, name, "bin", daemon)):
                    return False
        return True

    def nothing_installed(self):
        return not any(os.path.isdir(os.path.join(home, "cosmovisor/upgrades")) and
                       os.listdir(os.path.join(home, "cosmovisor/upgrades")) for home in self.homes.values())

    def holds(self, kind, program, name="v0.2.5"):
        """Is exactly this program there, with the mode and owner that it needs?"""
        path = self.path(kind, name)
        state = os.stat(path)
        owner = os.stat(os.path.join(self.homes[kind], "cosmovisor"))
        return sha256_of(path) == sha256_of(program) and state.st_mode & 0o7777 == 0o755 and \
            (state.st_uid, state.st_gid) == (owner.st_uid, owner.st_gid)


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    return compiled(str(tmp_path_factory.mktemp("program")))


@pytest.fixture(scope="module")
def chain():
    with ChainStandin(height=1000) as running:
        running.do("run", blocks_per_second=2, real_time=True)
        yield running


@pytest.fixture
def archives():
    with ArchiveServer() as server:
        yield server


@pytest.fixture
def site(tmp_path, chain, archives):
    if not os.path.exists(os.path.join(PLUGINS, "upgrade-preload.so")):
        pytest.skip("the plugin was not built")
    yield Site(tmp_path, chain, archives)
    chain.do("cancel_plan")
