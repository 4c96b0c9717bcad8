"""upgrade-preload against a chain, a host of archives, and programs that are really run."""
import json
import os
import shutil
import signal
import subprocess
import time

import pytest
from archive_server import sha256_of, zipped
from chain_client import ChainStandin
from conftest import AGENT, wait_until
from upgrade_world import Site, archives, chain, program, site  # noqa: F401


def of(answer, name="inferenced"):
    """What the result says of one program."""
    return next(entry for entry in answer["result"]["programs"] if entry["program"] == name)


def planned(site):
    return site.preload(verb="plan")["plan"][0]


def put(path, data, mode=0o755):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as out:
        out.write(data)
    os.chmod(path, mode)


# the way it should be


def test_both_programs_are_fetched_verified_tried_and_installed(site, program):
    site.offer(program)
    answer = site.preload()
    assert answer["outcome"] == "changed", answer
    assert site.holds("node", program) and site.holds("api", program)
    assert of(answer)["said"] == "0.2.5" and not of(answer)["unverified"]


def test_nothing_is_left_in_the_work_folder_or_beside_the_upgrades(site, program):
    site.offer(program)
    site.preload()
    assert os.listdir(site.work) == []
    assert sorted(os.listdir(os.path.join(site.homes["node"], "cosmovisor"))) == ["current", "genesis", "upgrades"]


def test_the_second_run_asks_for_nothing(site, program):
    site.offer(program)
    assert site.preload()["outcome"] == "changed"
    asked = len(site.archives.requests)
    assert site.preload()["outcome"] == "ok"
    assert len(site.archives.requests) == asked


def test_a_dry_run_fetches_and_changes_nothing_and_names_all(site, program):
    site.offer(program)
    plan = planned(site)
    assert plan["outcome"] == "changed"
    assert [act["verb"] for act in plan["acts"]] == ["fetch", "install"] * 2
    assert plan["acts"][1]["object"] == site.path("node")
    assert site.nothing_installed() and not site.archives.requests and not os.listdir(site.work)


def test_no_upgrade_is_no_news(site):
    answer = site.preload()
    assert (answer["outcome"], answer["summary"]) == ("ok", "no upgrade is scheduled")


def test_what_was_installed_is_told_as_an_event(site, program, start):
    site.offer(program)
    start(site.world)
    event = site.world.wait_for(rec="event", topic="upgrade.preloaded")[0]
    assert "v0.2.5" in json.dumps(event) and site.holds("api", program)


def test_one_home_alone_is_enough(site, program):
    site.options(api_home=None)
    site.offer(program)
    assert site.preload()["outcome"] == "changed"
    assert site.holds("node", program) and not os.path.exists(site.path("api"))


def test_a_plain_program_and_a_tar_are_taken_too(site, program):
    from archive_server import tarred
    node = site.archives.put("inferenced", program)
    api = site.archives.put("api.tar.gz", tarred([("build/decentralized-api", program)]))
    site.schedule(binaries={"linux/amd64": node}, api_binaries={"any": api})
    assert site.preload()["outcome"] == "changed"
    assert site.holds("node", program) and site.holds("api", program)


# where the upgrade is learned from


def test_an_upgrade_given_by_hand(site, program):
    url = site.archives.put("post1.zip", zipped([("inferenced", program)]))
    info = os.path.join(site.folder, "info.json")
    with open(info, "w", encoding="utf-8") as out:
        json.dump({"binaries": {"linux/amd64": url}}, out)
    site.options(api_home=None)
    answer = site.preload("name=v0.2.5-post1", f"info=@{info}")
    assert answer["outcome"] == "changed", answer
    assert site.holds("node", program, "v0.2.5-post1")


def test_half_an_upgrade_given_by_hand_is_refused(site):
    answer = site.preload("name=v0.2.5-post1")
    assert answer["outcome"] == "refused" and "info=@file" in answer["summary"]


def test_a_name_that_leads_elsewhere_is_refused(site, program):
    url = site.archives.put("x.zip", zipped([("inferenced", program)]))
    answer = site.preload("name=../../x", "info=" + json.dumps({"binaries": {"linux/amd64": url}}))
    assert answer["outcome"] == "refused" and "folder" in answer["summary"]
    assert not site.archives.requests


def test_such_a_name_on_the_chain_is_refused_too(site, program):
    site.offer(program, name="../v9")
    assert site.preload()["outcome"] == "refused"
    assert not site.archives.requests


def test_a_single_node_cannot_make_this_host_fetch_something(site, program):
    """Two healthy nodes of the same chain; one of them tells of an upgrade that the other has never heard of."""
    with ChainStandin(height=1000) as other:
        other.do("run", blocks_per_second=2, real_time=True)
        site.options(sources=[other.nodes[1]["proxy"]], max_lag=100000)
        site.offer(program)
        answer = site.preload()
    assert answer["outcome"] == "unknown" and "do not agree" in answer["summary"]
    assert not site.archives.requests


def test_no_node_to_ask_is_unknown(site):
    site.options(sources=[], node="http://127.0.0.1:9")
    assert site.preload()["outcome"] == "unknown"


# the name's letter case


def test_a_name_with_capitals_is_installed_in_both_letter_cases(site, program):
    site.offer(program, name="V0.3-RC")
    assert site.preload()["outcome"] == "changed"
    assert site.holds("node", program, "V0.3-RC") and site.holds("node", program, "v0.3-rc")


