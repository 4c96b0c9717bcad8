"""upgrade-preload: what is fetched, and what of it is refused; each guard is the only thing between it and the home."""
import ctypes
import os
import tarfile
import time

import pytest
from archive_server import sha256_of, tarred, zipped, zipped_link
from upgrade_world import archives, chain, compiled, machine_changed, program, site  # noqa: F401

# What the kernel knows of Landlock: landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION)
ABI = ctypes.CDLL(None).syscall(444, None, 0, 1)


def node_only(site, url, **options):
    """A plan with a program for the node alone."""
    site.options(api_home=None, **options)
    site.schedule(binaries={"linux/amd64": url})
    return site.preload()


def refused(site, answer, *words):
    assert answer["outcome"] == "refused", answer
    for word in words:
        assert word in answer["summary"], answer["summary"]
    assert site.nothing_installed()


# over the network


def test_a_cut_is_resumed_by_the_next_run(site, program):
    data = zipped([("inferenced", program + os.urandom(300000))])
    url = site.archives.put("a.zip", data, "cut")
    site.archives.cut_at["a.zip"] = len(data) // 2
    assert node_only(site, url)["outcome"] == "unknown"
    assert site.nothing_installed()
    answer = site.preload()
    assert answer["outcome"] == "changed", answer
    assert site.archives.requests[-1][1] == f"bytes={len(data) // 2}-"
    assert answer["result"]["programs"][0]["resumed"] and answer["result"]["programs"][0]["fetched"] < len(data)


@pytest.mark.parametrize("manner", ["no_ranges", "range_lie", "range_garbage"])
def test_a_host_that_is_bad_at_ranges_costs_a_second_download_only(site, program, manner):
    data = zipped([("inferenced", program + os.urandom(300000))])
    url = site.archives.put("a.zip", data, "cut")
    site.archives.cut_at["a.zip"] = len(data) // 2
    assert node_only(site, url)["outcome"] == "unknown"
    site.archives.manners["a.zip"] = manner
    assert site.preload()["outcome"] == "changed"


def test_a_part_of_another_file_is_not_used(site, program):
    """The file has changed on its host between two runs, and so has the plan."""
    first = zipped([("inferenced", os.urandom(200000))])
    url = site.archives.put("a.zip", first, "cut")
    site.archives.cut_at["a.zip"] = 100000
    assert node_only(site, url)["outcome"] == "unknown"
    url = site.archives.put("a.zip", zipped([("inferenced", program)]))
    assert node_only(site, url)["outcome"] == "changed"


def test_a_file_that_was_exchanged_is_refused(site, program):
    url = site.archives.put("a.zip", zipped([("inferenced", program)]))
    site.archives.files["a.zip"] = zipped([("inferenced", program + b"and more")])
    refused(site, node_only(site, url), "sha256")


def test_a_redirect_to_another_host_is_followed(site, program):
    url = site.archives.put("a.zip", zipped([("inferenced", program)]), "redirect")
    assert node_only(site, url.replace("127.0.0.1", "localhost"))["outcome"] == "changed"


@pytest.mark.parametrize("manner", ["circle", "weaker"])
def test_a_redirect_that_leads_nowhere_good_is_refused(site, program, manner):
    url = site.archives.put("a.zip", zipped([("inferenced", program)]), manner)
    refused(site, node_only(site, url), "redirects")


def test_a_missing_file_is_unknown(site):
    assert node_only(site, f"{site.archives.base}/none.zip?checksum=sha256:{'0' * 64}")["outcome"] == "unknown"


@pytest.mark.parametrize("manner", ["good", "endless"])
def test_an_archive_that_is_too_large_is_refused(site, program, manner):
    url = site.archives.put("a.zip", zipped([("inferenced", program + os.urandom(300000))]), manner)
    refused(site, node_only(site, url, max_archive="200kB"), "larger")


def test_without_leave_for_the_network_nothing_is_fetched(site, program):
    url = site.archives.put("a.zip", zipped([("inferenced", program)]))
    site.options(allow="[]")
    site.schedule(binaries={"linux/amd64": url})
    assert "network" in site.world.cli("run", "upgrade-preload", "preload").stderr
    assert not site.archives.requests


# checksums


def test_no_checksum_no_install(site, program):
    url = site.archives.put("a.zip", zipped([("inferenced", program)])).split("?")[0]
    refused(site, node_only(site, url), "checksum", "allow_unverified")
    assert not site.archives.requests


def test_no_checksum_is_taken_loudly_when_that_is_allowed(site, program):
    url = site.archives.put("a.zip", zipped([("inferenced", program)])).split("?")[0]
    answer = node_only(site, url, allow_unverified=True)
    assert answer["outcome"] == "changed" and site.holds("node", program)
    assert answer["result"]["programs"][0]["unverified"] and "NOT VERIFIED" in answer["text"]


