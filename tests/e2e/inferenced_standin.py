#!/usr/bin/python3
"""A program that behaves as the `inferenced` command line against the chain stand-in.

It is copied or linked as `inferenced`; beside it lies `inferenced.json` (or INFERENCED_STANDIN names that file):
  control   the stand-in's control URL
  record    a file that gets a line of JSON for each call: argv, stdin, environment
  keys      name of a key -> account address
  password  of the keyring; nothing is asked for with --keyring-backend test
  node_key  what show-validator prints
  version   what version prints
  node      the RPC that is used without --node
  wait_s    how long each call takes
  fail      {"code": 1, "stderr": "..."}: each call ends so, before it does anything
"""
import base64
import json
import os
import re
import sys
import time
import urllib.error
import urllib.request

SWITCHES = {"yes", "unordered", "generate-only", "offline", "dry-run", "address", "pubkey", "long", "help", "expedited",
            "no-validate", "no-checksum-required", "count-total", "reverse"}
VALUES = {"from", "keyring-backend", "keyring-dir", "home", "node", "chain-id", "gas", "gas-adjustment", "gas-prices",
          "fees",
          "fee-granter", "fee-payer", "sequence", "account-number", "timeout-duration", "timeout-height", "output",
          "note",
          "broadcast-mode", "sign-mode", "title", "summary", "metadata", "deposit", "upgrade-height", "upgrade-info",
          "bech",
          "height", "status", "granter", "grantee", "log_level"}
SHORT = {"y": "yes", "o": "output", "a": "address", "p": "pubkey", "b": "broadcast-mode", "n": "node"}
OPTIONS = ("yes", "abstain", "no", "no_with_veto")
GOV_AUTHORITY = "gonka10d07y265gmmuvt4z0w9aw880jnsr700j2h5m33"


class Wrong(Exception):
    """Ends the program with `Error: ...` and status 1."""


class Call:
    """One call of the program: its words, flags, and what it read."""

    def __init__(self, argv, config):
        self.config = config
        self.words, self.flags = parsed(argv)
        self.read = ""

    def control(self, command):
        request = urllib.request.Request(self.config["control"], json.dumps(command).encode())
        with urllib.request.urlopen(request, timeout=30) as reply:
            answer = json.load(reply)
        if not answer["ok"]:
            raise Wrong(answer["error"])
        return answer

    def line(self):
        text = sys.stdin.readline()
        self.read += text
        return text

    def unlock(self):
        """Asks for the keyring's password as often as the real program does."""
        if self.flags.get("keyring-backend", "file") == "test":
            return
        for attempt in range(1, 4):
            sys.stderr.write(f"Enter keyring passphrase (attempt {attempt}/3):\n")
            text = self.line()
            if not text:
                raise Wrong("EOF")
            if text.rstrip("\n") == self.config.get("password", "correct horse"):
                return
            sys.stderr.write("incorrect passphrase\n")
        raise Wrong("too many failed passphrase attempts")

    def key(self, name):
        """The address of a key; an address needs no keyring."""
        if name.startswith("gonka1") and "generate-only" in self.flags:
            return name
        self.unlock()
        for known, address in self.config.get("keys", {}).items():
            if name in (known, address):
                return address
        raise Wrong(f"{name}.info: key not found")

    def ask_node(self):
        """The status of the node that the command line names; the errors of the real program's client."""
        place = self.flags.get("node", self.config.get("node", "tcp://localhost:26657")).replace("tcp://", "http://")
        body = json.dumps({"jsonrpc": "2.0", "id": 0, "method": "status", "params": {}}).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(place, body), timeout=20) as reply:
                text = reply.read()
        except urllib.error.HTTPError as error:
            text = error.read()
        except OSError as error:
            raise Wrong(f"post failed: Post \"{place}\": {getattr(error, 'reason', error)}") from error
        try:
            return json.loads(text)["result"]
        except (ValueError, KeyError) as error:
            raise Wrong("error in json rpc client: error unmarshalling: invalid character "
                        f"'{text[:1].decode(errors='replace')}' looking for beginning of value") from error


def parsed(argv):
    """(words, flags) as cobra takes them: `--name value`, `--name=value`, switches without a value."""
    words, flags, rest = [], {}, list(argv)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or word == "-":
            words.append(word)
            continue
        name, mark, value = word.lstrip("-").partition("=")
        name = SHORT.get(name, name) if not word.startswith("--") else name
        if name not in SWITCHES | VALUES:
            raise Wrong(f"unknown flag: {word.partition('=')[0]}")
        if mark:
            flags[name] = value
        elif name in SWITCHES:
            flags[name] = "true"
        elif rest:
            flags[name] = rest.pop(0)
        else:
            raise Wrong(f"flag needs an argument: {word}")
    return words, flags


