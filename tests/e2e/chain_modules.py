"""The parameters and lists of the chain's modules that governance can change, and the messages that change them."""
import copy
import json

import chain_gov

MODEL = {"proposed_by": "", "id": "Qwen/QwQ-32B", "units_of_compute_per_token": "1000", "hf_repo": "Qwen/QwQ-32B",
         "hf_commit": "976055f8c83f394f35dbd3ab09a285a984907bd0", "model_args": ["--quantization", "fp8"],
         "v_ram": "32", "throughput_per_nonce": "1000", "validation_threshold": {"value": "85", "exponent": -2}}


def decimal(value, exponent):
    return {"value": str(value), "exponent": exponent}


def inference_params(epoch_params):
    """The groups of the genesis, in the gateway's dialect."""
    return {
        "epoch_params": {name: str(value) for name, value in epoch_params.items()},
        "validation_params": {
            "false_positive_rate": decimal(5, -2), "min_ramp_up_measurements": 10, "pass_value": decimal(99, -2),
            "min_validation_average": decimal(1, -2), "max_validation_average": decimal(1, 0),
            "expiration_blocks": "20", "epochs_to_max": "30", "full_validation_traffic_cutoff": "10000",
            "min_validation_halfway": decimal(5, -2), "min_validation_traffic_cutoff": "100",
            "miss_percentage_cutoff": decimal(1, -2), "miss_requests_penalty": decimal(1, 0),
            "timestamp_expiration": "60", "timestamp_advance": "30"},
        "poc_params": {"default_difficulty": 5, "validation_sample_size": 200, "poc_data_pruning_epoch_threshold": "1"},
        "tokenomics_params": {"work_vesting_period": "180", "reward_vesting_period": "180",
                              "top_miner_vesting_period": "180"},
        "collateral_params": {
            "slash_fraction_invalid": decimal(2, -1), "slash_fraction_downtime": decimal(1, -1),
            "downtime_missed_percentage_threshold": decimal(5, -2), "grace_period_end_epoch": "180",
            "base_weight_ratio": decimal(2, -1), "collateral_per_weight_unit": decimal(42, -1)},
        "bitcoin_reward_params": {"use_bitcoin_rewards": True, "initial_epoch_reward": "323000000000000",
                                  "decay_rate": decimal(-475, -6), "genesis_epoch": "1"}}


