"""The state of the simulated chain: time, height, epochs, validators, misses and jail.

It starts as the example in the description of /v1/epochs/latest: height 1510000 in epoch 88, which began at 1503660.
"""
import collections
import datetime
import hashlib
import threading
import time

import chain_keys

NANO = 1000000000
FIRST_KEYS = ("OPwcpfQYOoWDuHKYivRVq5jxrELH0moP5qdznvj3Dps=", "YHtcky8VaH0qQNhYJkN61RPf83oKWsCPXdaewvDEYLo=",
              "ljvRT9VScsxQKKX4S91yJRNppbz691ceD4sBYBRrAys=")
FIRST_ACCOUNT = bytes.fromhex("22ba50d35663eb58abdc263606e4dff0a0752614")
EPOCH_PARAMS = {"epoch_length": 17280, "epoch_multiplier": 1, "epoch_shift": 16980,
                "default_unit_of_compute_price": 100,
                "poc_stage_duration": 60, "poc_exchange_duration": 5, "poc_validation_delay": 5,
                "poc_validation_duration": 20, "set_new_validators_delay": 120, "inference_validation_cutoff": 80,
                "inference_pruning_epoch_threshold": 2}
SLASHING_PARAMS = {"signed_blocks_window": "100", "min_signed_per_window": "0.500000000000000000",
                   "downtime_jail_duration": "600s", "slash_fraction_double_sign": "0.050000000000000000",
                   "slash_fraction_downtime": "0.010000000000000000"}
TOMBSTONE_UNTIL = 253402300799 * NANO  # the SDK's end of time, 9999-12-31T23:59:59Z
UNBONDING_S = 1814400


