"""One answer in other dialects of JSON: integers as numbers, as strings, or as releases before v0.2.10 printed them."""
import re

INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,18})")
WORDS = {"title", "summary", "metadata", "info", "name", "version", "moniker", "failed_reason"}
ENUMS = {"PROPOSAL_STATUS_": ("UNSPECIFIED", "DEPOSIT_PERIOD", "VOTING_PERIOD", "PASSED", "REJECTED", "FAILED"),
         "VOTE_OPTION_": ("UNSPECIFIED", "YES", "ABSTAIN", "NO", "NO_WITH_VETO"),
         "BOND_STATUS_": ("UNSPECIFIED", "UNBONDED", "UNBONDING", "BONDED")}


def numbers(value, key=""):
    """Strings that hold an integer become numbers."""
    if isinstance(value, dict):
        return {name: numbers(entry, name) for name, entry in value.items()}
    if isinstance(value, list):
        return [numbers(entry, key) for entry in value]
    return int(value) if isinstance(value, str) and key not in WORDS and INTEGER.fullmatch(value) else value


def strings(value):
    """Integers become strings."""
    if isinstance(value, dict):
        return {name: strings(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [strings(entry) for entry in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def amino(value):
    """Enums as integers, zero fields left out, messages as a type and a value."""
    if isinstance(value, dict):
        if str(value.get("@type", "")).startswith("/cosmos."):
            kind = "cosmos-sdk/" + value["@type"].rpartition(".")[2]
            return {"type": kind, "value": amino({name: entry for name, entry in value.items() if name != "@type"})}
        made = {name: amino(entry) for name, entry in value.items()}
        return {name: entry for name, entry in made.items() if entry not in ("", "0", 0, False, None, [])}
    if isinstance(value, list):
        return [amino(entry) for entry in value]
    for prefix, names in ENUMS.items():
        if isinstance(value, str) and value.startswith(prefix):
            return names.index(value.removeprefix(prefix))
    return value


def nested(value):
    """epoch_params one level deeper, as the API of v0.2.15 printed it."""
    if isinstance(value, dict) and "epoch_stages" in value:
        return {**value, "epoch_params": {"epoch_params": value["epoch_params"]}}
    return value


ALL = {"numbers": numbers, "strings": strings, "amino": amino, "nested": nested}