class Modules:
    """What is left of the chain's modules: parameters, models, partial upgrades. Called with the world's lock held."""

    def __init__(self, world):
        self.world = world
        self.governance = None  # set once it is there: its own parameters are a module's, too
        self.inference = inference_params(world.epoch_params)
        # but for collateral these names are made up: the facts list the message types only
        self.others = {"collateral": {"unbonding_period_epochs": "1"}, "bls": {"i_total_slots": 100},
                       "restrictions": {"restriction_end_block": "1555000"},
                       "streamvesting": {"reward_vesting_period": "180"},
                       "genesistransfer": {"restrict_to_list": False}, "bookkeeper": {}}
        self.models = [copy.deepcopy(MODEL)]
        self.partial_upgrades = []
        self.staking = {"unbonding_time": "1814400s", "max_validators": 100, "max_entries": 7,
                        "historical_entries": 10000, "bond_denom": "ngonka",
                        "min_commission_rate": "0.000000000000000000"}

    def execute(self, messages):
        """Does what a passed proposal says; the reason if it cannot, empty for success. All or nothing."""
        for number, message in enumerate(messages):
            reason = self.refusal(message)
            if reason:
                return f"passed, but msg {number} ({message.get('@type')}) failed on execution: {reason}"
        for message in messages:
            self.carry_out(message)
        return ""

    def refusal(self, message):
        if "authority" in message and message["authority"] != chain_gov.AUTHORITY:
            return (f"invalid authority; expected {chain_gov.AUTHORITY}, got {message['authority']}: "
                    "expected gov account as only signer for proposal message")
        kind = message.get("@type", "")
        if kind.endswith("MsgSoftwareUpgrade") and int(message["plan"]["height"]) <= self.world.height:
            return "upgrade cannot be scheduled in the past: invalid request"
        if kind.endswith("MsgCancelUpgrade") and self.world.plan is None:
            return "there is no upgrade plan: not found"
        if kind == "/inference.inference.MsgUpdateParams" and set(message.get("params", {})) != set(self.inference):
            return "all parameters must be supplied"
        return ""

    def carry_out(self, message):
        kind = message.get("@type", "")
        if kind == "/cosmos.upgrade.v1beta1.MsgSoftwareUpgrade":
            self.schedule(message["plan"])
        elif kind == "/cosmos.upgrade.v1beta1.MsgCancelUpgrade":
            self.world.plan = None
        elif kind == "/cosmos.gov.v1.MsgUpdateParams":
            self.governance.params = message["params"]
        elif kind == "/cosmos.slashing.v1beta1.MsgUpdateParams":
            self.world.slashing_params = message["params"]
        elif kind == "/inference.inference.MsgUpdateParams":
            self.inference = message["params"]
            for name, value in message["params"]["epoch_params"].items():
                self.world.epoch_params[name] = int(value)
        elif kind == "/inference.inference.MsgRegisterModel":
            model = {name: value for name, value in message.items() if name not in ("@type", "authority")}
            self.models = [entry for entry in self.models if entry["id"] != model["id"]] + [model]
        elif kind == "/inference.inference.MsgCreatePartialUpgrade":
            self.partial_upgrades.append({"height": str(message["height"]),
                                          "node_version": message.get("nodeVersion", ""),
                                          "api_binaries_json": message.get("apiBinariesJson", ""), "name": ""})
        elif kind.startswith("/inference.") and kind.endswith(".MsgUpdateParams"):
            self.others[kind.split(".")[1]] = message["params"]

    def schedule(self, plan):
        self.world.plan = {"name": plan["name"], "time": "0001-01-01T00:00:00Z", "height": str(plan["height"]),
                           "info": plan.get("info", ""), "upgraded_client_state": None}

    def messages_of(self, kind, words):
        """The messages of a made-up proposal of a kind; `words` are the command's own fields."""
        named = {"@type": KINDS[kind], "authority": chain_gov.AUTHORITY}
        if kind == "upgrade":
            plan = {"name": words.get("name", "v0.2.5"), "time": "0001-01-01T00:00:00Z",
                    "height": str(words.get("height", self.world.height + 1000)), "info": info_text(words.get("info")),
                    "upgraded_client_state": None}
            return [{**named, "plan": plan}]
        if kind == "inference_params":
            return [{**named, "params": changed(self.inference, words.get("change", {}))}]
        if kind == "gov_params":
            return [{**named, "params": changed(self.governance.params, words.get("change", {}))}]
        if kind == "slashing_params":
            return [{**named, "params": changed(self.world.slashing_params, words.get("change", {}))}]
        if kind in self.others:
            return [{**named, "params": changed(self.others[kind], words.get("change", {}))}]
        if kind == "model":
            return [{**named, **MODEL, "proposed_by": words.get("proposer", ""), **words.get("change", {})}]
        if kind == "partial_upgrade":
            return [{**named, "height": str(words.get("height", self.world.height + 1000)),
                     "nodeVersion": words.get("node_version", "v3.0.9"), "apiBinariesJson": ""}]
        if kind == "unknown":
            return [{**named, "secret_ingredient": "42"}]
        return [] if kind == "text" else [named]


KINDS = {"upgrade": "/cosmos.upgrade.v1beta1.MsgSoftwareUpgrade",
         "cancel_upgrade": "/cosmos.upgrade.v1beta1.MsgCancelUpgrade",
         "inference_params": "/inference.inference.MsgUpdateParams", "gov_params": "/cosmos.gov.v1.MsgUpdateParams",
         "slashing_params": "/cosmos.slashing.v1beta1.MsgUpdateParams",
         "model": "/inference.inference.MsgRegisterModel",
         "partial_upgrade": "/inference.inference.MsgCreatePartialUpgrade", "text": "",
         "unknown": "/inference.future.MsgUnheardOf",
         **{name: f"/inference.{name}.MsgUpdateParams"
            for name in ("collateral", "bls", "restrictions", "streamvesting", "genesistransfer", "bookkeeper")}}


def info_text(info):
    """The `info` of a plan: a string as it is, an object as JSON, the example for nothing."""
    if isinstance(info, str):
        return info
    place = "https://example.invalid/%s-amd64.zip?checksum=sha256:%s"
    return json.dumps(info or {
        "binaries": {"linux/amd64": place % ("inferenced",
                                             "fab7be9bcdb4e21f058e6d19cfd698b6862bf6f5a8aeecbf9165907fc7edcc64")},
        "api_binaries": {"linux/amd64": place % ("decentralized-api",
                                                 "6fd12cd92e8226866be76a5e63a57e1b0041c7679db047af75e764e98668cb91")},
        "node_version": "v3.0.9"}, separators=(",", ":"))


def changed(params, change):
    """A copy with `a.b` set to a value for each entry of the change."""
    copied = copy.deepcopy(params)
    for path, value in change.items():
        *folders, last = path.split(".")
        group = copied
        for folder in folders:
            group = group[folder]
        group[last] = value
    return copied