def amount(text):
    found = re.fullmatch(r"([0-9]+)ngonka", text)
    if not found:
        raise Wrong(f"invalid decimal coin expression: {text}")
    return int(found[1])


def whole(text, what):
    if not text.isdigit():
        raise Wrong(f"{what} {text} not a valid uint, please input a valid {what}")
    return int(text)


def show(value):
    sys.stdout.write(json.dumps(value, separators=(",", ":")) + "\n")


def show_as_text(value, indent=""):
    """Roughly what the real program prints as YAML."""
    for name, entry in value.items():
        if isinstance(entry, dict):
            sys.stdout.write(f"{indent}{name}:\n")
            show_as_text(entry, indent + "  ")
        elif isinstance(entry, list) and entry and isinstance(entry[0], dict):
            sys.stdout.write(f"{indent}{name}:\n")
            for row in entry:
                sys.stdout.write(f"{indent}-\n")
                show_as_text(row, indent + "  ")
        else:
            sys.stdout.write(f"{indent}{name}: {json.dumps(entry)}\n")


# transactions


def vote_messages(call, sender):
    _, _, _, number, option = exactly(call.words, 5)
    option = option.lower().replace("-", "_")
    if option not in OPTIONS:
        raise Wrong(f"'{option}' is not a valid vote option, available options: yes/no/no-with-veto/abstain")
    return [{"@type": "/cosmos.gov.v1.MsgVote", "proposal_id": str(whole(number, "proposal-id")), "voter": sender,
             "option": "VOTE_OPTION_" + option.upper(), "metadata": call.flags.get("metadata", "")}]


def deposit_messages(call, sender):
    _, _, _, number, coin = exactly(call.words, 5)
    return [{"@type": "/cosmos.gov.v1.MsgDeposit", "proposal_id": str(whole(number, "proposal-id")),
             "depositor": sender,
             "amount": [{"denom": "ngonka", "amount": str(amount(coin))}]}]


def proposal_messages(call, sender):
    path = exactly(call.words, 4)[3]
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except (OSError, ValueError) as error:
        raise Wrong(str(error)) from error
    unknown = set(content) - {"messages", "metadata", "deposit", "title", "summary", "expedited"}
    if unknown:
        raise Wrong(f"json: unknown field \"{sorted(unknown)[0]}\"")
    if not content.get("title") or not content.get("summary"):
        raise Wrong("proposal title and summary must not be empty")
    return [submission(content["messages"], content.get("deposit", ""), content, sender)]


def submission(messages, deposit, content, sender):
    coins = [{"denom": "ngonka", "amount": str(amount(deposit))}] if deposit else []
    return {"@type": "/cosmos.gov.v1.MsgSubmitProposal", "messages": messages, "initial_deposit": coins,
            "proposer": sender, "metadata": content.get("metadata", ""), "title": content.get("title", ""),
            "summary": content.get("summary", ""), "expedited": bool(content.get("expedited", False))}


def upgrade_messages(call, sender):
    name = exactly(call.words, 4)[3]
    for flag in ("title", "upgrade-height", "summary", "deposit"):
        if flag not in call.flags:
            raise Wrong(f"required flag(s) \"{flag}\" not set")
    plan = {"name": name, "time": "0001-01-01T00:00:00Z", "height": str(whole(call.flags["upgrade-height"], "height")),
            "info": call.flags.get("upgrade-info", ""), "upgraded_client_state": None}
    message = {"@type": "/cosmos.upgrade.v1beta1.MsgSoftwareUpgrade", "authority": GOV_AUTHORITY, "plan": plan}
    return [submission([message], call.flags["deposit"], call.flags, sender)]


def unjail_messages(call, sender):
    exactly(call.words, 3)
    operator = call.control({"do": "account", "address": sender})["operator"]
    return [{"@type": "/cosmos.slashing.v1beta1.MsgUnjail", "validator_addr": operator}]


def exec_messages(call, sender):
    path = exactly(call.words, 4)[3]
    try:
        with open(path, encoding="utf-8") as file:
            inner = json.load(file)["body"]["messages"]
    except (OSError, ValueError, KeyError) as error:
        raise Wrong(str(error)) from error
    return [{"@type": "/cosmos.authz.v1beta1.MsgExec", "grantee": sender, "msgs": inner}]


TRANSACTIONS = {("gov", "vote"): vote_messages, ("gov", "deposit"): deposit_messages,
                ("gov", "submit-proposal"): proposal_messages, ("upgrade", "software-upgrade"): upgrade_messages,
                ("slashing", "unjail"): unjail_messages, ("authz", "exec"): exec_messages}


