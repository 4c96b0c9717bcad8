"""What a test can make the simulated chain do: one method for each word of `do`."""
import chain_rest
import chain_transactions
from chain_gov import amount_of
from chain_keys import ConsensusKey, both_forms, payload
from chain_ledger import YEAR_NS
from chain_modules import KINDS
from chain_world import NANO, rfc3339

class Commands:
    """Carries out commands that are objects; the answers are objects, too."""

    def __init__(self, chain):
        self.chain = chain
        self.world = chain.world

    def carry_out(self, command):
        """The answer to one command, `{"ok":false,"error":...}` for one that cannot be carried out."""
        try:
            method = getattr(self, "do_" + command["do"], None)
            if method is None:
                raise ValueError(f"no such command: {command['do']}")
            with self.world.lock:
                return {"ok": True, **(method(command) or {})}
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            return {"ok": False, "error": f"{type(error).__name__}: {error}"}

    # time

    def do_state(self, _command):
        index, start = self.world.epoch()
        return {"height": self.world.height, "time": rfc3339(self.world.now), "halted": self.world.halted,
                "epoch": index,
                "epoch_start": start, "phase": self.world.phase(), "stages": self.world.limits(),
                "effective_epoch": self.world.effective_epoch(), "bonded": self.world.bonded(), "plan": self.world.plan}

    def do_blocks(self, command):
        """So many blocks at once; fewer if the chain halts."""
        for _ in range(command["n"]):
            if not self.chain.step():
                break
        return self.do_state(command)

    def do_to(self, command):
        """To the first block at a height, in a phase, or at one of the boundaries of the current epoch."""
        stages = self.world.limits()
        if "phase" in command:
            reached = lambda: self.world.phase() == command["phase"]
        elif "stage" in command:
            reached = lambda: self.world.height >= stages[command["stage"]]
        else:
            reached = lambda: self.world.height >= command["height"]
        limit = self.world.height + 10 * self.world.epoch_params["epoch_length"]
        while not reached() and self.world.height < limit and self.chain.step():
            pass
        return {**self.do_state(command), "reached": reached()}

    def do_run(self, command):
        """Blocks come by themselves from now on, 0 stops them."""
        self.world.follows_clock = command.get("real_time", self.world.follows_clock)
        self.chain.run(command["blocks_per_second"])

    def do_block_seconds(self, command):
        self.world.block_ns = round(command["seconds"] * NANO)

    def do_pass(self, command):
        """One block that comes so many seconds after the last one."""
        kept, self.world.block_ns = self.world.block_ns, round(command["seconds"] * NANO)
        self.chain.step()
        self.world.block_ns = kept
        return self.do_state(command)

    def do_halt(self, command):
        self.world.halted = command.get("why", "no quorum")

    def do_resume(self, _command):
        self.world.halted = ""

    # governance

    def do_propose(self, command):
        """A proposal of a kind, or with the messages given; `deposit` in ngonka, the minimum if absent."""
        governance = self.chain.governance
        proposer = command.get("proposer", self.world.validators[-1].account)
        messages = command.get("messages")
        if messages is None:
            if command["kind"] not in KINDS:
                raise ValueError(f"no such kind: {command['kind']}; there are {', '.join(sorted(KINDS))}")
            messages = self.chain.modules.messages_of(command["kind"], {**command, "proposer": proposer})
        content = {"messages": messages,
                   "title": command.get("title", f"A proposal: {command.get('kind', 'messages')}"),
                   "summary": command.get("summary", ""), "metadata": command.get("metadata", ""), "proposer": proposer,
                   "expedited": command.get("expedited", False)}
        least = governance.params["expedited_min_deposit" if content["expedited"] else "min_deposit"]
        deposit = command.get("deposit", amount_of(least))
        self.take(proposer, deposit)
        number = governance.submit(content, deposit)
        return {"id": number, "proposal": governance.proposals[number].as_json()}

    def take(self, address, amount):
        if not self.chain.ledger.pay(address, amount):
            raise ValueError(f"{address} has less than {amount} ngonka")

    def do_deposit(self, command):
        self.take(self.voter(command), command["amount"])
        code, words = self.chain.governance.deposit(command["id"], self.voter(command), command["amount"])
        return {"code": code, "log": words}

    def voter(self, command):
        return command["voter"] if "voter" in command else self.world.validators[command["validator"]].account

    def do_vote(self, command):
        """`option` is a bare name; or `options`, pairs of a name and a weight."""
        options = command.get("options") or [(command["option"], 1)]
        options = [(option.upper(), str(weight)) for option, weight in options]
        code, words = self.chain.governance.vote(command["id"], self.voter(command), options)
        return {"code": code, "log": words}

    def do_proposal(self, command):
        proposal = self.chain.governance.proposals.get(command["id"])
        if proposal is None:
            return {"proposal": None}
        return {"proposal": proposal.as_json(), "tally": self.chain.governance.tally(proposal),
                "votes": proposal.votes_json()}

    # validators

    def do_jail(self, command):
        """Until the jail time is over, or until so many seconds from now (of the past, if negative)."""
        self.world.jail(command["validator"])
        if "seconds" in command:
            self.world.validators[command["validator"]].jailed_until = self.world.now + round(command["seconds"] * NANO)
        return self.do_validator(command)

    def do_lenient(self, command):
        """A chain that unjails whoever asks: only the sender's own guards are between it and harm."""
        self.world.lenient = command.get("yes", True)

    def do_tombstone(self, command):
        self.world.tombstone(command["validator"])
        return self.do_validator(command)

    def do_miss(self, command):
        """The validator misses so many of the blocks that follow."""
        self.world.miss(command["validator"], command["blocks"])

    def do_power(self, command):
        self.world.validators[command["validator"]].power = command["power"]
        self.world.set_changed()

    def do_keys(self, command):
        """Makes the three places where a consensus key stands differ: `staking`, `participant`, `node`, each base64."""
        validator = self.world.validators[command["validator"]]
        if "staking" in command:
            validator.staking_key = ConsensusKey(command["staking"])
            self.world.set_changed()
        validator.participant_key = command.get("participant", validator.participant_key)
        validator.node_key = command.get("node", validator.node_key)
        return self.do_validator(command)

    def do_validator(self, command):
        """All that a test may want to know about a validator."""
        validator = self.world.validators[command["validator"]]
        gateway = chain_rest.Gateway(self.chain, self.chain.nodes[0].view())
        return {"account": validator.account, "operator": validator.operator, "valcons": validator.staking_key.valcons,
                "hex": validator.staking_key.hex, "staking_key": validator.staking_key.key,
                "participant_key": validator.participant_key, "node_key": validator.node_key,
                "warm": self.chain.warm_account(validator.number), "staking": chain_rest.staking_validator(validator),
                "signing_info": gateway.signing_info(validator),
                "balance": self.chain.ledger.balance[validator.account]}

    # upgrades

    def do_plan(self, command):
        """An upgrade plan that is simply there; `height` or so many blocks `ahead`."""
        self.chain.modules.schedule({"name": command["name"], "info": command.get("info", ""),
                                     "height": command.get("height", self.world.height + command.get("ahead", 1000))})
        return {"plan": self.world.plan}

    def do_cancel_plan(self, _command):
        self.world.plan = None

    def do_upgrade(self, _command):
        """The new binary runs: the halted chain goes on."""
        self.world.upgrade()

    # accounts

    def do_account(self, command):
        """The two forms of an account's address."""
        account, operator = both_forms(payload(command["address"])[1])
        return {"account": account, "operator": operator}

    def do_balance(self, command):
        self.chain.ledger.balance[command["address"]] = command["amount"]

    def do_grant(self, command):
        """A grant of one message type, or without `message` all of a warm key, for so many seconds of chain time."""
        until = self.world.now + round(command["seconds"] * NANO) if "seconds" in command else self.world.now + YEAR_NS
        if "message" in command:
            self.chain.ledger.grant(command["granter"], command["grantee"], command["message"], until)
        else:
            self.chain.ledger.grant_warm(command["granter"], command["grantee"], until)

    def do_revoke(self, command):
        pair = (command["granter"], command["grantee"])
        self.chain.ledger.grants = [entry for entry in self.chain.ledger.grants if entry[:2] != pair]
        self.chain.ledger.allowances = [entry for entry in self.chain.ledger.allowances if entry[:2] != pair]

    # nodes

    def do_node(self, command):
        """Makes one node behave; `manner` is a word or a list of words."""
        manners = command.get("manner", "good")
        node = self.chain.nodes[command["i"]]
        node.behave([manners] if isinstance(manners, str) else manners, command)
        return {"node": node.addresses()}

    # transactions

    def do_refuse(self, command):
        """The next transactions are refused with this code and log."""
        refusal = chain_transactions.response(command["code"], command.get("codespace", "sdk"), command["log"])
        self.chain.transactions.refusals += [refusal] * command.get("times", 1)

    def do_swallow(self, command):
        self.chain.transactions.swallow = command.get("times", 1)

    def do_min_fee(self, command):
        self.chain.transactions.min_fee = command["amount"]

    def do_sequence(self, command):
        """Sets an account's sequence, as a transaction from elsewhere would; without `sequence` only tells it."""
        if "sequence" in command:
            self.chain.ledger.sequence[command["address"]] = command["sequence"]
        return {"sequence": self.chain.ledger.sequence[command["address"]],
                "account_number": self.chain.ledger.account_number(command["address"])}

    def do_at_once(self, command):
        """Whether a transaction makes its own block."""
        self.chain.transactions.at_once = command["yes"]

    def do_broadcast(self, command):
        return {"response": self.chain.transactions.broadcast(command["transaction"])}

    def do_simulate(self, command):
        return {"error_text": self.chain.transactions.simulate(command["transaction"])}

    def do_transaction(self, command):
        """What became of a transaction, None when no block holds it."""
        return {"response": self.chain.transactions.done.get(command["txhash"])}

    def do_rest(self, command):
        """What the gateway of a good node says: status and body."""
        try:
            view = self.chain.nodes[command.get("i", 0)].view()
            return {"status": 200, "body": chain_rest.Gateway(self.chain, view).answer(command["path"],
                                                                                      command.get("query", {}))}
        except chain_rest.Refusal as refusal:
            return {"status": refusal.status, "body": refusal.body}
