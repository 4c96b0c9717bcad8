"""Bad plugins hurt nobody but their own run: the outcome names the cause and nothing is left behind."""
import os
import signal
import time

import pytest
from conftest import SLOW, children_of, is_zombie, wait_until

GUESTS = """  bad-tasks: {limits: {memory: 64MiB}}
  sample-good: {tasks: {count: {every: 200ms}}}
"""

# task, words of the summary that name the cause
CAUSES = [
    ("hang", "did not end within its timeout of 2 s"),
    ("spin", "did not end within its timeout of 2 s"),
    ("ignore-term", "ended by SIGKILL"),
    ("crash", "SIGSEGV"),
    ("exit", "exited with status 3"),
    ("allocate", "memory"),
    *([("allocate-blindly", "SIGSEGV (its memory limit is 64 MiB, see limits.memory in the manifest)")]
      if SLOW == 1 else []),  # a sanitizer's own report of the fault takes memory, too
    ("garbage", "no packet"),
    ("flood-events", "did not end within its timeout of 2 s"),
    ("never-acted", "never confirmed"),
    ("unlisted-topic", "emit() said -1"),
    ("wrong-type", "number"),
    ("no-outcome", "outcome"),
]


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """One daemon for all of them: each must leave it as it was."""
    from conftest import is_zombie, Daemon, World
    world = World(tmp_path_factory.mktemp("house"))
    world.write(GUESTS)
    daemon = Daemon(world)
    yield world, daemon
    assert daemon.end() == 0


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


@pytest.mark.parametrize("task,cause", CAUSES)
def test_the_outcome_names_the_cause(house, task, cause):
    world, _ = house
    end = world.json("run", "bad-tasks", task)
    assert end["outcome"] in ("failed", "unknown", "refused"), end
    assert cause in end["summary"], end


@pytest.mark.parametrize("task", ["fork-children", "fork-away", "fork-return"])
def test_children_that_a_run_leaves_behind_are_ended(house, task):
    world, daemon = house
    world.json("run", "bad-tasks", task)
    marked = lambda: [pid for pid in children_of(daemon.pid)  # noqa: E731
                      if b"GONKA_AGENT_RUN" in environ_of(pid) and not runs_now(world)]
    wait_until(lambda: not marked(), "strays are gone")


def test_a_command_that_a_run_leaves_behind_is_ended(world, start):
    world.write("  bad-tasks: {options: {command: /bin/sleep}}\n")
    daemon = start(world)
    assert world.json("run", "bad-tasks", "fork-command")["outcome"] == "ok"
    wait_until(lambda: children_of(daemon.pid) == [], "nothing is left")
    assert "left behind" in daemon.log()


def test_what_died_in_a_run_is_not_left_as_a_zombie(house):
    world, daemon = house
    assert world.json("run", "bad-tasks", "fork-dead")["outcome"] == "ok"
    wait_until(lambda: not runs_now(world), "no run is under way")
    before = set(children_of(daemon.pid))
    world.json("run", "bad-tasks", "print")
    wait_until(lambda: not runs_now(world), "no run is under way")
    assert [pid for pid in before & set(children_of(daemon.pid)) if is_zombie(pid)] == []


def environ_of(pid):
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read()
    except OSError:
        return b""


def runs_now(world):
    return any(t["state"] == "running" for p in world.status()["plugins"] for t in p["tasks"])


def test_a_flood_of_log_lines_is_cut_and_counted(house):
    world, daemon = house
    world.json("run", "bad-tasks", "flood-logs")
    assert daemon.log().count("plugin=bad-tasks") < 3000
    wait_until(lambda: world.json("run", "bad-tasks", "print") and "were left out" in daemon.log(), "the count is logged")


