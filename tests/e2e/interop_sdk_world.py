"""A chain of two real nodes of the Cosmos SDK, each a process on an address of this machine that nobody else uses, at the network's
own ports. The first has three quarters of the power: it goes on alone."""
import http.server
import json
import os
import random
import re
import shutil
import subprocess
import threading
import urllib.error
import urllib.request

from conftest import wait_until

CHAIN_ID, PASSWORD = "gonka-interop", "correct horse"
GNK = 10**9
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def edit(path, **lines):
    """Gives keys of a TOML file a value, wherever they stand (no key that is set here stands in two tables)."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for key, value in lines.items():
        text, count = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}", text)
        assert count == 1, (key, count)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)


class Node:
    """One node: its home, its keyring with a password, and its process."""

    def __init__(self, program, home, host):
        self.program, self.home, self.host, self.process = program, home, host, None
        self.rpc, self.rest = f"http://{host}:26657", f"http://{host}:1317"
        self.cli("init", os.path.basename(home), "--chain-id", CHAIN_ID)
        self.node_id = self.cli("comet", "show-node-id").strip()
        self.cli("keys", "add", "cold", "--keyring-backend", "file", stdin=f"{PASSWORD}\n{PASSWORD}\n")
        self.account = self.cli("keys", "show", "cold", "-a", "--keyring-backend", "file", stdin=f"{PASSWORD}\n").strip()

    def cli(self, *words, stdin=""):
        done = subprocess.run([self.program, *words, "--home", self.home], input=stdin, capture_output=True, text=True, timeout=60,
                              check=False)
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout or done.stderr

    def sign(self, *words):
        """A transaction by a person at this host."""
        answer = json.loads(self.cli("tx", *words, "--from", "cold", "--keyring-backend", "file", "--chain-id", CHAIN_ID, "--node",
                                     f"tcp://{self.host}:26657", "--gas", "2000000", "--yes", "--output", "json",
                                     stdin=f"{PASSWORD}\n"))
        assert answer["code"] == 0, answer
        wait_until(lambda: self.ask(self.rest, f"/cosmos/tx/v1beta1/txs/{answer['txhash']}"), "the transaction is in a block")

    def consensus_key(self):
        with open(os.path.join(self.home, "config/priv_validator_key.json"), encoding="utf-8") as file:
            return json.load(file)["pub_key"]["value"]

    def configure(self, peers):
        config = os.path.join(self.home, "config")
        edit(os.path.join(config, "config.toml"), timeout_commit='"1s"', addr_book_strict="false", allow_duplicate_ip="true",
             persistent_peers=f'"{peers}"', pprof_laddr='""')
        edit(os.path.join(config, "client.toml"), **{"chain-id": f'"{CHAIN_ID}"'})

    def start(self):
        words = ["start", "--home", self.home, "--rpc.laddr", f"tcp://{self.host}:26657", "--p2p.laddr", f"tcp://{self.host}:26656",
                 "--api.enable", "--api.address", f"tcp://{self.host}:1317", "--grpc.enable=false", "--minimum-gas-prices", "0ngonka"]
        with open(os.path.join(self.home, "log"), "ab") as log:
            self.process = subprocess.Popen([self.program, *words], stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def end(self):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(20)
            self.process = None

    @staticmethod
    def ask(base, path):
        """The answer, or None where there is none (yet)."""
        try:
            with OPENER.open(base + path, timeout=5) as reply:
                return json.load(reply)
        except (OSError, ValueError):
            return None

    def height(self):
        assert self.process.poll() is None, self.said()
        answer = self.ask(self.rpc, "/status")
        return int(answer["result"]["sync_info"]["latest_block_height"]) if answer else 0

    def said(self):
        with open(os.path.join(self.home, "log"), encoding="utf-8", errors="replace") as file:
            return file.read()[-3000:]


class Proxy:
    """A host's proxy: a node's RPC and REST below the paths that other hosts ask at. The one answer of Gonka's own module that is
    asked for, a participant's entry, is made here from the nodes' keys."""

    def __init__(self, node, nodes):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                base, path = {"/chain-rpc": node.rpc, "/chain-api": node.rest}.get(self.path[:10], node.rpc), self.path[10:]
                own = [one for one in nodes if path == f"/productscience/inference/inference/participant/{one.account}"]
                if own:
                    entry = {"index": own[0].account, "address": own[0].account, "validator_key": own[0].consensus_key()}
                    self.reply(200, json.dumps({"participant": entry}).encode())
                    return
                try:
                    with OPENER.open(base + path, timeout=10) as reply:
                        status, body = reply.status, reply.read()
                except urllib.error.HTTPError as error:
                    status, body = error.code, error.read()
                except OSError:
                    status, body = 502, b""
                self.reply(status, body)

            def reply(self, status, body):
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_what):
                pass

        self.server = http.server.ThreadingHTTPServer((node.host, 8000), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.url = f"http://{node.host}:8000"

    def end(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Chain:
    """Both nodes, running, with short clocks for votes and for jail."""

    def __init__(self, program, folder):
        net = f"127.{random.randrange(64, 128)}.{random.randrange(1, 255)}"
        self.nodes = [Node(program, os.path.join(folder, f"node{number}"), f"{net}.{number + 1}") for number in range(2)]
        first, second = self.nodes
        self.proxies = []
        self.genesis([(first, 750_000), (second, 250_000)])
        first.configure("")
        second.configure(f"{first.node_id}@{first.host}:26656")

    def genesis(self, stakes):
        first = stakes[0][0]
        path = os.path.join(first.home, "config/genesis.json")
        for node, _ in stakes:
            first.cli("genesis", "add-genesis-account", node.account, f"{1_000_000 * GNK}ngonka")
        self.clocks(path)
        for node, amount in stakes:
            self.copy(path, node)
            os.makedirs(os.path.join(first.home, "config/gentx"), exist_ok=True)
            node.cli("genesis", "gentx", "cold", f"{amount * GNK}ngonka", "--chain-id", CHAIN_ID, "--keyring-backend", "file",
                     "--output-document", os.path.join(first.home, f"config/gentx/{node.node_id}.json"), stdin=f"{PASSWORD}\n" * 2)
        first.cli("genesis", "collect-gentxs")
        for node, _ in stakes:
            self.copy(path, node)

    @staticmethod
    def copy(path, node):
        own = os.path.join(node.home, "config/genesis.json")
        if own != path:
            shutil.copyfile(path, own)

    @staticmethod
    def clocks(path):
        with open(path, encoding="utf-8") as file:
            genesis = json.load(file)
        state = genesis["app_state"]
        state["gov"]["params"].update(voting_period="25s", expedited_voting_period="10s")
        state["slashing"]["params"].update(signed_blocks_window="10", downtime_jail_duration="60s")
        with open(path, "w", encoding="utf-8") as out:
            json.dump(genesis, out)

    def __enter__(self):
        try:
            for node in self.nodes:
                self.proxies.append(Proxy(node, self.nodes))
                node.start()
            for node in self.nodes:
                wait_until(lambda node=node: node.height() >= 4, "the chain has blocks")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_what):
        for node in self.nodes:
            node.end()
        for proxy in self.proxies:
            proxy.end()
