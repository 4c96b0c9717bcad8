"""CometBFT's RPC 0.38 of the simulated chain (port 26657): heights and powers as strings, hashes in upper case."""
import base64

import chain_keys
from chain_world import rfc3339

COMMITTED, ABSENT = 2, 1
KEPT_BLOCKS = 12000  # how far back the node's blocks reach


class Failure(Exception):
    """An error of the RPC: code, words, data and the HTTP status it comes with."""

    def __init__(self, code, words, data, status=500):
        super().__init__(data)
        self.status = status
        self.body = {"jsonrpc": "2.0", "id": -1, "error": {"code": code, "message": words, "data": data}}


def envelope(result, number=-1):
    return {"jsonrpc": "2.0", "id": number, "result": result}


def plain(value):
    """A parameter of a GET request: strings may be in quotes."""
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value


def number_of(query, name, default):
    text = plain(query.get(name, "")) or str(default)
    if not text.lstrip("-").isdigit():
        raise Failure(-32602, "Invalid params",
                      f"error converting http params to arguments: invalid character in {name}")
    return int(text)


class Rpc:
    """Answers of one node; asked with the world's lock held."""

    def __init__(self, chain, node, view):
        self.chain = chain
        self.node = node
        self.view = view
        self.world = chain.world

    def answer(self, path, query):
        """The result of a method; Failure for an error, None for a method there is not."""
        methods = {"status": self.status, "health": lambda _query: {}, "net_info": self.net_info, "block": self.block,
                   "validators": self.validators, "consensus_state": self.consensus_state, "genesis": self.genesis,
                   "abci_info": self.abci_info, "commit": self.commit, "blockchain": self.blockchain}
        method = methods.get(path)
        return method(query) if method else None

    def earliest(self):
        return max(1, self.world.first - KEPT_BLOCKS + 1)

    def status(self, _query):
        validator = self.chain.validator_of(self.node)
        signs = validator is not None and validator.active and validator.node_key == validator.staking_key.key
        key = chain_keys.ConsensusKey(validator.node_key if validator else chain_keys.consensus_key(self.node.node_id))
        earliest = self.earliest()
        return {"node_info": node_info(self.chain, self.node, self.view.chain_id),
                "sync_info": {
                    "latest_block_hash": self.world.block_hash(self.view.height),
                    "latest_app_hash": self.world.app_hash(self.view.height),
                    "latest_block_height": str(self.view.height), "latest_block_time": rfc3339(self.view.time),
                    "earliest_block_hash": self.world.block_hash(earliest),
                    "earliest_app_hash": self.world.app_hash(earliest), "earliest_block_height": str(earliest),
                    "earliest_block_time": rfc3339(self.world.time_of(earliest)), "catching_up": self.view.catching_up},
                "validator_info": {"address": key.hex,
                                   "pub_key": {"type": "tendermint/PubKeyEd25519", "value": key.key},
                                   "voting_power": str(validator.power) if signs else "0"}}

    def net_info(self, _query):
        others = [other for other in self.chain.nodes if other is not self.node][:self.node.peer_limit]
        peers = [{"node_info": node_info(self.chain, other, self.view.chain_id), "is_outbound": other.number % 2 == 0,
                  "connection_status": {"Duration": str(self.node.connected_ns), "Channels": []}, "remote_ip": other.host}
                 for other in others]
        peers += self.node.claimed_peers
        return {"listening": True, "listeners": [f"Listener(@tcp://{self.node.host}:{self.node.p2p.port})"],
                "n_peers": str(len(peers)), "peers": peers}

    def known_height(self, query):
        height = number_of(query, "height", self.view.height)
        if height <= 0:
            raise Failure(-32603, "Internal error", f"height must be greater than 0, but got {height}")
        if height > self.view.height:
            raise Failure(-32603, "Internal error",
                          f"height {height} must be less than or equal to the current blockchain height "
                          f"{self.view.height}")
        if height < self.earliest():
            raise Failure(-32603, "Internal error",
                          f"height {height} is not available, lowest height is {self.earliest()}")
        return height

    def block(self, query):
        height = self.known_height(query)
        return {"block_id": self.block_id(height),
                "block": {"header": self.header(height), "data": {"txs": []}, "evidence": {"evidence": []},
                          "last_commit": self.signatures(height - 1)}}

    def commit(self, query):
        height = self.known_height(query)
        return {"signed_header": {"header": self.header(height), "commit": self.signatures(height)}, "canonical": True}

    def blockchain(self, query):
        highest = min(number_of(query, "maxHeight", self.view.height) or self.view.height, self.view.height)
        lowest = max(number_of(query, "minHeight", 1), self.earliest(), highest - 19)
        if lowest > highest:
            raise Failure(-32603, "Internal error", f"min height {lowest} can't be greater than max height {highest}")
        return {"last_height": str(self.view.height),
                "block_metas": [{"block_id": self.block_id(height), "block_size": "1000", "header": self.header(height),
                                 "num_txs": "0"} for height in range(highest, lowest - 1, -1)]}

    def block_id(self, height):
        digest = self.world.block_hash(height)
        return {"hash": digest, "parts": {"total": 1, "hash": digest}}

    def header(self, height):
        time = self.view.time if height == self.view.height else self.world.time_of(min(height, self.world.height))
        entries = self.world.set_at(height)
        return {"version": {"block": "11"}, "chain_id": self.view.chain_id, "height": str(height),
                "time": rfc3339(time),
                "last_block_id": self.block_id(height - 1), "app_hash": self.world.app_hash(height - 1),
                "proposer_address": entries[height % len(entries)][0] if entries else ""}

    def signatures(self, height):
        absent = self.world.absent.get(height, ())
        time = rfc3339(self.world.time_of(min(height, self.world.height)))
        rows = [{"block_id_flag": ABSENT, "validator_address": "", "timestamp": "0001-01-01T00:00:00Z",
                 "signature": None}
                if address in absent else
                {"block_id_flag": COMMITTED, "validator_address": address, "timestamp": time,
                 "signature": base64.b64encode(chain_keys.made_of(f"{address} {height}", 64)).decode()}
                for address, _, _ in self.world.set_at(height)]
        return {"height": str(height), "round": 0, "block_id": self.block_id(height), "signatures": rows}

    def validators(self, query):
        height = self.known_height(query)
        entries = self.world.set_at(height)
        each = min(max(number_of(query, "per_page", 30), 1), 100)
        number = number_of(query, "page", 1)
        pages = max(1, -(-len(entries) // each))
        if not 1 <= number <= pages:
            raise Failure(-32603, "Internal error", f"page should be within [1, {pages}] range, given {number}")
        rows = [{"address": address, "pub_key": {"type": "tendermint/PubKeyEd25519", "value": key},
                 "voting_power": str(power), "proposer_priority": str(-power // 2)}
                for address, key, power in entries[(number - 1) * each:number * each]]
        return {"block_height": str(height), "validators": rows, "count": str(len(rows)), "total": str(len(entries))}

    def consensus_state(self, _query):
        """Where the round stands: a chain that waits for a quorum shows a round that only grows."""
        entries = self.world.set_at(self.view.height + 1)
        total = sum(power for _, _, power in entries)
        empty = f"BA{{{len(entries)}:{'_' * len(entries)}}} 0/{total} = 0.00"
        votes = {"round": 0, "prevotes": ["nil-Vote"] * len(entries), "prevotes_bit_array": empty,
                 "precommits": ["nil-Vote"] * len(entries), "precommits_bit_array": empty}
        waiting = 7 if self.world.halted else 0
        return {"round_state": {"height/round/step": f"{self.view.height + 1}/{waiting}/1",
                                "start_time": rfc3339(self.view.time), "proposal_block_hash": "",
                                "locked_block_hash": "",
                                "valid_block_hash": "", "height_vote_set": [votes],
                                "proposer": {"address": entries[0][0] if entries else "", "index": 0}}}

    def abci_info(self, _query):
        return {"response": {"data": "inference-chain", "version": self.chain.version,
                             "last_block_height": str(self.view.height),
                             "last_block_app_hash": base64.b64encode(bytes.fromhex(
                                 self.world.app_hash(self.view.height))).decode()}}

    def genesis(self, _query):
        return {"genesis": {"genesis_time": "2025-08-22T08:42:00.713839Z", "chain_id": self.view.chain_id,
                            "initial_height": "1", "app_hash": "", "app_state": {}}}

    def new_block_event(self, height, number):
        """What a subscriber to tm.event='NewBlock' is sent."""
        return envelope({"query": "tm.event='NewBlock'",
                         "data": {"type": "tendermint/event/NewBlock",
                                  "value": {**self.block({"height": str(height)}), "result_finalize_block": {}}},
                         "events": {"tm.event": ["NewBlock"]}}, number)


def node_info(chain, node, chain_id):
    return {"protocol_version": {"p2p": "8", "block": "11", "app": "0"}, "id": node.node_id,
            "listen_addr": node.listen_addr(), "network": chain_id, "version": "0.38.17",
            "channels": "40202122233038606100", "moniker": f"node{node.number}",
            "other": {"tx_index": "on", "rpc_address": f"tcp://0.0.0.0:{chain.rpc_port_of(node)}"}}
