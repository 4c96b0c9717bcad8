"""flight-check: GO or NO-GO with the evidence line by line; each line alone turns the verdict."""
import os
import time

import pytest
from chain_client import ChainStandin
from conftest import wait_until
from upgrade_world import archives, compiled, program, site  # noqa: F401


@pytest.fixture
def chain():
    """One of its own for each test: nodes are made to misbehave. Block times are the clock's."""
    with ChainStandin(height=1000, time=time.time()) as running:
        running.do("run", blocks_per_second=4, real_time=True)
        wait_until(lambda: running.do("state")["height"] > 1004, "a few blocks")
        yield running


@pytest.fixture
def ready(site, program):
    """A host that has everything: GO."""
    os.makedirs(os.path.join(site.homes["node"], "data/snapshots/900"))
    site.offer(program)
    site.options(margin="1MB")
    assert site.preload()["outcome"] == "changed"
    return site


def check(site):
    answer = site.world.json("run", "upgrade-preload", "flight-check")
    return answer, {line["what"]: line for line in answer["result"].get("lines", ())}


def test_go_when_everything_is_there(ready):
    answer, lines = check(ready)
    assert (answer["outcome"], answer["result"]["verdict"]) == ("ok", "go"), answer["text"]
    assert set(lines) == {"inferenced", "decentralized-api", "disk", "snapshot", "height", "phase", "node", "peers",
                          "signer"}
    assert "0.2.5" in lines["inferenced"]["text"] and lines["signer"]["light"] == "go"
    assert answer["text"].startswith("GO for upgrade v0.2.5 at height")


def test_it_says_when_and_in_which_phase(ready):
    _, lines = check(ready)
    assert "blocks to go" in lines["height"]["text"] and "UTC (in " in lines["height"]["text"]
    assert lines["phase"]["text"].split()[-1] in ("Inference", "PoCGenerate", "PoCValidate") or \
        lines["phase"]["light"] == "warn"


def test_no_upgrade_is_no_flight(site):
    answer, _ = check(site)
    assert (answer["outcome"], answer["result"]["verdict"]) == ("ok", "none")


def test_no_go_when_a_program_is_missing(ready):
    os.unlink(ready.path("api"))
    answer, lines = check(ready)
    assert (answer["outcome"], answer["result"]["verdict"]) == ("refused", "no-go")
    assert lines["decentralized-api"]["light"] == "no-go" and lines["inferenced"]["light"] == "go"


def test_no_go_when_a_program_was_exchanged(ready):
    with open(ready.path("node"), "ab") as out:
        out.write(b"x")
    answer, lines = check(ready)
    assert answer["result"]["verdict"] == "no-go" and "another program" in lines["inferenced"]["text"]


def test_no_go_when_a_program_was_never_compared(site, program):
    os.makedirs(os.path.dirname(site.path("node")))
    with open(site.path("node"), "wb") as out:
        out.write(program)
    site.options(margin="1MB", api_home=None)
    site.offer(program)
    answer, lines = check(site)
    assert answer["result"]["verdict"] == "no-go" and "never compared" in lines["inferenced"]["text"]


def test_no_go_when_a_program_does_not_run_any_more(site):
    """It runs as long as a file is there, as one whose library goes."""
    flag = os.path.join(site.homes["node"], "flag")
    with open(flag, "w", encoding="ascii"):
        pass
    site.offer(compiled(site.folder, behave=f'if (access("{flag}", F_OK)) return 5'))
    site.options(margin="1MB")
    assert site.preload()["outcome"] == "changed"
    os.unlink(flag)
    answer, lines = check(site)
    assert answer["result"]["verdict"] == "no-go" and "status 5" in lines["inferenced"]["text"]


def test_a_program_without_a_checksum_is_a_warning(site, program):
    from archive_server import zipped
    url = site.archives.put("a.zip", zipped([("inferenced", program)])).split("?")[0]
    site.options(margin="1MB", api_home=None, allow_unverified=True)
    site.schedule(binaries={"linux/amd64": url})
    assert site.preload()["outcome"] == "changed"
    asked = len(site.archives.requests)
    assert site.preload()["outcome"] == "ok" and len(site.archives.requests) == asked
    answer, lines = check(site)
    assert answer["result"]["verdict"] == "go" and "NOT VERIFIED" in lines["inferenced"]["text"]


def test_no_go_without_room_for_the_copy_of_the_data(ready):
    ready.options(margin="900PB")
    answer, lines = check(ready)
    assert answer["result"]["verdict"] == "no-go" and "needed" in lines["disk"]["text"]


