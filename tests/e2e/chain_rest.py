"""The REST gateway of the simulated chain (port 1317): 64-bit integers as strings, defaults printed, enums as names."""
import base64
import urllib.parse

import chain_keys
from chain_ledger import coins
from chain_world import rfc3339

STATUSES = ("UNSPECIFIED", "DEPOSIT_PERIOD", "VOTING_PERIOD", "PASSED", "REJECTED", "FAILED")
INFERENCE = "productscience/inference/inference"


class Refusal(Exception):
    """An error of the gateway: gRPC code and words."""

    STATUS = {2: 500, 3: 400, 5: 404, 12: 501, 13: 500}

    def __init__(self, code, words):
        super().__init__(words)
        self.code = code
        self.status = self.STATUS[code]
        self.body = {"code": code, "message": words, "details": []}


def page(name, rows, query):
    """One page of a list; the key of the next page is the offset in base64."""
    try:
        limit = int(query.get("pagination.limit", "100")) or 100
        start = int(query.get("pagination.offset", "0"))
        if query.get("pagination.key"):
            start = int(base64.b64decode(query["pagination.key"], validate=True))
    except ValueError as error:
        raise Refusal(3, f"invalid pagination: {error}") from error
    if query.get("pagination.reverse") == "true":
        rows = rows[::-1]
    end = start + limit
    following = base64.b64encode(str(end).encode()).decode() if end < len(rows) else None
    total = "0" if query.get("pagination.key") else str(len(rows))
    return {name: rows[start:end], "pagination": {"next_key": following, "total": total}}


def wanted(address, prefix):
    """The address, when it is one with this prefix."""
    try:
        found, data = chain_keys.payload(address)
    except ValueError as error:
        raise Refusal(3, str(error)) from error
    if found != prefix or len(data) != 20:
        raise Refusal(3, f"invalid Bech32 prefix; expected {prefix}, got {found}")
    return address