@pytest.mark.parametrize("query", ["?checksum=md5:0123", "?checksum=sha256:12", "?checksum=sha256:" + "z" * 64])
def test_a_checksum_that_is_none_is_not_the_same_as_none(site, program, query):
    url = site.archives.put("a.zip", zipped([("inferenced", program)])).split("?")[0] + query
    refused(site, node_only(site, url, allow_unverified=True), "of no use")


def test_a_bad_entry_for_another_platform_blocks_nothing(site, program):
    url = site.archives.put("a.zip", zipped([("inferenced", program)]))
    site.options(api_home=None)
    site.schedule(binaries={"linux/arm64": "ftp://x/?checksum=md5:1", "darwin/arm64": 7, "linux/amd64": url})
    assert site.preload()["outcome"] == "changed"


def test_no_entry_for_this_platform_is_refused(site, program):
    url = site.archives.put("a.zip", zipped([("inferenced", program)]))
    site.options(api_home=None)
    site.schedule(binaries={"linux/arm64": url})
    refused(site, site.preload(), "linux/amd64")


def test_one_program_that_cannot_be_had_does_not_keep_the_other_away(site, program):
    url = site.archives.put("a.zip", zipped([("inferenced", program)]))
    site.schedule(binaries={"linux/amd64": url}, api_binaries={"linux/amd64": "http://127.0.0.1:9/x.zip"})
    assert site.preload()["outcome"] == "refused"
    assert site.holds("node", program) and site.whole()


def test_the_checksum_of_the_program_itself_is_compared_when_it_is_given(site, program):
    url = site.archives.put("a.zip", zipped([("inferenced", program)]))
    site.options(api_home=None)
    site.schedule(binaries={"linux/amd64": url})
    refused(site, site.preload(f"node_sha256={'0' * 64}"), "was given")
    assert site.preload(f"node_sha256={sha256_of(program)}")["outcome"] == "changed"


# archives


def test_a_name_that_leads_out_of_the_folder_is_refused(site, program):
    url = site.archives.put("a.zip", zipped([("../../../bin/inferenced", program)]))
    refused(site, node_only(site, url), "leads out")


def test_an_absolute_name_is_refused(site, program):
    url = site.archives.put("a.tgz", tarred([("inferenced", program), ("/etc/cron.d/x", b"x")]))
    refused(site, node_only(site, url), "leads out")


def test_a_symlink_is_refused(site):
    url = site.archives.put("a.zip", zipped_link("inferenced", "/bin/sh"))
    refused(site, node_only(site, url), "link")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_beside_the_program_are_refused(site, program, kind):
    url = site.archives.put("a.tgz", tarred([("inferenced", program)], [("beside", "/etc/shadow", kind)]))
    refused(site, node_only(site, url), "do not use it")


def test_two_programs_of_the_name_are_refused(site, program):
    url = site.archives.put("a.zip", zipped([("a/inferenced", program), ("b/inferenced", program)]))
    refused(site, node_only(site, url), "more than once")


def test_an_archive_without_the_program_is_refused(site, program):
    url = site.archives.put("a.zip", zipped([("inferenced.exe", program)]))
    refused(site, node_only(site, url), "no file inferenced")


def test_a_bomb_is_refused_and_not_unpacked(site, program):
    url = site.archives.put("a.zip", zipped([("inferenced", bytes(64 << 20))]))
    refused(site, node_only(site, url, max_extracted="1MB"), "max_extracted")
    assert sum(os.path.getsize(os.path.join(site.work, name)) for name in os.listdir(site.work)) < 2 << 20


def test_a_bomb_beside_the_program_is_refused(site, program):
    url = site.archives.put("a.tgz", tarred([("beside", bytes(64 << 20)), ("inferenced", program)]))
    refused(site, node_only(site, url, max_extracted="1MB"), "max_extracted")


@pytest.mark.parametrize("data", [b"", b"<html>not found</html>", bytes(range(256)) * 20])
def test_what_is_no_archive_is_refused(site, data):
    refused(site, node_only(site, site.archives.put("a.zip", data)))


# the program


def test_what_is_no_program_is_refused(site):
    url = site.archives.put("a.zip", zipped([("inferenced", b"#!/bin/sh\necho 0.2.5\n")]))
    refused(site, node_only(site, url), "ELF")


def test_a_program_for_another_machine_is_refused(site, program):
    url = site.archives.put("a.zip", zipped([("inferenced", machine_changed(program, 183))]))
    refused(site, node_only(site, url), "linux/arm64")