def test_the_data_is_measured(ready):
    with open(os.path.join(ready.homes["node"], "data/big"), "wb") as out:
        out.write(os.urandom(5000000))
    _, lines = check(ready)
    assert "5.0 MB for the copy" in lines["disk"]["text"], lines["disk"]
    ready.options(margin="1MB", backup=False)
    _, lines = check(ready)
    assert "0 B for the copy" in lines["disk"]["text"]


@pytest.mark.parametrize("age_days,light", [(0, "go"), (5, "warn"), (None, "warn")])
def test_a_snapshot_that_is_old_or_missing_is_a_warning(ready, age_days, light):
    folder = os.path.join(ready.homes["node"], "data/snapshots/900")
    if age_days is None:
        os.rmdir(folder)
    else:
        os.utime(folder, (time.time() - age_days * 86400,) * 2)
    answer, lines = check(ready)
    assert lines["snapshot"]["light"] == light and answer["result"]["verdict"] == "go"


def test_no_go_with_too_few_peers(ready):
    ready.options(margin="1MB", min_peers=50)
    answer, lines = check(ready)
    assert answer["result"]["verdict"] == "no-go" and "50 wanted" in lines["peers"]["text"]


def test_no_go_when_the_signer_is_silent(ready):
    ready.chain.do("miss", validator=0, blocks=1000)
    height = ready.chain.do("state")["height"]
    wait_until(lambda: ready.chain.do("state")["height"] > height + 8, "eight blocks")
    answer, lines = check(ready)
    assert answer["result"]["verdict"] == "no-go" and "tmkms" in lines["signer"]["text"]


def test_a_node_that_signs_nothing_is_a_warning(ready):
    ready.chain.do("jail", validator=0)
    answer, lines = check(ready)
    assert lines["signer"]["light"] == "warn" and answer["result"]["verdict"] == "go"


def test_unknown_when_this_hosts_node_does_not_answer(ready):
    ready.options(margin="1MB", agree=1)
    ready.chain.do("node", i=0, manner="dead")
    answer, lines = check(ready)
    assert (answer["outcome"], answer["result"]["verdict"]) == ("unknown", "unknown"), answer["text"]
    assert lines["node"]["light"] == "unknown"


def test_no_go_when_this_hosts_node_is_behind(ready):
    ready.options(margin="1MB", agree=1)
    ready.chain.do("node", i=0, manner="catching_up")
    answer, lines = check(ready)
    assert answer["result"]["verdict"] == "no-go" and lines["node"]["light"] == "no-go"


def test_no_node_to_ask_is_unknown(site):
    site.options(sources=[], node="http://127.0.0.1:9")
    assert check_outcome(site) == "unknown"


def check_outcome(site):
    return site.world.json("run", "upgrade-preload", "flight-check")["outcome"]


def test_a_chain_that_stands_still_is_told_and_its_programs_can_be_had_yet(site, program):
    """As at the upgrade's height, when it is late but not too late."""
    site.offer(program)
    site.chain.do("halt")
    height = site.chain.do("state")["height"]
    site.options(margin="1MB", max_age="1s")
    stood_since = time.monotonic()
    wait_until(lambda: time.monotonic() - stood_since > 1.5, "the newest block is too old")
    assert site.preload()["outcome"] == "changed" and site.holds("node", program)
    answer, lines = check(site)
    assert lines["chain"]["light"] == "warn" and site.chain.do("state")["height"] == height, answer["text"]


def test_an_event_comes_when_the_verdict_changes_and_only_then(ready):
    found = []
    for step in ("first", "same", "lost", "same"):
        if step == "lost":
            os.unlink(ready.path("api"))
        done = ready.world.cli("run", "upgrade-preload", "flight-check")
        found.append((done.stdout + done.stderr).count("event upgrade.flight"))
    assert found == [1, 0, 1, 0]
    _, lines = check(ready)
    assert lines["decentralized-api"]["light"] == "no-go"


def test_the_verdict_before_is_remembered(ready):
    seen = []
    for lost in (False, False, True, True):
        if lost and os.path.exists(ready.path("api")):
            os.unlink(ready.path("api"))
        result = check(ready)[0]["result"]
        seen.append((result["was"], result["verdict"]))
    assert seen == [("", "go"), ("go", "go"), ("go", "no-go"), ("no-go", "no-go")]


def test_a_dry_run_tells_nobody(ready):
    before = ready.world.json("plan", "upgrade-preload", "flight-check")
    answer, _ = check(ready)
    assert before and answer["result"]["was"] == ""
