"""Money, sequences, grants and fee allowances of the simulated chain's accounts."""
import collections

import chain_keys
from chain_world import NANO, rfc3339

DENOM = "ngonka"
YEAR_NS = 365 * 86400 * NANO
WARM_MESSAGES = ("StartInference", "FinishInference", "ClaimRewards", "Validation", "SubmitPocBatch",
                 "SubmitPocValidation", "SubmitSeed", "SubmitHardwareDiff")


def coins(amount):
    return [{"denom": DENOM, "amount": str(amount)}] if amount else []


class Ledger:
    """Who has what, and who may do what for whom. Every method is to be called with the world's lock held."""

    def __init__(self, world):
        self.world = world
        self.balance = collections.defaultdict(int)
        self.sequence = collections.defaultdict(int)
        self.numbers = {}
        self.grants = []  # granter, grantee, message type, end in ns
        self.allowances = []  # granter, grantee, limit in ngonka, end in ns
        for validator in world.validators:
            self.balance[validator.account] = 10000 * NANO
            warm, _ = chain_keys.account(f"warm {validator.number}")
            self.grant_warm(validator.account, warm, world.now + YEAR_NS)

    def grant_warm(self, granter, grantee, until):
        """What grant-ml-ops-permissions does, and the fee allowance of later versions."""
        for name in WARM_MESSAGES:
            self.grant(granter, grantee, f"/inference.inference.Msg{name}", until)
        self.allowances = [entry for entry in self.allowances if entry[:2] != (granter, grantee)]
        self.allowances.append((granter, grantee, 10 * NANO, until))

    def grant(self, granter, grantee, message, until):
        self.grants = [entry for entry in self.grants if entry[:3] != (granter, grantee, message)]
        self.grants.append((granter, grantee, message, until))

    def may(self, granter, grantee, message):
        return any(entry[:3] == (granter, grantee, message) and entry[3] > self.world.now for entry in self.grants)

    def account_number(self, address):
        return self.numbers.setdefault(address, len(self.numbers) + 7)

    def grants_between(self, granter, grantee):
        """The body of /cosmos/authz/v1beta1/grants; what has ended is pruned."""
        return [{"authorization": {"@type": "/cosmos.authz.v1beta1.GenericAuthorization", "msg": message},
                 "expiration": rfc3339(until)}
                for giver, taker, message, until in self.grants
                if giver == granter and taker == grantee and until > self.world.now]

    def allowance_list(self, grantee, granter=None):
        return [{"granter": giver, "grantee": taker,
                 "allowance": {"@type": "/cosmos.feegrant.v1beta1.BasicAllowance", "spend_limit": coins(limit),
                               "expiration": rfc3339(until)}}
                for giver, taker, limit, until in self.allowances
                if taker == grantee and granter in (None, giver) and until > self.world.now]

    def pay(self, address, amount):
        """Takes an amount off an account; False, and nothing is taken, when there is less on it."""
        if self.balance[address] < amount:
            return False
        self.balance[address] -= amount
        return True