def test_the_others_keep_their_schedule_while_one_hangs(house):
    world, _ = house
    world.wait_for(plugin="sample-good", rec="run.end")
    before = len(world.records(plugin="sample-good", rec="run.end"))
    started = time.monotonic()
    world.json("run", "bad-tasks", "ignore-term")
    took = time.monotonic() - started
    runs = len(world.records(plugin="sample-good", rec="run.end")) - before
    assert runs >= took / 0.3, f"{runs} runs in {took:.1f} s"


def test_no_descriptor_stays_open_and_memory_does_not_grow(house):
    world, daemon = house
    world.json("run", "bad-tasks", "crash")
    before = open_files(daemon.pid)
    for task in ("crash", "exit", "garbage", "leak-fds", "fork-children"):
        world.json("run", "bad-tasks", task)
    wait_until(lambda: open_files(daemon.pid) <= before + 5, "descriptors are closed")  # a run of sample-good may be on


def test_rubbish_on_the_wire_is_counted(house):
    world, _ = house
    world.json("run", "bad-tasks", "garbage")
    assert world.status()["counters"]["rubbish_packets"] >= 1


def test_a_killed_runner_is_seen_at_once(world, start):
    world.write("  sample-good: {}\n")
    daemon = start(world)
    # the run waits until it is told to end; kill its runner instead
    import subprocess
    from conftest import is_zombie, AGENT
    client = subprocess.Popen([AGENT, "run", "sample-good", "wait", "-c", world.manifest, "--json"],
                              stdout=subprocess.PIPE, text=True)
    world.wait_for(plugin="sample-good", rec="run.start")
    runner = wait_until(lambda: [p for p in children_of(daemon.pid) if b"GONKA_AGENT_RUN" in environ_of(p)], "the runner")[0]
    killed = time.time()
    os.kill(runner, signal.SIGKILL)
    record = world.wait_for(plugin="sample-good", rec="run.end")[-1]
    client.communicate(timeout=30)
    assert "SIGKILL" in record["summary"]
    stamp = record["time"]
    seen = time.mktime(time.strptime(stamp[:19] + "UTC", "%Y-%m-%dT%H:%M:%S%Z")) - time.timezone + float("0" + stamp[19:-1])
    assert seen - killed < 1


@pytest.mark.parametrize("plugin,words", [
    ("bad-major", "wants ABI 2.0, this agent offers 1.0"),
    ("bad-minor", "wants ABI 1.1"),
    ("bad-short", "its descriptor has 64 bytes"),
    ("bad-no-symbol", "exports no symbol ga_plugin_v1"),
    ("bad-library", "undefined symbol"),
    ("bad-constructor", "did not describe itself within 5 s"),
    ("bad-constructor-crash", "ended with status 7"),
    ("bad-name", "calls itself 'other-name'"),
])
def test_a_plugin_that_cannot_be_loaded_is_named_with_the_reason(world, plugin, words):
    world.write(f"  {plugin}: {{}}\n")
    done = world.cli("check")
    assert done.returncode == 78
    assert "manifest.yaml:7:3:" in done.stderr
    assert words in done.stderr


def test_a_file_that_others_may_write_is_refused(world, tmp_path):
    import shutil
    from conftest import is_zombie, TEST_PLUGINS
    folder = tmp_path / "plugins"
    folder.mkdir()
    shutil.copy(os.path.join(TEST_PLUGINS, "sample-good.so"), folder)
    os.chmod(folder / "sample-good.so", 0o666)
    world.plugin_dir = str(folder)
    world.write("  sample-good: {}\n")
    done = world.cli("check")
    assert done.returncode == 78
    assert "writable" in done.stderr


def test_a_link_instead_of_a_file_is_refused(world, tmp_path):
    from conftest import is_zombie, TEST_PLUGINS
    folder = tmp_path / "plugins"
    folder.mkdir()
    os.symlink(os.path.join(TEST_PLUGINS, "sample-good.so"), folder / "sample-good.so")
    world.plugin_dir = str(folder)
    world.write("  sample-good: {}\n")
    assert world.cli("check").returncode == 78
