"""The demo host's chain: four simulated nodes, an upgrade with its archives, and a seed that does not answer.

    chain.py serve FILE               start them; FILE gets what the other words need, once they answer; runs until it is ended
    chain.py manifest FILE HOST WORK  the part of a manifest for the plugins of the chain
    chain.py look HOST                the seeds that the host is configured with
    chain.py diff                     the diffs in a journal's acts (JSON lines on standard input)
    chain.py verdict                  1 unless the JSON on standard input (of flight-check) says GO
    chain.py propose FILE             a proposal opens: shorter epochs; another validator votes for it
    chain.py voted COMMAND...         waits until COMMAND --json (gonka-agent run governance tally) says that this host has voted yes
    chain.py jail FILE                the host's validator is jailed, as after fifty missed blocks
    chain.py explained                1 unless the JSON on standard input (of watch) says so

The chain is the tests' own stand-in: blocks come twice as fast as on the network, the clock's time is in them.
"""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))
from archive_server import ArchiveServer, zipped  # noqa: E402
from chain_client import ChainStandin, Inferenced  # noqa: E402

UPGRADE = "v0.2.6"
# Voting lasts 48 h; for the demo the policy waits ten seconds of them.
POLICY = [{"name": "small steps of the epoch", "type": "*.MsgUpdateParams", "vote": "yes", "not_before_end": "47h59m50s",
           "params": [{"path": "epoch_params.*", "max_change": "20%"}]}]
WAIT_S = 60
PROGRAM = """#include <stdio.h>
#include <string.h>
int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "version") == 0) { puts("0.2.6"); return 0; }
    return 1;
}
"""


def program():
    """The bytes of a program that says its version: the upgrade's inferenced and decentralized-api."""
    with tempfile.TemporaryDirectory() as folder:
        source, binary = os.path.join(folder, "program.c"), os.path.join(folder, "program")
        with open(source, "w", encoding="utf-8") as out:
            out.write(PROGRAM)
        subprocess.run(["gcc", "-O1", "-o", binary, source], check=True)
        with open(binary, "rb") as file:
            return file.read()


def plan_upgrade(chain, archives):
    """An upgrade a few hours ahead whose plan names archives with their checksums, as the network's do."""
    binary = program()
    maps = {kind: {"linux/amd64": archives.put(f"{daemon}-amd64.zip", zipped([(daemon, binary)])),
                   "linux/arm64": archives.put(f"{daemon}-arm64.zip", zipped([(daemon, binary)]))}
            for kind, daemon in (("binaries", "inferenced"), ("api_binaries", "decentralized-api"))}
    chain.do("plan", name=UPGRADE, info=json.dumps(maps), ahead=2500)


def serve(path):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with ChainStandin(nodes=4) as chain, ArchiveServer() as archives:
        chain.do("run", blocks_per_second=0.4, real_time=True)
        for number in range(4):
            chain.do("node", i=number, manner="good", peers=12, connected_ns=3600 * 10**9)
        plan_upgrade(chain, archives)
        folder = os.path.join(os.path.dirname(os.path.abspath(path)), "signer")
        os.mkdir(folder, 0o700)
        signer = Inferenced(folder, chain, control=chain.nodes[0]["proxy"] + "/control")
        with open(os.path.join(folder, "password"), "w", encoding="utf-8",
                  opener=lambda name, flags: os.open(name, flags, 0o600)) as out:
            out.write(signer.config["password"])
        with open(path + ".new", "w", encoding="utf-8") as out:
            json.dump({"nodes": chain.nodes, "validators": chain.validators, "chain_id": chain.chain_id,
                       "control": chain.control, "signer": folder}, out)
        os.rename(path + ".new", path)
        signal.pause()