class Gateway:
    """Answers of one node; asked with the world's lock held."""

    def __init__(self, chain, view):
        self.chain = chain
        self.view = view
        self.world = chain.world

    def answer(self, path, query):
        """The body of a path without its first slash; Refusal for an error."""
        parts = [urllib.parse.unquote(part) for part in path.split("/")]
        if path.startswith("cosmos/gov/v1/"):
            return self.gov(parts[3:], query)
        if path.startswith(INFERENCE + "/"):
            return self.inference(parts[3:], query)
        if path.startswith("productscience/inference/"):
            return self.module(parts[2:])
        if len(parts) >= 4 and parts[0] == "cosmos" and parts[1] in self.MODULES:
            return self.MODULES[parts[1]](self, parts[2:], query)
        raise Refusal(12, "Not Implemented")

    # governance

    def gov(self, parts, query):
        governance = self.chain.governance
        if parts[0] == "params" and len(parts) == 2:
            return gov_params(parts[1], governance.params)
        if parts[0] != "proposals":
            raise Refusal(12, "Not Implemented")
        if len(parts) == 1:
            return self.proposals(query)
        proposal = governance.proposals.get(int(parts[1])) if parts[1].isdigit() else None
        if proposal is None:
            raise Refusal(5 if parts[1].isdigit() else 3, f"proposal {parts[1]} doesn't exist")
        if len(parts) == 2:
            return {"proposal": proposal.as_json()}
        if parts[2] == "tally":
            return {"tally": governance.tally(proposal)}
        if parts[2] == "votes" and len(parts) == 3:
            return page("votes", proposal.votes_json(), query)
        if parts[2] == "votes":
            if parts[3] not in proposal.votes:
                raise Refusal(3, f"voter: {parts[3]} not found for proposal: {parts[1]}")
            return {"vote": proposal.vote_json(parts[3])}
        if parts[2] == "deposits":
            rows = [{"proposal_id": parts[1], "depositor": depositor, "amount": coins(amount)}
                    for depositor, amount in proposal.deposits.items()]
            return page("deposits", rows, query)
        raise Refusal(12, "Not Implemented")

    def proposals(self, query):
        asked = query.get("proposal_status", "0").removeprefix("PROPOSAL_STATUS_")
        name = STATUSES[int(asked)] if asked.isdigit() and int(asked) < len(STATUSES) else asked
        rows = [proposal.as_json() for proposal in self.chain.governance.proposals.values()]
        if name != "UNSPECIFIED":
            rows = [row for row in rows if row["status"] == "PROPOSAL_STATUS_" + name]
        return page("proposals", rows, query)

    # modules of the SDK

    def slashing(self, parts, query):
        if parts[1] == "params":
            return {"params": self.world.slashing_params}
        if parts[1] == "signing_infos" and len(parts) == 2:
            return page("info", [self.signing_info(validator) for validator in self.world.validators], query)
        if parts[1] == "signing_infos":
            validator = self.world.validator(wanted(parts[2], "gonkavalcons"))
            if validator is None:
                raise Refusal(5, f"SigningInfo not found for validator {parts[2]}")
            return {"val_signing_info": self.signing_info(validator)}
        raise Refusal(12, "Not Implemented")

    def signing_info(self, validator):
        return {"address": validator.staking_key.valcons, "start_height": str(validator.start_height),
                "index_offset": str(max(0, self.world.height - validator.start_height)),
                "jailed_until": rfc3339(validator.jailed_until), "tombstoned": validator.tombstoned,
                "missed_blocks_counter": str(self.world.missed_blocks(validator))}

    def staking(self, parts, query):
        if parts[1] == "params":
            return {"params": self.chain.modules.staking}
        if parts[1] == "pool":
            return {"pool": {"not_bonded_tokens": str(sum(v.power for v in self.world.validators if not v.active)),
                             "bonded_tokens": str(self.world.bonded())}}
        if parts[1] == "validators" and len(parts) == 2:
            rows = [staking_validator(validator) for validator in self.world.validators]
            return page("validators", [row for row in rows if query.get("status", row["status"]) == row["status"]],
                        query)
        if parts[1] == "validators":
            validator = self.world.validator(wanted(parts[2], "gonkavaloper"))
            if validator is None:
                raise Refusal(5, f"validator {parts[2]} not found")
            return {"validator": staking_validator(validator)}
        if parts[1] == "delegators" and parts[3:] == ["validators"]:
            validator = self.world.validator(wanted(parts[2], "gonka"))
            return page("validators", [staking_validator(validator)] if validator else [], query)
        raise Refusal(12, "Not Implemented")

    def upgrade(self, parts, _query):
        if parts[1] == "current_plan":
            return {"plan": self.world.plan}
        if parts[1] == "applied_plan" and len(parts) == 3:
            return {"height": str(self.world.applied.get(parts[2], 0))}
        raise Refusal(12, "Not Implemented")

    def bank(self, parts, query):
        if parts[1] != "balances" or len(parts) < 3:
            raise Refusal(12, "Not Implemented")
        amount = self.chain.ledger.balance.get(wanted(parts[2], "gonka"), 0)
        if parts[3:] == ["by_denom"]:
            return {"balance": {"denom": query.get("denom", ""), "amount": str(amount)}}
        return page("balances", coins(amount), query)

    def authz(self, parts, query):
        if parts[1:] != ["grants"]:
            raise Refusal(12, "Not Implemented")
        granter, grantee = wanted(query.get("granter", ""), "gonka"), wanted(query.get("grantee", ""), "gonka")
        rows = self.chain.ledger.grants_between(granter, grantee)
        if query.get("msg_type_url"):
            rows = [row for row in rows if row["authorization"]["msg"] == query["msg_type_url"]]
            if not rows:
                raise Refusal(5, f"authorization not found for {query['msg_type_url']} type")
        return page("grants", rows, query)

    def feegrant(self, parts, query):
        if parts[1] == "allowances" and len(parts) == 3:
            return page("allowances", self.chain.ledger.allowance_list(parts[2]), query)
        if parts[1] == "allowance" and len(parts) == 4:
            rows = self.chain.ledger.allowance_list(parts[3], parts[2])
            if not rows:
                raise Refusal(13, "fee-grant not found")
            return {"allowance": rows[0]}
        raise Refusal(12, "Not Implemented")

    def auth(self, parts, _query):
        if parts[1] != "accounts" or len(parts) != 3:
            raise Refusal(12, "Not Implemented")
        address = wanted(parts[2], "gonka")
        return {"account": {"@type": "/cosmos.auth.v1beta1.BaseAccount", "address": address, "pub_key": None,
                            "account_number": str(self.chain.ledger.account_number(address)),
                            "sequence": str(self.chain.ledger.sequence[address])}}

    def base(self, parts, _query):
        """The two answers of the node itself that tools ask for: the latest block and whether it is syncing."""
        if parts[0] == "tendermint" and parts[2:] == ["syncing"]:
            return {"syncing": self.view.catching_up}
        if parts[0] == "tendermint" and parts[2:] == ["blocks", "latest"]:
            return {"block": {"header": {"chain_id": self.view.chain_id, "height": str(self.view.height),
                                         "time": rfc3339(self.view.time)}}}
        raise Refusal(12, "Not Implemented")

    MODULES = {"slashing": slashing, "staking": staking, "upgrade": upgrade, "bank": bank, "authz": authz,
               "feegrant": feegrant, "auth": auth, "base": base}

    # modules of the network's own

    def inference(self, parts, query):
        simple = self.simple_inference()
        if len(parts) == 1 and parts[0] in simple:
            return simple[parts[0]]()
        if parts == ["participant"]:
            rows = [self.participant(validator) for validator in self.world.validators]
            return {**page("participant", rows, query), "block_height": str(self.view.height)}
        if parts == ["models_all"]:
            return page("model", self.chain.modules.models, query)
        if parts == ["partial_upgrade"]:
            return page("partialUpgrade", self.chain.modules.partial_upgrades, query)
        if len(parts) == 2 and parts[0] in ("participant", "inference_participant", "epoch_group_data",
                                            "partial_upgrade"):
            return self.one_of(parts[0], parts[1], query)
        if len(parts) == 3 and parts[0] == "epoch_performance_summary":
            return {"epochPerformanceSummary": self.summary(parts[1], parts[2])}
        if len(parts) == 3 and parts[0] == "grantees_by_message_type":
            return {"grantees": [{"address": grantee, "pub_key": ""} for granter, grantee, message, until
                                 in self.chain.ledger.grants
                                 if granter == parts[1] and message == parts[2] and until > self.world.now]}
        raise Refusal(12, "Not Implemented")

    def simple_inference(self):
        index, start = self.world.epoch(self.view.height)
        return {"params": lambda: {"params": self.chain.modules.inference},
                "epoch_info": lambda: {"block_height": str(self.view.height), "params": self.chain.modules.inference,
                                       "latest_epoch": {"index": str(index), "poc_start_block_height": str(start)}},
                "get_current_epoch": lambda: {"epoch": str(self.world.effective_epoch(self.view.height))},
                "current_epoch_group_data": lambda: self.group_data(self.world.effective_epoch(self.view.height), "")}

    def one_of(self, kind, word, query):
        if kind == "epoch_group_data":
            if not word.isdigit() or not 0 < int(word) <= self.world.epoch(self.view.height)[0]:
                raise Refusal(5 if word.isdigit() else 3, "not found")
            return self.group_data(int(word), query.get("model_id", ""))
        if kind == "partial_upgrade":
            for row in self.chain.modules.partial_upgrades:
                if row["height"] == word:
                    return {"partialUpgrade": row}
            raise Refusal(5, "not found")
        validator = self.world.validator(word)
        if validator is None:
            raise Refusal(5, "not found")
        if kind == "participant":
            return {"participant": self.participant(validator)}
        return {"pubkey": "", "balance": str(self.chain.ledger.balance[validator.account])}

    def participant(self, validator):
        return {"index": validator.account, "address": validator.account, "weight": validator.power,
                "join_time": "1763000000", "join_height": "1490000", "last_inference_time": "0",
                "inference_url": self.chain.url_of(validator.number), "status": "ACTIVE", "coin_balance": "0",
                "validator_key": validator.participant_key, "consecutive_invalid_inferences": "0",
                "worker_public_key": "", "epochs_completed": 7,
                "current_epoch_stats": dict.fromkeys(
                    ("inference_count", "missed_requests", "earned_coins", "rewarded_coins", "burned_coins",
                     "validated_inferences", "invalidated_inferences"), "0")}

    def group_data(self, index, model):
        latest, start = self.world.epoch(self.view.height)
        start -= (latest - index) * self.world.epoch_params["epoch_length"]
        weights = [{"member_address": v.account, "weight": str(v.power), "reputation": 100, "ml_nodes": []}
                   for v in self.world.validators]
        return {"epoch_group_data": {
            "poc_start_block_height": str(start), "epoch_group_id": str(index + 1), "epoch_policy": "",
            "effective_block_height": str(start + 206), "last_block_height": "0", "member_seed_signatures": [],
            "validation_weights": weights, "unit_of_compute_price": "100", "number_of_requests": "0",
            "previous_epoch_requests": "0", "validation_params": self.chain.modules.inference["validation_params"],
            "total_weight": str(sum(v.power for v in self.world.validators)), "model_id": model,
            "sub_group_models": [entry["id"] for entry in self.chain.modules.models], "epoch_index": str(index),
            "model_snapshot": None, "total_throughput": "0"}}

    def summary(self, index, address):
        if self.world.validator(address) is None or not index.isdigit():
            raise Refusal(5, "not found")
        return {"epoch_index": index, "participant_id": address, "inference_count": "10", "missed_requests": "1",
                "earned_coins": "0", "rewarded_coins": "123456", "burned_coins": "0", "validated_inferences": "3",
                "invalidated_inferences": "0", "claimed": int(index) < self.world.effective_epoch(self.view.height)}

    def module(self, parts):
        if len(parts) == 2 and parts[1] == "params" and parts[0] in self.chain.modules.others:
            return {"params": self.chain.modules.others[parts[0]]}
        if len(parts) == 3 and parts[:2] == ["collateral", "collateral"]:
            raise Refusal(5, f"collateral not found for participant {parts[2]}")
        raise Refusal(12, "Not Implemented")