def exactly(words, count):
    """The words, when there are so many."""
    if len(words) != count:
        raise Wrong(f"accepts {count} words with those of the command, received {len(words)}")
    return words


def check_timeout(flags):
    """An unordered transaction must say how long it is good for."""
    if "unordered" not in flags:
        return
    found = re.fullmatch(r"([0-9]+)(s|m)", flags.get("timeout-duration", ""))
    if not found:
        raise Wrong("unordered transactions must have a timeout: use --timeout-duration or --timeout-timestamp")
    if int(found[1]) * (60 if found[2] == "m" else 1) > 600:
        raise Wrong("unordered transaction ttl exceeds 10m0s: invalid request")


def transact(call):
    """`tx <module> <command>`: builds it, asks what has to be asked, signs, and sends."""
    flags = call.flags
    if call.words[1:2] == ["sign"]:
        return sign(call)
    if call.words[1:2] == ["broadcast"]:
        return broadcast(call)
    build = TRANSACTIONS.get(tuple(call.words[1:3]))
    if build is None:
        raise Wrong(f"unknown command \"{' '.join(call.words[1:3])}\" for \"inferenced tx\"")
    if "from" not in flags:
        raise Wrong("required flag(s) \"from\" not set")
    check_timeout(flags)
    sender = call.key(flags["from"])
    messages = build(call, sender)
    made = {"from": sender, "messages": messages, "fee": amount(flags["fees"]) if flags.get("fees") else 0,
            "fee_granter": flags.get("fee-granter", ""), "unordered": "unordered" in flags,
            "sequence": whole(flags["sequence"], "sequence") if "sequence" in flags else None,
            "chain_id": flags.get("chain-id", "")}
    if "generate-only" in flags:
        return show(unsigned(messages, made, flags))
    made["network"] = call.ask_node()["node_info"]["network"]
    if flags.get("gas") == "auto":
        words = call.control({"do": "simulate", "transaction": made})["error_text"]
        if words:
            raise Wrong(words)
        sys.stderr.write("gas estimate: 123456\n")
    if "yes" not in flags:
        sys.stderr.write("confirm transaction before signing and broadcasting [y/N]: ")
        if call.line().strip().lower() not in ("y", "yes"):
            sys.stderr.write("canceled transaction\n")
            return None
    return send(call, made)


def unsigned(messages, made, flags):
    """An unsigned transaction as --generate-only prints it."""
    fee = [{"denom": "ngonka", "amount": str(made["fee"])}] if made["fee"] else []
    gas = flags.get("gas", "200000")
    return {"body": {"messages": messages, "memo": flags.get("note", ""), "timeout_height": "0",
                     "unordered": made["unordered"], "extension_options": [], "non_critical_extension_options": []},
            "auth_info": {"signer_infos": [], "fee": {"amount": fee, "gas_limit": "200000" if gas == "auto" else gas,
                                                      "payer": "", "granter": made["fee_granter"]}, "tip": None},
            "signatures": []}


def from_file(call):
    path = exactly(call.words, 3)[2]
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        raise Wrong(str(error)) from error


def sign(call):
    """Prints the transaction with a signature, which here tells who signed, for which chain, with which sequence."""
    transaction = from_file(call)
    if "chain-id" not in call.flags:
        raise Wrong("required flag(s) \"chain-id\" not set")
    if "offline" in call.flags and not {"account-number", "sequence"} <= set(call.flags):
        raise Wrong("required flag(s) \"account-number\", \"sequence\" not set")
    if "offline" not in call.flags:
        call.ask_node()
    sender = call.key(call.flags.get("from", ""))
    if "sequence" in call.flags:
        sequence = whole(call.flags["sequence"], "sequence")
    else:
        sequence = call.control({"do": "sequence", "address": sender})["sequence"]
    seal = {"from": sender, "chain_id": call.flags["chain-id"], "sequence": sequence}
    show({**transaction, "signatures": [base64.b64encode(json.dumps(seal).encode()).decode()]})


def broadcast(call):
    transaction = from_file(call)
    network = call.ask_node()["node_info"]["network"]
    if not transaction["signatures"]:
        call.control({"do": "refuse", "code": 15, "log": "no signatures supplied"})
    seal = json.loads(base64.b64decode(transaction["signatures"][0])) if transaction["signatures"] else {"from": ""}
    fee = transaction["auth_info"]["fee"]
    send(call, {**seal, "messages": transaction["body"]["messages"], "network": network, "fee_granter": fee["granter"],
                "fee": sum(int(coin["amount"]) for coin in fee["amount"]),
                "unordered": transaction["body"]["unordered"]})


def send(call, made):
    answer = call.control({"do": "broadcast", "transaction": made})["response"]
    (show_as_text if call.flags.get("output", "json") == "text" else show)(answer)


