"""Governance of the simulated chain: deposits, votes counted in PoC power, and what a passed proposal does."""
import copy
from fractions import Fraction

import chain_keys
from chain_ledger import DENOM, coins
from chain_world import duration_ns, rfc3339

AUTHORITY = chain_keys.module_account("gov")
OPTIONS = ("UNSPECIFIED", "YES", "ABSTAIN", "NO", "NO_WITH_VETO")
PARAMS = {
    "min_deposit": coins(25000000), "max_deposit_period": "172800s", "voting_period": "172800s",
    "quorum": "0.334000000000000000", "threshold": "0.500000000000000000", "veto_threshold": "0.334000000000000000",
    "min_initial_deposit_ratio": "0.000000000000000000", "proposal_cancel_ratio": "0.500000000000000000",
    "proposal_cancel_dest": "", "expedited_voting_period": "43200s", "expedited_threshold": "0.667000000000000000",
    "expedited_min_deposit": coins(50000000), "burn_vote_quorum": False, "burn_proposal_deposit_prevote": False,
    "burn_vote_veto": True, "min_deposit_ratio": "0.010000000000000000"}


def amount_of(listed):
    return sum(int(coin["amount"]) for coin in listed if coin["denom"] == DENOM)


def decimal(weight):
    """A fraction of at most 1 with 18 places, exact as the chain's."""
    whole, rest = divmod(int(weight * 10 ** 18), 10 ** 18)
    return f"{whole}.{rest:018d}"


class Proposal:
    """One proposal; times in nanoseconds, 0 for none."""

    def __init__(self, number, content, now, params):
        self.number = number
        self.messages = content["messages"]
        self.title = content.get("title", "")
        self.summary = content.get("summary", "")
        self.metadata = content.get("metadata", "")
        self.proposer = content["proposer"]
        self.expedited = content.get("expedited", False)
        self.status = "PROPOSAL_STATUS_DEPOSIT_PERIOD"
        self.submitted = now
        self.deposit_end = now + duration_ns(params["max_deposit_period"])
        self.voting_start = self.voting_end = 0
        self.deposits = {}  # depositor -> amount, until they are given back or burned
        self.total_deposit = 0
        self.votes = {}  # voter -> [(option, weight)]
        self.final = {"yes_count": "0", "abstain_count": "0", "no_count": "0", "no_with_veto_count": "0"}
        self.reason = ""

    def as_json(self):
        return {"id": str(self.number), "messages": self.messages, "status": self.status,
                "final_tally_result": self.final, "submit_time": rfc3339(self.submitted),
                "deposit_end_time": rfc3339(self.deposit_end), "total_deposit": coins(self.total_deposit),
                "voting_start_time": rfc3339(self.voting_start) if self.voting_start else None,
                "voting_end_time": rfc3339(self.voting_end) if self.voting_end else None,
                "metadata": self.metadata, "title": self.title, "summary": self.summary, "proposer": self.proposer,
                "expedited": self.expedited, "failed_reason": self.reason}

    def votes_json(self):
        return [self.vote_json(voter) for voter in self.votes]

    def vote_json(self, voter):
        return {"proposal_id": str(self.number), "voter": voter, "metadata": "",
                "options": [{"option": "VOTE_OPTION_" + option, "weight": decimal(weight)}
                            for option, weight in self.votes[voter]]}