def manifest(path, host, work):
    with open(path, encoding="utf-8") as file:
        facts = json.load(file)
    chain = {"node": facts["nodes"][0]["proxy"], "sources": [node["proxy"] for node in facts["nodes"][1:]],
             "chain_id": facts["chain_id"]}
    folder = os.path.join(work, "upgrades")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    plugins = {
        "seed-manager": {"allow": ["network"], "options": {**chain, "deploy_dir": host, "use_public_list": False,
                                                           "private_peers": True, "bad_surveys": 1, "settle": "0s"},
                         "tasks": {"survey": {"delay": "0s"}, "apply": {"delay": "1s"}}},
        "upgrade-preload": {"allow": ["network"], "options": {**chain, "node_home": os.path.join(host, ".inference"),
                                                              "api_home": os.path.join(host, ".dapi"), "work_dir": folder,
                                                              "margin": "1GB"},
                            "tasks": {"preload": {"delay": "0s"}, "flight-check": {"delay": "2s"}}},
    }
    plugins["validator"] = {"options": {**chain, "account": facts["validators"][0]["account"],
                                        "warm": facts["validators"][0]["warm"], "signer": "node", "deploy_dir": host,
                                        "max_age": "30s"}, "tasks": {"watch": {"delay": "0s"}}}
    plugins["governance"] = {"options": {**chain, "account": facts["validators"][0]["account"], "max_age": "30s",
                                         "sign": "inferenced", "inferenced": os.path.join(facts["signer"], "inferenced"),
                                         "inferenced_home": facts["signer"], "key": "cold",
                                         "key_password": {"file": os.path.join(facts["signer"], "password")},
                                         "policy": json.dumps(POLICY)},
                             "tasks": {"poll": {"delay": "0s"}, "vote": {"every": "2s", "delay": "0s"}}}
    plugins["chain-watch"] = {"options": {**chain, "max_age": "30s"}}
    for name, words in plugins.items():
        print(f"  {name}: {json.dumps(words)}")


def look(host):
    with open(os.path.join(host, "config.env"), encoding="utf-8") as file:
        print("".join(line for line in file if "SEED" in line), end="")
    with open(os.path.join(host, ".inference/config/config.toml"), encoding="utf-8") as file:
        print("".join(re.findall(r"^(?:seeds|persistent_peers) .*\n", file.read(), re.M)), end="")


def show_diffs():
    """Prints every diff; 1 when there is none."""
    found = 0
    for line in sys.stdin:
        diff = (json.loads(line).get("details") or {}).get("diff")
        if diff:
            print(diff, end="")
            found += 1
    return 0 if found else 1


def command(path, **words):
    """Carries out a command of the chain stand-in."""
    with open(path, encoding="utf-8") as file:
        control = json.load(file)["control"]
    with urllib.request.urlopen(urllib.request.Request(control, json.dumps(words).encode()), timeout=30) as reply:
        answer = json.load(reply)
    if not answer["ok"]:
        raise SystemExit(f"the chain of the demo refuses {words}: {answer}")
    return answer


def propose(path):
    number = command(path, do="propose", kind="inference_params", title="Shorter epochs",
                     change={"epoch_params.epoch_length": "15391"})["id"]
    command(path, do="vote", id=number, validator=1, option="yes")
    print(f"proposal {number}: epochs of 15391 blocks instead of 17280; another validator has voted yes")


def voted(words):
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        done = subprocess.run([*words, "--json"], capture_output=True, text=True, check=False)
        if not done.stdout:
            raise SystemExit(done.stderr)
        if json.loads(done.stdout)["result"].get("vote") == "yes":
            return 0
        time.sleep(0.2)
    print(f"this host has not voted within {WAIT_S} s")
    return 1


def explained():
    """1 unless a look at the validator has found it jailed, and says until when and what to do."""
    found = {entry["what"]: entry for entry in json.load(sys.stdin)["result"]["findings"]}
    entry = found.get("jailed", {})
    return 0 if entry.get("state") == "bad" and "jailed until" in entry["text"] and entry["next"] else 1


def main(words):
    if len(words) == 2 and words[0] == "serve":
        serve(words[1])
    elif len(words) == 4 and words[0] == "manifest":
        manifest(*words[1:])
    elif len(words) == 2 and words[0] == "look":
        look(words[1])
    elif words == ["diff"]:
        return show_diffs()
    elif words == ["verdict"]:
        return 0 if json.load(sys.stdin)["result"]["verdict"] == "go" else 1
    elif len(words) == 2 and words[0] == "propose":
        propose(words[1])
    elif len(words) > 1 and words[0] == "voted":
        return voted(words[1:])
    elif len(words) == 2 and words[0] == "jail":
        command(words[1], do="jail", validator=0)
    elif words == ["explained"]:
        return explained()
    else:
        sys.stderr.write(__doc__)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
