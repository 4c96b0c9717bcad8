"""The public dAPI routes of the simulated chain (port 9000, /v1/...): 64-bit integers as numbers."""
import hashlib

from chain_world import stages


class DapiError(Exception):
    """An error of the API: HTTP status and words."""

    def __init__(self, status, words):
        super().__init__(words)
        self.status = status
        self.body = {"error": words}


class Dapi:
    """Answers of one node; asked with the world's lock held."""

    def __init__(self, chain, view):
        self.chain = chain
        self.view = view
        self.world = chain.world

    def answer(self, path, _query):
        """The body of a path below /v1/; DapiError for an error."""
        parts = path.split("/")
        if path == "status":
            return {"status": "ok"}
        if path == "versions":
            return {"timestamp": "2025-11-20T10:11:12Z",
                    "api_version": {"application_name": "decentralized-api", "version": self.chain.version,
                                    "commit": "0" * 40},
                    "node_version": {"application_name": "inference-chain", "version": self.chain.version,
                                     "commit": "0" * 40}}
        if path in ("models", "governance/models"):
            return {"models": self.chain.modules.models or None}
        if path == "participants":
            return {"participants": [{"id": v.account, "url": self.chain.url_of(v.number), "coins_owed": 0,
                                      "refunds_owed": 0, "balance": 0, "voting_power": v.power, "reputation": 0}
                                     for v in self.world.validators], "block_height": self.view.height}
        if len(parts) == 2 and parts[0] == "participants":
            balance = self.chain.ledger.balance.get(parts[1], 0)
            return {"balance": balance} if balance else {}
        if len(parts) == 2 and parts[0] == "epochs":
            return self.latest(parts[1])
        if len(parts) == 3 and parts[0] == "epochs" and parts[2] == "participants":
            return self.active(parts[1])
        raise DapiError(404, "Not Found")

    def latest(self, word):
        if word != "latest":
            raise DapiError(400, "Only getting info for current epoch is supported at the moment")
        index, start = self.world.epoch(self.view.height)
        params = self.world.epoch_params
        limits = stages(index, start, params)
        return {"block_height": self.view.height, "latest_epoch": {"index": index, "poc_start_block_height": start},
                "phase": self.world.phase(self.view.height), "epoch_stages": limits,
                "next_epoch_stages": stages(index + 1, limits["next_poc_start"], params),
                "epoch_params": {name: value for name, value in params.items() if value}}

    def active(self, word):
        if word != "current" and not word.isdigit():
            raise DapiError(400, "Invalid epoch id")
        current = self.world.effective_epoch(self.view.height)
        index = current if word == "current" else int(word)
        if index == 0:
            raise DapiError(400, "Epoch enumeration starts with 1")
        if index > current:
            raise DapiError(404, "No active participants found for the specified epoch. Looks like PoC failed!")
        latest, start = self.world.epoch(self.view.height)
        start -= (latest - index) * self.world.epoch_params["epoch_length"]
        limits = stages(index, start, self.world.epoch_params)
        models = [model["id"] for model in self.chain.modules.models]
        rows = [{"index": v.account, "validator_key": v.participant_key, "weight": v.power,
                 "inference_url": self.chain.url_of(v.number), "models": models,
                 "seed": {"participant": v.account, "epoch_index": index,
                          "signature": hashlib.sha256(v.account.encode()).hexdigest()},
                 "ml_nodes": [{"ml_nodes": [{"node_id": "node1", "throughput": 1000, "poc_weight": v.power,
                                             "timeslot_allocation": [True, False]}]} for _ in models]}
                for v in self.world.validators]
        return {"active_participants": {
                    "participants": rows, "epoch_group_id": index + 1, "poc_start_block_height": limits["poc_start"],
                    "effective_block_height": limits["claim_money"],
                    "created_at_block_height": limits["poc_validation_end"], "epoch_id": index},
                "addresses": [v.staking_key.hex for v in self.world.validators],
                "active_participants_bytes": "", "proof_ops": {"ops": []},
                "validators": [{"address": address, "pub_key": key, "voting_power": power,
                                "proposer_priority": -power // 2}
                               for address, key, power in self.world.set_at(self.view.height)[:30]],
                "block": {"header": {"height": self.view.height}, "data": {}, "evidence": {}, "last_commit": {}}}
