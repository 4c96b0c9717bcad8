#!/usr/bin/python3
"""A chain in a process of its own, for the plugins that watch one. Ends when its standard input closes.

Made from the published facts about the network, never from the agent's code. Its argument, if any, is an object of
options:
  nodes 4, hosts ["127.0.0.1"] (taken in turn), powers [1000,1000,1000,1000] (one validator each; node i runs
  validator i), chain_id, height, time (Unix seconds of the first block), block_seconds 5, epoch, epoch_start,
  epoch_params, gov_params, slashing_params, version.
It prints one line of JSON: the nodes with their addresses, the validators, and `control`, a URL that takes commands
by POST.
After that each line of standard input is a command {"do":...} (see chain_commands.py), answered with one line.
"""
import http.server
import json
import os
import resource
import sys
import threading
import time

import chain_commands
import chain_gov
import chain_http
import chain_keys
import chain_ledger
import chain_modules
import chain_nodes
import chain_transactions
import chain_world


class Chain:
    """Everything of one chain: its state, its modules and its nodes."""

    def __init__(self, options):
        self.version = options.get("version", "0.2.9")
        self.world = chain_world.World(options)
        self.changed = threading.Condition(self.world.lock)
        self.ledger = chain_ledger.Ledger(self.world)
        self.modules = chain_modules.Modules(self.world)
        self.governance = chain_gov.Governance(self.world, self.ledger, self.modules, options.get("gov_params", {}))
        self.modules.governance = self.governance
        self.transactions = chain_transactions.Transactions(self)
        self.doorman = chain_nodes.Doorman()
        hosts = options.get("hosts", ["127.0.0.1"])
        self.nodes = [chain_nodes.Node(self, number, hosts[number % len(hosts)], chain_http.serve)
                      for number in range(options.get("nodes", 4))]
        self.commands = None  # also at /control of each node's proxy, for programs that may reach no other port
        self.speed = 0
        self.speed_changed = threading.Event()
        threading.Thread(target=self.make_blocks, daemon=True).start()

    def validator_of(self, node):
        """The validator whose key this node signs with, None for a node that only follows."""
        return self.world.validators[node.number] if node.number < len(self.world.validators) else None

    def warm_account(self, number):
        return chain_keys.account(f"warm {number}")[0]

    def url_of(self, number):
        if number >= len(self.nodes):
            return f"http://192.0.2.{number % 250 + 1}:8000"
        return f"http://{self.nodes[number].host}:{self.nodes[number].proxy.port}"

    def rpc_port_of(self, node):
        return node.rpc.port

    def step(self):
        with self.changed:
            made = self.world.step()
            self.changed.notify_all()
            return made

    def run(self, blocks_per_second):
        self.speed = blocks_per_second
        self.speed_changed.set()

    def make_blocks(self):
        """Makes blocks at the speed asked for, in bursts of a few milliseconds when it is high."""
        due = time.monotonic()
        while True:
            if self.speed <= 0:
                self.speed_changed.wait()
                due = time.monotonic()
            self.speed_changed.clear()
            while self.speed > 0 and time.monotonic() >= due:
                self.step()
                due += 1 / self.speed
            if self.speed > 0:
                self.speed_changed.wait(max(0.002, due - time.monotonic()))

    def addresses(self):
        return {"chain_id": self.world.chain_id, "height": self.world.height,
                "nodes": [node.addresses() for node in self.nodes],
                "validators": [{"account": v.account, "operator": v.operator, "valcons": v.staking_key.valcons,
                                "hex": v.staking_key.hex, "key": v.staking_key.key, "power": v.power,
                                "warm": self.warm_account(v.number)} for v in self.world.validators]}


class Control(http.server.BaseHTTPRequestHandler):
    """Takes commands by POST, for programs that move the chain and are not the test itself."""

    commands = None

    def log_message(self, *_words):
        """Nothing: standard error is for what is wrong with the stand-in itself."""

    def do_POST(self):
        try:
            answer = self.commands.carry_out(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        except ValueError as error:
            answer = {"ok": False, "error": f"no JSON: {error}"}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def say(answer):
    sys.stdout.write(json.dumps(answer, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def main():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # hundreds of nodes have four ports each
    chain = Chain(json.loads(sys.argv[1]) if len(sys.argv) > 1 else {})
    Control.commands = chain.commands = chain_commands.Commands(chain)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Control)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    say({**chain.addresses(), "control": f"http://127.0.0.1:{server.server_address[1]}/"})
    for line in sys.stdin:
        try:
            command = json.loads(line)
        except ValueError as error:
            say({"ok": False, "error": f"no JSON: {error}"})
            continue
        say(Control.commands.carry_out(command))
    os._exit(0)


main()