class Governance:
    """All proposals of one chain. Every method is to be called with the world's lock held."""

    def __init__(self, world, ledger, modules, overrides):
        self.world = world
        self.ledger = ledger
        self.modules = modules
        self.params = {**copy.deepcopy(PARAMS), **overrides}
        self.proposals = {}
        self.last = 0
        world.at_block.append(self.end_block)

    def submit(self, content, deposit):
        """The number of a new proposal; whoever calls has taken the deposit off the proposer's account."""
        self.last += 1
        proposal = Proposal(self.last, content, self.world.now, self.params)
        self.proposals[proposal.number] = proposal
        self.deposit(proposal.number, proposal.proposer, deposit)
        return proposal.number

    def minimum(self, proposal):
        return amount_of(self.params["expedited_min_deposit" if proposal.expedited else "min_deposit"])

    def deposit(self, number, depositor, amount):
        """(code, words) of MsgDeposit in the codespace `gov`."""
        proposal = self.proposals.get(number)
        if proposal is None:
            return 2, f"proposal {number} doesn't exist"
        if proposal.status not in ("PROPOSAL_STATUS_DEPOSIT_PERIOD", "PROPOSAL_STATUS_VOTING_PERIOD"):
            return 3, f"{number}: inactive proposal"
        if amount:
            proposal.deposits[depositor] = proposal.deposits.get(depositor, 0) + amount
            proposal.total_deposit += amount
        waiting = proposal.status == "PROPOSAL_STATUS_DEPOSIT_PERIOD"
        if waiting and proposal.total_deposit >= self.minimum(proposal):
            proposal.status = "PROPOSAL_STATUS_VOTING_PERIOD"
            period = "expedited_voting_period" if proposal.expedited else "voting_period"
            proposal.voting_start = self.world.now
            proposal.voting_end = self.world.now + duration_ns(self.params[period])
        return 0, ""

    def vote(self, number, voter, options):
        """(code, words) of MsgVote in the codespace `gov`; options are pairs of a name and a weight."""
        proposal = self.proposals.get(number)
        if proposal is None:
            return 2, f"proposal {number} doesn't exist"
        if proposal.status != "PROPOSAL_STATUS_VOTING_PERIOD":
            return 3, f"{number}: inactive proposal"
        if any(option not in OPTIONS[1:] for option, _ in options) or sum(Fraction(w) for _, w in options) != 1:
            return 6, "invalid vote option"
        proposal.votes[voter] = [(option, Fraction(weight)) for option, weight in options]
        return 0, ""

    def counted(self, proposal):
        """Power behind each option, as exact fractions."""
        sums = dict.fromkeys(OPTIONS[1:], Fraction(0))
        for validator in self.world.validators:
            for option, weight in proposal.votes.get(validator.account, ()):
                if validator.active:
                    sums[option] += weight * validator.power
        return sums

    def tally(self, proposal):
        """The tally as the gateway shows it: live while votes come in, the stored one after that."""
        if proposal.status != "PROPOSAL_STATUS_VOTING_PERIOD":
            return proposal.final
        return {option.lower() + "_count": str(int(power)) for option, power in self.counted(proposal).items()}

    def verdict(self, proposal):
        """(passes, burns the deposit)."""
        sums = self.counted(proposal)
        total = sum(sums.values())
        bonded = self.world.bonded()
        if not bonded or total / bonded < Fraction(self.params["quorum"]):
            return False, self.params["burn_vote_quorum"]
        if total == sums["ABSTAIN"]:
            return False, False
        if sums["NO_WITH_VETO"] / total > Fraction(self.params["veto_threshold"]):
            return False, self.params["burn_vote_veto"]
        threshold = self.params["expedited_threshold" if proposal.expedited else "threshold"]
        return sums["YES"] / (total - sums["ABSTAIN"]) > Fraction(threshold), False

    def end_block(self):
        for proposal in list(self.proposals.values()):
            if proposal.status == "PROPOSAL_STATUS_DEPOSIT_PERIOD" and self.world.now >= proposal.deposit_end:
                self.settle(proposal, self.params["burn_proposal_deposit_prevote"])
                del self.proposals[proposal.number]
            elif proposal.status == "PROPOSAL_STATUS_VOTING_PERIOD" and self.world.now >= proposal.voting_end:
                self.close(proposal)

    def close(self, proposal):
        passes, burns = self.verdict(proposal)
        proposal.final = self.tally(proposal)
        proposal.votes = {}  # counting takes them off the chain, also those of an expedited one that goes on
        if proposal.expedited and not passes:
            proposal.expedited = False
            proposal.voting_end = proposal.voting_start + duration_ns(self.params["voting_period"])
            return
        self.settle(proposal, burns)
        proposal.status = "PROPOSAL_STATUS_PASSED" if passes else "PROPOSAL_STATUS_REJECTED"
        if passes:
            proposal.reason = self.modules.execute(proposal.messages)
            proposal.status = "PROPOSAL_STATUS_FAILED" if proposal.reason else proposal.status

    def settle(self, proposal, burns):
        """The deposits go back to where they came from, or nowhere."""
        for depositor, amount in proposal.deposits.items():
            self.ledger.balance[depositor] += 0 if burns else amount
        proposal.deposits = {}
