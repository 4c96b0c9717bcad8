"""A real cosmovisor performs an upgrade with the program that upgrade-preload has placed, and makes the copy that backup-pruner
judges."""
import json
import os
import subprocess
import sys
import time

import pytest
from archive_server import ArchiveServer
from chain_client import ChainStandin
from conftest import TOP, wait_until
from interop_programs import cosmovisor  # noqa: F401
from upgrade_world import Site

sys.path.insert(0, os.path.join(TOP, "tests", "demo"))
import deploy  # noqa: E402

NAME, HEIGHT = "v0.2.5", 1501000
# A node: asked to by a file, it writes down the upgrade as the upgrade module does at its height, and waits to be ended.
NODE = r"""
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static void touch(const char *name)
{
    char path[4096];
    snprintf(path, sizeof(path), "%%s/%%s", getenv("DAEMON_HOME"), name);
    close(open(path, O_CREAT | O_WRONLY, 0644));
}
static int is_there(const char *name)
{
    char path[4096];
    snprintf(path, sizeof(path), "%%s/%%s", getenv("DAEMON_HOME"), name);
    return access(path, F_OK) == 0;
}
int main(int argc, char **argv)
{
    char path[4096];
    FILE *out;
    if (argc > 1 && strcmp(argv[1], "version") == 0) { puts("%s"); return 0; }
    if (argc < 2 || strcmp(argv[1], "start") != 0) return 1;
    touch("runs-%s");
    while (%d && !is_there("upgrade-now")) usleep(20000);
    if (%d) {
        snprintf(path, sizeof(path), "%%s/data/upgrade-info.json", getenv("DAEMON_HOME"));
        out = fopen(path, "w");
        fputs("{\"name\":\"v0.2.5\",\"height\":1501000,\"info\":\"\"}", out);
        fclose(out);
    }
    for (;;) pause();
}
"""


def node(folder, version, upgrades):
    source, program = os.path.join(folder, f"{version}.c"), os.path.join(folder, version)
    with open(source, "w", encoding="utf-8") as out:
        out.write(NODE % (version, version, upgrades, upgrades))
    subprocess.run(["gcc", "-O1", "-o", program, source], check=True)
    with open(program, "rb") as file:
        return file.read()


def data(folder, _share=1):
    """What is in data/, without the holes of the demo's databases: cosmovisor writes what it copies in full."""
    deploy.chain_data(folder, 1e-7)


class Supervised:
    """The node's home below a running cosmovisor."""

    def __init__(self, program, home):
        self.home = home
        self.log = os.path.join(home, "cosmovisor.log")
        environment = {"PATH": os.environ["PATH"], "HOME": home, "DAEMON_HOME": home, "DAEMON_NAME": "inferenced",
                       "DAEMON_RESTART_AFTER_UPGRADE": "true", "DAEMON_POLL_INTERVAL": "100ms",
                       "DAEMON_ALLOW_DOWNLOAD_BINARIES": "false"}
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([program, "run", "start"], stdout=log, stderr=log, env=environment)

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def runs(self, version):
        assert self.process.poll() is None or os.path.exists(os.path.join(self.home, "runs-" + version)), self.said()
        return os.path.exists(os.path.join(self.home, "runs-" + version))

    def end(self):
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture
def site(tmp_path):
    """A node's home as after half a year, with one older copy of its data, and an upgrade on the chain."""
    with ChainStandin(height=1000) as chain, ArchiveServer() as archives:
        chain.do("run", blocks_per_second=2, real_time=True)
        made = Site(tmp_path, chain, archives)
        home = made.homes["node"]
        os.rmdir(os.path.join(home, "data"))
        data(os.path.join(home, "data"))
        made.older = deploy.copy(home, data, 40, int(time.time()))
        made.old, made.new = node(str(tmp_path), "0.2.4", 1), node(str(tmp_path), "0.2.5", 0)
        with open(os.path.join(home, "cosmovisor/genesis/bin/inferenced"), "wb") as out:
            out.write(made.old)
        os.chmod(os.path.join(home, "cosmovisor/genesis/bin/inferenced"), 0o755)
        yield made


@pytest.fixture
def supervise(cosmovisor, site):  # noqa: F811
    started = []

    def begin():
        started.append(Supervised(cosmovisor, site.homes["node"]))
        wait_until(lambda: started[-1].runs("0.2.4"), "the old program runs")
        return started[-1]

    yield begin
    for one in started:
        one.end()


def ask_for_upgrade(site):
    with open(os.path.join(site.homes["node"], "upgrade-now"), "w", encoding="utf-8"):
        pass


def prune(site):
    site.world.write(f"  backup-pruner: {{options: {{homes: [{json.dumps(site.homes['node'])}], keep: 1, settle: 0s, "
                     "look_again: 100ms}}\n")
    return site.world.json("run", "backup-pruner", "prune")


def copies(site):
    return sorted(name for name in os.listdir(site.homes["node"]) if name.startswith("data-backup-"))


def test_cosmovisor_takes_the_program_that_was_placed_and_its_copy_is_the_one_that_stays(site, supervise):
    site.offer(site.new)
    assert site.preload()["outcome"] == "changed"
    supervised = supervise()
    ask_for_upgrade(site)
    wait_until(lambda: supervised.runs("0.2.5"), "the new program runs", 60)
    assert os.readlink(os.path.join(site.homes["node"], "cosmovisor/current")).endswith("upgrades/v0.2.5")
    made = [name for name in copies(site) if os.path.join(site.homes["node"], name) != site.older]
    assert len(made) == 1, supervised.said()
    end = prune(site)
    assert end["outcome"] == "changed", end["summary"]
    assert copies(site) == made, end["text"]


def test_while_the_upgrade_is_written_down_and_not_yet_made_nothing_is_pruned(site):
    path = os.path.join(site.homes["node"], "data", "upgrade-info.json")
    with open(path, "w", encoding="utf-8") as out:
        json.dump({"name": NAME, "height": HEIGHT, "info": ""}, out)
    before = copies(site)
    deploy.copy(site.homes["node"], data, 80, int(time.time()))
    end = prune(site)
    assert site.older.rsplit("/", 1)[1] in copies(site) and set(before) < set(copies(site)), end["summary"]


def test_without_the_program_the_node_stays_down(site, supervise):
    """What upgrade-preload is for."""
    os.makedirs(os.path.join(site.homes["node"], "cosmovisor/upgrades/v0.2.5/bin"))
    supervised = supervise()
    ask_for_upgrade(site)
    assert supervised.process.wait(60) != 0
    assert "binary not present" in supervised.said()