def gov_params(kind, params):
    if kind not in ("voting", "deposit", "tallying"):
        raise Refusal(3, f"{kind} is not a valid parameter type")
    groups = {"voting_params": ("voting", ("voting_period",)),
              "deposit_params": ("deposit", ("min_deposit", "max_deposit_period")),
              "tally_params": ("tallying", ("quorum", "threshold", "veto_threshold"))}
    shown = {group: {name: params[name] for name in names} if kind == of else None
             for group, (of, names) in groups.items()}
    return {**shown, "params": params}


def staking_validator(validator):
    state = "BONDED" if validator.active else "UNBONDING" if validator.unbonding_height else "UNBONDED"
    return {"operator_address": validator.operator,
            "consensus_pubkey": {"@type": "/cosmos.crypto.ed25519.PubKey", "key": validator.staking_key.key},
            "jailed": validator.jailed, "status": "BOND_STATUS_" + state, "tokens": str(validator.power),
            "delegator_shares": f"{validator.power}.000000000000000000",
            "description": {"moniker": validator.operator, "identity": "", "website": "", "security_contact": "",
                            "details": "Created after Proof of Compute"},
            "unbonding_height": str(validator.unbonding_height), "unbonding_time": rfc3339(validator.unbonding_time),
            "commission": {"commission_rates": {"rate": "0.100000000000000000", "max_rate": "0.200000000000000000",
                                                "max_change_rate": "0.010000000000000000"},
                           "update_time": "2025-11-20T10:00:00Z"},
            "min_self_delegation": "1"}