def rfc3339(nanoseconds):
    """A time as Go prints it: UTC, no zeros at the end of the fraction, none if there is none."""
    seconds, rest = divmod(nanoseconds, NANO)
    whole = (datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    return whole + (f".{rest:09d}".rstrip("0") if rest else "") + "Z"


def duration_ns(text):
    """Nanoseconds of a duration as protobuf prints it: `600s`."""
    return round(float(text.removesuffix("s")) * NANO)


def stages(index, start, params):
    """The boundaries of one epoch that starts its PoC at this height."""
    if index == 0:
        following = params["epoch_length"] - params["epoch_shift"]
        names = ("poc_start", "poc_generation_wind_down", "poc_generation_end", "poc_validation_start",
                 "poc_validation_wind_down", "poc_validation_end", "set_new_validators", "claim_money",
                 "inference_validation_cutoff")
        return {"epoch_index": 0, **dict.fromkeys(names, 0), "next_poc_start": following,
                "poc_exchange_window": {"start": 0, "end": 0}, "poc_validation_exchange_window": {"start": 0, "end": 0}}
    generated = start + params["poc_stage_duration"]
    validation = generated + params["poc_validation_delay"]
    validated = validation + params["poc_validation_duration"]
    chosen = validated + params["set_new_validators_delay"]
    following = start + params["epoch_length"]
    return {"epoch_index": index, "poc_start": start,
            "poc_generation_wind_down": start + params["poc_stage_duration"] * 8 // 10, "poc_generation_end": generated,
            "poc_validation_start": validation,
            "poc_validation_wind_down": validation + params["poc_validation_duration"] * 8 // 10,
            "poc_validation_end": validated, "set_new_validators": chosen, "claim_money": chosen + 1,
            "inference_validation_cutoff": following - params["inference_validation_cutoff"],
            "next_poc_start": following,
            "poc_exchange_window": {"start": start + 1, "end": generated + params["poc_exchange_duration"]},
            "poc_validation_exchange_window": {"start": validation + 1, "end": validated}}


def phase(height, limits):
    """The name of the phase at a height."""
    if limits["epoch_index"] == 0:
        return "Inference"
    for name, start, end in (("PoCGenerate", "poc_start", "poc_generation_wind_down"),
                             ("PoCGenerateWindDown", "poc_generation_wind_down", "poc_validation_start"),
                             ("PoCValidate", "poc_validation_start", "poc_validation_wind_down"),
                             ("PoCValidateWindDown", "poc_validation_wind_down", "poc_validation_end")):
        if limits[start] <= height < limits[end]:
            return name
    return "Inference"


class Validator:
    """One host: its account, its consensus key on the chain, and what the chain holds against it."""

    def __init__(self, number, power):
        self.number = number
        if number == 0:
            self.account, self.operator = chain_keys.both_forms(FIRST_ACCOUNT)
        else:
            self.account, self.operator = chain_keys.account(str(number))
        key64 = FIRST_KEYS[number] if number < len(FIRST_KEYS) else chain_keys.consensus_key(str(number))
        self.staking_key = chain_keys.ConsensusKey(key64)  # what consensus counts
        self.participant_key = key64  # what the inference module believes
        self.node_key = key64  # what the host's node really signs with
        self.power = power
        self.jailed = self.tombstoned = False
        self.jailed_until = 0
        self.unbonding_height = self.unbonding_time = 0
        self.start_height = 0
        self.missed = collections.deque()  # heights, oldest first
        self.to_miss = 0

    @property
    def active(self):
        return not self.jailed and self.power > 0


class World:
    """One chain. Every method is to be called with `lock` held; `options` are those of the program."""

    def __init__(self, options):
        self.lock = threading.RLock()
        self.chain_id = options.get("chain_id", "gonka-mainnet")
        self.first = self.height = options.get("height", 1510000)
        self.block_ns = round(options.get("block_seconds", 5) * NANO)
        self.follows_clock = False  # new blocks carry the time of this machine instead of the last one's and block_ns
        self.times = [round(options.get("time", time.time()) * NANO)]
        self.epoch_params = {**EPOCH_PARAMS, **options.get("epoch_params", {})}
        self.epochs = [(options.get("epoch", 88), options.get("epoch_start", 1503660))]
        self.slashing_params = {**SLASHING_PARAMS, **options.get("slashing_params", {})}
        powers = options.get("powers", [1000] * 4)
        self.validators = [Validator(number, power) for number, power in enumerate(powers)]
        for validator in self.validators:
            validator.start_height = self.limits()["claim_money"]
        self.sets = [(0, self.active_set())]
        self.absent = {}  # height -> consensus addresses that did not sign it; nothing for a full block
        self.halted = ""  # why there are no new blocks
        self.plan = None
        self.applied = {}  # name of an upgrade -> height
        self.at_block = []  # called after each new block
        self.lenient = False  # MsgUnjail is carried out whatever is against it

    # time and height

    def time_of(self, height):
        if height < self.first:
            return self.times[0] - (self.first - height) * self.block_ns
        return self.times[height - self.first]

    @property
    def now(self):
        return self.times[-1]

    def step(self):
        """Makes the next block; False when the chain stands still."""
        if self.plan and self.height + 1 >= int(self.plan["height"]) and not self.halted:
            self.halted = f"UPGRADE \"{self.plan['name']}\" NEEDED at height: {self.plan['height']}"
        if self.halted:
            return False
        self.height += 1
        self.times.append(max(time.time_ns(), self.now + 1) if self.follows_clock else self.now + self.block_ns)
        if self.height >= self.limits()["next_poc_start"]:
            self.epochs.append((self.epochs[-1][0] + 1, self.height))
        self.count_misses()
        for call in self.at_block:
            call()
        return True

    def upgrade(self):
        """What cosmovisor and the new binary do at the height of a plan."""
        self.applied[self.plan["name"]] = int(self.plan["height"])
        self.plan = None
        self.halted = ""

    # epochs

    def epoch(self, height=None):
        """(index, height of its PoC start) of the latest known epoch at a height."""
        height = self.height if height is None else height
        return next((entry for entry in reversed(self.epochs) if entry[1] <= height), self.epochs[0])

    def limits(self, height=None):
        return stages(*self.epoch(height), self.epoch_params)

    def phase(self, height=None):
        return phase(self.height if height is None else height, self.limits(height))

    def effective_epoch(self, height=None):
        limits = self.limits(height)
        chosen = (self.height if height is None else height) >= limits["set_new_validators"]
        return limits["epoch_index"] - (0 if chosen else 1)

    # validators

    def active_set(self):
        """(consensus address, key, power) in the order of the validator set: by power, then by address."""
        entries = [(v.staking_key.hex, v.staking_key.key, v.power) for v in self.validators if v.active]
        return sorted(entries, key=lambda entry: (-entry[2], entry[0]))

    def set_at(self, height):
        return next(entries for since, entries in reversed(self.sets) if since <= height)

    def set_changed(self):
        """Remembers the set that signs from the next block on."""
        self.sets.append((self.height + 1, self.active_set()))

    def bonded(self):
        return sum(validator.power for validator in self.validators if validator.active)

    def validator(self, word):
        """A validator by its number or any of its addresses; None if there is none."""
        for validator in self.validators:
            if word in (validator.number, validator.account, validator.operator, validator.staking_key.valcons,
                        validator.staking_key.hex):
                return validator
        return None

    def miss(self, number, blocks):
        """The validator signs none of so many coming blocks."""
        self.validators[number].to_miss = blocks

    def missed_blocks(self, validator):
        """How many blocks of the window the validator has not signed."""
        since = self.height - int(self.slashing_params["signed_blocks_window"])
        while validator.missed and validator.missed[0] <= since:
            validator.missed.popleft()
        return len(validator.missed)

    def count_misses(self):
        window = int(self.slashing_params["signed_blocks_window"])
        allowed = window - round(window * float(self.slashing_params["min_signed_per_window"]))
        for validator in self.validators:
            if not validator.active or (validator.to_miss <= 0 and validator.node_key == validator.staking_key.key):
                continue
            validator.to_miss -= 1
            validator.missed.append(self.height)
            self.absent.setdefault(self.height, set()).add(validator.staking_key.hex)
            if self.missed_blocks(validator) > allowed and self.height - validator.start_height > window:
                self.jail(validator.number)
                validator.missed.clear()

    def jail(self, number):
        """Downtime: a part of the power is gone, and the validator is out for the jail time."""
        validator = self.validators[number]
        validator.power -= int(validator.power * float(self.slashing_params["slash_fraction_downtime"]))
        self.lock_up(validator, self.now + duration_ns(self.slashing_params["downtime_jail_duration"]))

    def tombstone(self, number):
        """Two signatures for one height: out for ever."""
        validator = self.validators[number]
        validator.power -= int(validator.power * float(self.slashing_params["slash_fraction_double_sign"]))
        validator.tombstoned = True
        self.lock_up(validator, TOMBSTONE_UNTIL)

    def lock_up(self, validator, until):
        validator.jailed = True
        validator.jailed_until = until
        validator.unbonding_height = self.height
        validator.unbonding_time = self.now + UNBONDING_S * NANO
        self.set_changed()

    def unjail_refusal(self, operator):
        """(code, words) that MsgUnjail gets in the codespace `slashing`; code 0 if nothing is against it."""
        validator = self.validator(operator)
        if validator is None:
            return 3, "address is not associated with any known validator"
        if self.lenient:
            return 0, ""
        if validator.power <= 0:
            return 6, "validator has no self-delegation; cannot be unjailed"
        if not validator.jailed:
            return 5, "validator not jailed; cannot be unjailed"
        if validator.tombstoned or self.now < validator.jailed_until:
            return 4, "validator still jailed; cannot be unjailed"
        return 0, ""

    def unjail(self, operator):
        """Does what MsgUnjail does; (code, words) as above."""
        code, words = self.unjail_refusal(operator)
        if code == 0:
            validator = self.validator(operator)
            validator.jailed = False
            validator.unbonding_height = validator.unbonding_time = 0
            validator.start_height = self.height + 1
            self.set_changed()
        return code, words

    # blocks

    def block_hash(self, height):
        return hashlib.sha256(f"{self.chain_id} block {height}".encode()).hexdigest().upper()

    def app_hash(self, height):
        return hashlib.sha256(f"{self.chain_id} app {height}".encode()).hexdigest().upper()