@pytest.mark.parametrize("case,there,absent", [("chain", "V0.3-RC", "v0.3-rc"), ("lower", "v0.3-rc", "V0.3-RC")])
def test_one_letter_case_when_that_is_asked_for(site, program, case, there, absent):
    site.options(letter_case=case)
    site.offer(program, name="V0.3-RC")
    assert site.preload()["outcome"] == "changed"
    assert site.holds("node", program, there) and not os.path.exists(site.path("node", absent))


# what is there already


def test_a_folder_without_a_program_is_filled(site, program):
    os.makedirs(os.path.join(site.homes["node"], "cosmovisor/upgrades/v0.2.5"))
    site.offer(program)
    assert site.preload()["outcome"] == "changed"
    assert site.holds("node", program)


def test_the_right_program_put_there_by_hand_is_recognised_and_left_alone(site, program):
    put(site.path("node"), program)
    before = os.stat(site.path("node")).st_ino
    site.offer(program)
    site.preload()
    assert os.stat(site.path("node")).st_ino == before and site.holds("node", program)


def test_the_right_program_that_cannot_be_executed_is_mended(site, program):
    site.offer(program)
    site.preload()
    os.chmod(site.path("node"), 0o644)
    assert site.preload()["outcome"] == "changed"
    assert site.holds("node", program)


def test_another_program_is_left_alone(site, program):
    put(site.path("node"), b"\177ELF somebody's own")
    site.offer(program)
    answer = site.preload()
    assert answer["outcome"] == "refused" and "replace=true" in answer["summary"]
    assert sha256_of(site.path("node")) == sha256_of(b"\177ELF somebody's own")


def test_another_program_is_replaced_when_that_is_asked_for(site, program):
    put(site.path("node"), b"\177ELF somebody's own")
    site.offer(program)
    assert site.preload("replace=true")["outcome"] == "changed"
    assert site.holds("node", program)


def test_the_program_that_runs_now_is_never_replaced(site, program):
    put(site.path("node"), b"\177ELF running")
    current = os.path.join(site.homes["node"], "cosmovisor/current")
    os.unlink(current)
    os.symlink("upgrades/v0.2.5", current)
    site.offer(program)
    answer = site.preload("replace=true")
    assert answer["outcome"] == "refused" and "runs it now" in answer["summary"]
    assert sha256_of(site.path("node")) == sha256_of(b"\177ELF running")


@pytest.mark.parametrize("level", ["upgrades", "upgrades/v0.2.5", "upgrades/v0.2.5/bin"])
def test_a_link_on_the_way_is_not_followed(site, program, level):
    elsewhere = os.path.join(site.homes["node"], "elsewhere")
    os.mkdir(elsewhere)
    link = os.path.join(site.homes["node"], "cosmovisor", level)
    os.makedirs(os.path.dirname(link), exist_ok=True)
    os.symlink(elsewhere, link)
    site.offer(program)
    answer = site.preload()
    assert answer["outcome"] == "refused" and "link" in answer["summary"]
    assert os.listdir(elsewhere) == []


# the daemon killed while it works


def test_killed_at_any_point_leaves_no_folder_without_a_program_and_the_next_run_finishes(site, program):
    """The whole run is ended at moments spread over its length; what matters is whole after each, and in the end."""
    big = program + os.urandom(24 << 20)
    site.offer(big, big)
    words = [AGENT, "run", "-c", site.world.manifest, "upgrade-preload", "preload"]
    for delay in [0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6]:
        run = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        time.sleep(delay)
        os.killpg(run.pid, signal.SIGKILL)
        run.wait(30)
        assert site.whole()
    wait_until(lambda: site.preload()["outcome"] in ("ok", "changed"), "the last run ends well")
    assert site.whole() and site.holds("node", big) and site.holds("api", big)
    shutil.rmtree(site.work)


# a passed proposal whose plan is not (or not yet) there


@pytest.fixture
def quick_chain():
    """A chain on which a vote takes two seconds."""
    with ChainStandin(height=1000, gov_params={"voting_period": "2s"}) as running:
        running.do("run", blocks_per_second=4, real_time=True)
        yield running


def passed(chain, **proposal):
    number = chain.do("propose", **proposal)["id"]
    for validator in range(len(chain.validators)):
        chain.do("vote", id=number, validator=validator, option="yes")
    wait_until(lambda: chain.do("proposal", id=number)["proposal"]["status"] == "PROPOSAL_STATUS_PASSED", "it passes")


@pytest.fixture
def proposed(tmp_path, quick_chain, archives, program):
    """A host whose chain has passed an upgrade."""
    site = Site(tmp_path, quick_chain, archives)
    url = archives.put("a.zip", zipped([("inferenced", program)]))
    passed(quick_chain, kind="upgrade", name="v0.2.6", height=900000,
           info=json.dumps({"binaries": {"linux/amd64": url}}))
    return site


def test_a_passed_proposal_is_enough(proposed, program):
    proposed.chain.do("cancel_plan")  # the plan is not shown (any more), and no proposal says why
    answer = proposed.preload()
    assert answer["outcome"] == "changed", answer
    assert "proposal 1" in answer["result"]["plan"]["from"] and proposed.holds("node", program, "v0.2.6")


def test_one_that_was_cancelled_is_not(proposed):
    passed(proposed.chain, kind="cancel_upgrade")
    assert proposed.preload()["summary"] == "no upgrade is scheduled"
    assert not proposed.archives.requests


def test_an_api_that_the_upgrade_leaves_as_it_is(proposed):
    """The plan has no map for the API: that is not an error, and its home is not touched."""
    answer = proposed.preload()
    assert of(answer, "decentralized-api")["outcome"] == "ok"
    assert not os.path.exists(os.path.join(proposed.homes["api"], "cosmovisor/upgrades"))
