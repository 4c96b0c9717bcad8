"""Start, readiness, watchdog, reload and end, as a service manager sees them."""
import os
import signal
import subprocess
import time

import pytest
from conftest import AGENT, SLOW, children_of, wait_until


def test_ready_is_told_once_every_resident_task_serves(world, start):
    world.write("  sample-events: {}\n")
    daemon = start(world)
    assert world.task("sample-events", "echo")["state"] == "running"
    assert world.status()["ready"] is True
    assert any("READY=1" in message for message in daemon.told)


def test_a_resident_task_that_fails_at_once_does_not_block_readiness(world, start):
    world.write("  bad-tasks: {tasks: {crash: {always: true}}}\n")
    daemon = start(world)
    assert "1 resident task(s) failing" in "".join(daemon.told)


def test_a_bad_manifest_ends_with_78_and_the_places(world):
    world.write("  no-such-plugin: {}\n  sample-good: {options: {texxt: x}}\n")
    done = subprocess.run([AGENT, "daemon", "-c", world.manifest], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 78
    assert "manifest.yaml:7:3: there is no plugin 'no-such-plugin'" in done.stderr
    assert "manifest.yaml:8:27: unknown option 'texxt' of sample-good, did you mean 'text'?" in done.stderr


def test_a_reload_is_told_and_changes_what_has_changed(world, start):
    world.write("  sample-good: {tasks: {count: {every: 1h}}}\n  sample-events: {}\n")
    daemon = start(world)
    world.wait_for(plugin="sample-events", task="echo", rec="run.start")
    world.write("  sample-good: {tasks: {count: {every: 2h}}}\n  sample-events: {}\n")
    done = world.cli("reload", "--json")
    assert done.returncode == 0
    assert '"changed":["sample-good"]' in done.stdout
    message = daemon.wait_told("RELOADING=1")
    assert "MONOTONIC_USEC=" in message
    daemon.wait_told("READY=1")
    assert "2h" in world.task("sample-good", "count")["trigger"]
    assert len(world.records(plugin="sample-events", task="echo", rec="run.start")) == 1  # went on undisturbed


def test_sighup_reloads_too(world, start):
    world.write("  sample-good: {}\n")
    daemon = start(world)
    world.write("  sample-good: {}\n  sample-events: {}\n")
    daemon.send(signal.SIGHUP)
    daemon.wait_told("RELOADING=1")
    daemon.wait_told("READY=1")
    assert [p["name"] for p in world.status()["plugins"]] == ["sample-good", "sample-events"]


def test_a_bad_manifest_changes_nothing(world, start):
    world.write("  sample-good: {tasks: {count: {every: 1h}}}\n")
    daemon = start(world)
    world.write("  sample-good: {options: {number: many}}\n")
    done = world.cli("reload")
    assert done.returncode == 78
    assert "'number' of sample-good must be a whole number" in done.stderr
    status = world.status()
    assert status["reload"]["ok"] is False
    assert (status["counters"]["reloads"], status["counters"]["reloads_failed"]) == (0, 1)
    assert "the manifest was not reloaded, the old one goes on" in daemon.log()
    assert "must be a whole number" in world.cli("status").stdout
    assert "1h" in world.task("sample-good", "count")["trigger"]
    assert world.json("run", "sample-good", "echo")["outcome"] == "ok"
    world.write("  sample-good: {}\n")
    assert world.cli("reload").returncode == 0
    assert world.status()["reload"]["ok"] is True
    assert world.status()["counters"]["reloads"] == 1


def test_a_plugin_that_hangs_when_it_is_loaded_does_not_stop_the_others_during_a_reload(world, start):
    world.write("  sample-good: {tasks: {count: {every: 100ms}}}\n")
    start(world)
    world.wait_for(plugin="sample-good", rec="run.end")
    before = len(world.records(plugin="sample-good", rec="run.end"))
    world.write("  sample-good: {tasks: {count: {every: 100ms}}}\n  bad-constructor: {}\n")
    assert world.cli("reload").returncode == 78  # after the five seconds that a plugin has to describe itself
    assert len(world.records(plugin="sample-good", rec="run.end")) - before >= 15 / SLOW


def test_sigterm_ends_all_within_ten_seconds_and_status_zero(world, start):
    world.write("  sample-events: {}\n  bad-tasks: {tasks: {ignore-term: {every: 1s, timeout: 1h, delay: 0s}}}\n")
    daemon = start(world)
    world.wait_for(plugin="bad-tasks", task="ignore-term", rec="run.start")
    started = time.monotonic()
    daemon.send(signal.SIGTERM)
    daemon.wait_told("STOPPING=1")
    assert daemon.process.wait(30) == 0
    assert time.monotonic() - started < 10 * SLOW
    assert world.records(rec="agent.stop")


def test_a_politely_ended_run_is_unknown_and_named(world, start):
    world.write("  sample-good: {tasks: {wait: {every: 1h, timeout: 1h, delay: 0s}}}\n")
    daemon = start(world)
    world.wait_for(plugin="sample-good", task="wait", rec="run.start")
    assert daemon.end() == 0
    assert world.records(plugin="sample-good", task="wait", rec="run.end")


def test_after_a_kill_the_next_start_closes_what_was_open(world, start):
    world.write("  sample-good: {tasks: {wait: {every: 1h, timeout: 1h, delay: 0s}}}\n")
    daemon = start(world)
    world.wait_for(plugin="sample-good", task="wait", rec="run.start")
    daemon.send(signal.SIGKILL)
    daemon.process.wait(30)
    world.write("  sample-good: {}\n")
    start(world)
    closed = world.records(plugin="sample-good", task="wait", rec="run.end")
    assert closed[0]["outcome"] == "unknown"
    assert "the agent ended before the run did" in closed[0]["summary"]


def test_runners_end_when_the_agent_is_killed(world, start):
    from conftest import is_zombie
    world.write("  sample-events: {}\n")
    daemon = start(world)
    runners = children_of(daemon.pid)
    assert runners
    daemon.send(signal.SIGKILL)
    daemon.process.wait(30)
    wait_until(lambda: all(not os.path.exists(f"/proc/{pid}") or is_zombie(pid) for pid in runners), "the runners end")


def test_a_second_daemon_of_the_same_state_is_refused(world, start):
    world.write("  sample-good: {}\n")
    start(world)
    done = subprocess.run([AGENT, "daemon", "-c", world.manifest], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "another gonka-agent uses this state_dir" in done.stderr


def test_idle_means_no_wake_ups(world, start):
    world.write("  sample-good: {tasks: {echo: {every: never}}}\n")
    daemon = start(world)

    def switches():
        with open(f"/proc/{daemon.pid}/status", encoding="ascii") as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt"))
    world.status()
    before = wait_until(lambda: (lambda a: a if time.sleep(0.3) is None and switches() == a else None)(switches()), "calm")
    time.sleep(2)  # nothing may happen in this time: that is the claim
    assert switches() - before == 0
