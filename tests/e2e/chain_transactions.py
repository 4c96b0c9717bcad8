"""Transactions of the simulated chain: what a node checks before it takes one, and what a block then does with it."""
import hashlib
import json

import chain_keys
from chain_gov import OPTIONS, amount_of
from chain_world import rfc3339


def response(code=0, codespace="", log="", txhash="", height=0, time=""):
    """A transaction response as the program prints it."""
    return {"height": str(height), "txhash": txhash, "codespace": codespace, "code": code, "data": "", "raw_log": log,
            "logs": [], "info": "", "gas_wanted": "0", "gas_used": "0", "tx": None, "timestamp": time, "events": []}


class Transactions:
    """Takes transactions as objects: `from`, `messages`, `fee` (ngonka), `fee_granter`, `unordered`,
    `sequence` or nothing, `chain_id` it was signed for, `network` that the node it was sent to claims to be.

    Every method is to be called with the world's lock held.
    """

    def __init__(self, chain):
        self.chain = chain
        self.refusals = []  # responses that the next transactions get instead of being checked
        self.swallow = 0  # so many of the next ones are taken and never put into a block
        self.min_fee = 0
        self.at_once = True  # a transaction makes its own block; else it waits for the next one
        self.waiting = []
        self.done = {}  # hash -> response
        chain.world.at_block.append(self.end_block)

    def broadcast(self, transaction):
        """The answer of a node to a broadcast in sync mode: what it checked, not what comes of it."""
        refusal = self.check(transaction)
        text = json.dumps([transaction, self.chain.world.height, len(self.done), len(self.waiting)], sort_keys=True)
        txhash = hashlib.sha256(text.encode()).hexdigest().upper()
        if refusal:
            return {**refusal, "txhash": txhash}
        if self.swallow > 0:
            self.swallow -= 1
            return response(txhash=txhash)
        if not transaction.get("unordered"):
            self.chain.ledger.sequence[transaction["from"]] += 1
        self.chain.ledger.pay(transaction.get("fee_granter") or transaction["from"], transaction.get("fee", 0))
        self.waiting.append((txhash, transaction))
        if self.at_once:
            self.chain.step()
        return response(txhash=txhash)

    def check(self, transaction):
        """The response that refuses the transaction, None if there is nothing against it."""
        if self.refusals:
            return self.refusals.pop(0)
        ledger = self.chain.ledger
        fee, payer = transaction.get("fee", 0), transaction.get("fee_granter") or transaction["from"]
        if fee < self.min_fee:
            return response(13, "sdk",
                            f"insufficient fees; got: {fee}ngonka required: {self.min_fee}ngonka: insufficient fee")
        if ledger.balance[payer] < fee:
            return response(5, "sdk", f"spendable balance {ledger.balance[payer]}ngonka is smaller than {fee}ngonka: "
                                      "insufficient funds")
        expected, given = ledger.sequence[transaction["from"]], transaction.get("sequence")
        if given is not None and not transaction.get("unordered") and given != expected:
            return response(32, "sdk", f"account sequence mismatch, expected {expected}, got {given}: "
                                       "incorrect account sequence")
        signed = transaction.get("chain_id", self.chain.world.chain_id)
        of_others = any(signer_of(message) not in (None, transaction["from"]) for message in transaction["messages"])
        if of_others or signed != transaction.get("network", self.chain.world.chain_id):
            return response(4, "sdk",
                            "signature verification failed; please verify account number and chain-id "
                                      f"({signed}): (unable to verify single signer signature): unauthorized")
        return None

    def end_block(self):
        waiting, self.waiting = self.waiting, []
        for txhash, transaction in waiting:
            code, codespace, log = self.execute(transaction)
            self.done[txhash] = response(code, codespace, log, txhash, self.chain.world.height,
                                         rfc3339(self.chain.world.now))

    def simulate(self, transaction):
        """What `--gas auto` asks first: the words of the failure to expect, empty for none. Knows MsgUnjail only."""
        for message in transaction["messages"]:
            if message["@type"] == "/cosmos.slashing.v1beta1.MsgUnjail":
                words = self.chain.world.unjail_refusal(message["validator_addr"])[1]
                if words:
                    return f"rpc error: code = Unknown desc = failed to execute message; message index: 0: {words}"
        return ""

    def execute(self, transaction):
        """(code, codespace, log) of the first message that fails. A real chain would undo the messages before it."""
        for number, message in enumerate(transaction["messages"]):
            code, codespace, words = self.one(message)
            if code:
                return code, codespace, f"failed to execute message; message index: {number}: {words}"
        return 0, "", ""

    def one(self, message):
        kind = message["@type"]
        governance, ledger = self.chain.governance, self.chain.ledger
        if kind in ("/cosmos.gov.v1.MsgVote", "/cosmos.gov.v1beta1.MsgVote"):
            option = option_name(message["option"])
            return with_space("gov", governance.vote(int(message["proposal_id"]), message["voter"], [(option, 1)]))
        if kind == "/cosmos.gov.v1.MsgDeposit":
            amount = amount_of(message["amount"])
            if not ledger.pay(message["depositor"], amount):
                return 5, "sdk", f"spendable balance is smaller than {amount}ngonka: insufficient funds"
            code, words = governance.deposit(int(message["proposal_id"]), message["depositor"], amount)
            ledger.balance[message["depositor"]] += amount if code else 0
            return code, "gov" if code else "", words
        if kind == "/cosmos.gov.v1.MsgSubmitProposal":
            amount = amount_of(message["initial_deposit"])
            if not ledger.pay(message["proposer"], amount):
                return 5, "sdk", f"spendable balance is smaller than {amount}ngonka: insufficient funds"
            governance.submit(message, amount)
            return 0, "", ""
        if kind == "/cosmos.slashing.v1beta1.MsgUnjail":
            return with_space("slashing", self.chain.world.unjail(message["validator_addr"]))
        if kind == "/cosmos.authz.v1beta1.MsgExec":
            return self.on_behalf(message)
        return 6, "sdk", f"unrecognized message route: {kind}: unknown request"

    def on_behalf(self, message):
        """MsgExec: each message must be the grantee's own or granted for exactly its type."""
        for inner in message["msgs"]:
            granter = signer_of(inner)
            if granter != message["grantee"] and not self.chain.ledger.may(granter, message["grantee"], inner["@type"]):
                return 4, "sdk", f"failed to get grant with given granter: {granter}, grantee: {message['grantee']} " \
                                 f"& msgType: {inner['@type']} : authorization not found: unauthorized"
            code, codespace, words = self.one(inner)
            if code:
                return code, codespace, words
        return 0, "", ""


def with_space(codespace, outcome):
    code, words = outcome
    return code, codespace if code else "", words


def option_name(option):
    """The bare name of a vote option given as a number or a name."""
    return OPTIONS[option] if isinstance(option, int) else option.removeprefix("VOTE_OPTION_")


def signer_of(message):
    """The account that must sign a message, None for a kind that this chain does not know."""
    for field in ("voter", "depositor", "proposer", "grantee"):
        if field in message:
            return message[field]
    if "validator_addr" in message:
        return chain_keys.both_forms(chain_keys.payload(message["validator_addr"])[1])[0]
    return None