# questions


def question(words):
    """The path of the gateway's answer that is what a query prints."""
    gov, inference = "cosmos/gov/v1/", "productscience/inference/inference/"
    kinds = {("gov", "tally"): gov + "proposals/{0}/tally", ("gov", "proposal"): gov + "proposals/{0}",
             ("gov", "proposals"): gov + "proposals", ("gov", "votes"): gov + "proposals/{0}/votes",
             ("gov", "vote"): gov + "proposals/{0}/votes/{1}", ("gov", "params"): gov + "params/voting",
             ("staking", "delegator-validators"): "cosmos/staking/v1beta1/delegators/{0}/validators",
             ("staking", "validator"): "cosmos/staking/v1beta1/validators/{0}",
             ("staking", "validators"): "cosmos/staking/v1beta1/validators",
             ("slashing", "params"): "cosmos/slashing/v1beta1/params",
             ("slashing", "signing-info"): "cosmos/slashing/v1beta1/signing_infos/{0}",
             ("upgrade", "plan"): "cosmos/upgrade/v1beta1/current_plan",
             ("bank", "balances"): "cosmos/bank/v1beta1/balances/{0}",
             ("auth", "account"): "cosmos/auth/v1beta1/accounts/{0}",
             ("inference", "params"): inference + "params"}
    if tuple(words[1:3]) not in kinds:
        raise Wrong(f"unknown command \"{' '.join(words[1:3])}\" for \"inferenced query\"")
    try:
        return kinds[tuple(words[1:3])].format(*words[3:])
    except IndexError as error:
        raise Wrong(f"accepts more arg(s), received {len(words) - 3}") from error


def query(call):
    call.ask_node()
    printer = show if call.flags.get("output", "text") == "json" else show_as_text
    if call.words[1:2] == ["tx"]:
        answer = call.control({"do": "transaction", "txhash": exactly(call.words, 3)[2]})["response"]
        if answer is None:
            raise Wrong(f"tx ({call.words[2]}) not found")
        return printer(answer)
    answer = call.control({"do": "rest", "path": question(call.words)})
    if answer["status"] != 200:
        raise Wrong(f"rpc error: code = NotFound desc = {answer['body']['message']}: key not found")
    return printer(answer["body"])


def keys(call):
    if call.words[1:2] != ["show"] or len(call.words) != 3:
        raise Wrong(f"unknown command \"{' '.join(call.words[1:])}\" for \"inferenced keys\"")
    address = call.key(call.words[2])
    if call.flags.get("bech") == "val":
        address = call.control({"do": "account", "address": address})["operator"]
    if "address" in call.flags:
        sys.stdout.write(address + "\n")
    else:
        (show if call.flags.get("output") == "json" else show_as_text)(
            {"name": call.words[2], "type": "local", "address": address, "pubkey": ""})


def comet(call):
    if call.words[1:] != ["show-validator"]:
        raise Wrong(f"unknown command \"{' '.join(call.words[1:])}\" for \"inferenced comet\"")
    show({"@type": "/cosmos.crypto.ed25519.PubKey", "key": call.config.get("node_key", "")})


def version(call):
    text = call.config.get("version", "0.2.9")
    if "long" in call.flags:
        show_as_text({"name": "inference-chain", "server_name": "inferenced", "version": text, "commit": ""})
    else:
        sys.stdout.write(text + "\n")


COMMANDS = {"tx": transact, "query": query, "q": query, "keys": keys, "comet": comet, "tendermint": comet,
            "cometbft": comet, "status": lambda call: show(call.ask_node()), "version": version}


def record(config, call):
    if "record" in config:
        with open(config["record"], "a", encoding="utf-8") as out:
            out.write(json.dumps({"argv": sys.argv[1:], "stdin": call.read, "environment": dict(os.environ)}) + "\n")


def main():
    place = os.environ.get("INFERENCED_STANDIN",
                           os.path.join(os.path.dirname(os.path.abspath(sys.argv[0])), "inferenced.json"))
    with open(place, encoding="utf-8") as file:
        config = json.load(file)
    call = None
    try:
        call = Call(sys.argv[1:], config)
        time.sleep(config.get("wait_s", 0))
        if "fail" in config:
            sys.stderr.write(config["fail"]["stderr"])
            return config["fail"]["code"]
        if not call.words or call.words[0] not in COMMANDS:
            raise Wrong(f"unknown command \"{' '.join(call.words[:1])}\" for \"inferenced\"")
        COMMANDS[call.words[0]](call)
        return 0
    except Wrong as wrong:
        sys.stderr.write(f"Error: {wrong}\n")
        return 1
    finally:
        if call is not None:
            record(config, call)


sys.exit(main())