@pytest.mark.parametrize("behave,words", [("return 3", "status 3"), ("abort()", "SIGABRT"), ("sleep(100)", "")])
def test_a_program_that_does_not_run_is_refused(site, behave, words):
    bad = compiled(site.folder, behave=behave)
    answer = node_only(site, site.archives.put("a.zip", zipped([("inferenced", bad)])), run_timeout="1s")
    refused(site, answer, "does not run", words)


def test_a_program_whose_loader_is_not_here_is_refused_unless_it_may_go_untried(site):
    alien = compiled(site.folder, flags=["-Wl,--dynamic-linker=/lib/ld-alien.so.1"])
    url = site.archives.put("a.zip", zipped([("inferenced", alien)]))
    refused(site, node_only(site, url), "ld-alien", "run_check: try")
    answer = node_only(site, url, run_check="try")
    assert answer["outcome"] == "changed" and "ld-alien" in answer["result"]["programs"][0]["not_run"]


def test_the_api_is_not_asked_for_its_version_which_would_start_it(site, program):
    url = site.archives.put("a.zip", zipped([("decentralized-api", program)]))
    site.options(node_home=None, run_timeout="2s")
    site.schedule(api_binaries={"linux/amd64": url})
    began = time.monotonic()
    assert site.preload()["outcome"] == "changed"
    assert time.monotonic() - began < 20


def test_a_program_on_trial_sees_no_environment_of_the_agent(site, program, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_AGENT", "x")
    assert node_only(site, site.archives.put("a.zip", zipped([("inferenced", program)])))["outcome"] == "changed"


@pytest.mark.skipif(ABI < 1, reason="this kernel has no Landlock")
def test_a_program_on_trial_can_write_to_its_own_folder_only(site):
    mark = os.path.join(site.homes["node"], "data", "mark")
    write = (f'if (open("{mark}", O_CREAT | O_WRONLY, 0600) >= 0) return 7;'
             ' if (chdir(getenv("HOME")) || open("own", O_CREAT | O_WRONLY, 0600) < 0) return 8')
    spy = compiled(site.folder, behave=write)
    answer = node_only(site, site.archives.put("a.zip", zipped([("inferenced", spy)])))
    assert answer["outcome"] == "changed", answer
    assert not os.path.exists(mark)


@pytest.mark.skipif(ABI < 4, reason="this kernel's Landlock knows no ports")
def test_a_program_on_trial_reaches_no_port(site):
    port = int(site.archives.base.rsplit(":", 1)[1])
    call = ("struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(%d)};"
            ' to.sin_addr.s_addr = inet_addr("127.0.0.1"); int s = socket(AF_INET, SOCK_STREAM, 0);'
            " puts(connect(s, (struct sockaddr *)&to, sizeof(to)) == 0 ? \"reached\" : \"kept in\"); fflush(stdout)")
    spy = compiled(site.folder, behave=call % port)
    answer = node_only(site, site.archives.put("a.zip", zipped([("inferenced", spy)])))
    assert answer["result"]["programs"][0]["said"] == "kept in"


def test_what_a_program_says_cannot_write_to_the_terminal(site):
    loud = compiled(site.folder, text="\\033[2J\\a0.2.5")
    answer = node_only(site, site.archives.put("a.zip", zipped([("inferenced", loud)])))
    assert answer["result"]["programs"][0]["said"] == "?[2J?0.2.5"


# the work folder


def test_a_work_folder_that_others_may_write_is_refused(site, program):
    os.chmod(site.work, 0o777)
    refused(site, node_only(site, site.archives.put("a.zip", zipped([("inferenced", program)]))), "work_dir")


def test_folders_of_trials_that_were_killed_go_when_they_are_old_and_files_of_others_stay(site, program):
    for name, age_s in (("preload-home-old", 7200), ("preload-home-young", 10), ("mine.archive", 7200)):
        os.mkdir(os.path.join(site.work, name))
        os.utime(os.path.join(site.work, name), (time.time() - age_s,) * 2)
    node_only(site, site.archives.put("a.zip", zipped([("inferenced", program)])))
    assert sorted(os.listdir(site.work)) == ["mine.archive", "preload-home-young"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_program_gets_the_owner_of_the_home(site, program):
    os.chown(os.path.join(site.homes["node"], "cosmovisor"), 1234, 2345)
    url = site.archives.put("a.zip", zipped([("inferenced", program)]))
    assert node_only(site, url)["outcome"] == "changed"
    path = site.path("node")
    for part in (path, os.path.dirname(path), os.path.dirname(os.path.dirname(path))):
        state = os.stat(part)
        assert (state.st_uid, state.st_gid, state.st_mode & 0o777) == (1234, 2345, 0o755)
