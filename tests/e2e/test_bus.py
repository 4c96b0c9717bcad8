"""Events: patterns, order, what is dropped, and what the agent itself tells."""
import json
import select
import subprocess

from conftest import AGENT, wait_until


def test_an_event_starts_the_tasks_that_listen(world, start):
    world.write("  sample-events: {tasks: {echo: {enabled: false}}}\n")
    start(world)
    assert world.json("run", "sample-events", "ping")["outcome"] == "ok"
    record = world.wait_for(plugin="sample-events", task="on-ping", rec="run.end")[0]
    assert record["outcome"] in ("ok", "changed")
    begun = world.records(plugin="sample-events", task="on-ping", rec="run.start")[0]
    assert (begun["trigger"], begun["topic"]) == ("on", "sample.ping")


def test_a_resident_task_gets_every_event_in_order(world, start):
    world.write("  sample-events: {tasks: {on-ping: {enabled: false}}}\n")
    start(world)
    assert world.json("run", "sample-events", "ping", "count=20")["outcome"] == "ok"
    echoes = world.wait_for(20, rec="event", topic="sample.echo")
    heard = [json.dumps(e["payload"]) for e in echoes]
    pings = [json.dumps(e["payload"]) for e in world.records(rec="event", topic="sample.ping")]
    assert heard == pings or len(set(heard)) == 20


def test_a_number_that_a_double_cannot_hold_goes_through_unchanged(world, start):
    world.write("  sample-events: {tasks: {on-ping: {enabled: false}, echo: {enabled: false}}}\n")
    start(world)
    world.json("run", "sample-events", "ping")
    world.wait_for(rec="event", topic="sample.ping")
    with open(f"{world.state}/journal/journal.jsonl", encoding="utf-8") as file:
        line = next(line for line in file if '"sample.ping"' in line and '"event"' in line)
    height = json.loads(line)["payload"]["height"]
    assert height > 2 ** 53 and height % 2 == 1  # exact: an odd number up there is no double


def test_many_events_during_a_run_are_remembered_once(world, start):
    world.write("  sample-events: {tasks: {echo: {enabled: false}}}\n")
    start(world)
    world.json("run", "sample-events", "ping", "count=200")
    wait_until(lambda: world.task("sample-events", "on-ping")["state"] == "idle"
               and world.task("sample-events", "on-ping")["runs"] > 0, "calm")
    task = world.task("sample-events", "on-ping")
    assert task["runs"] < 200
    assert task["coalesced"] > 0


def test_failing_is_told_once_and_recovering_once(world, start, tmp_path):
    folder = tmp_path / "acts"
    folder.mkdir()
    (folder / "file-0").touch()
    world.write(f"  sample-acts: {{options: {{folder: {folder}}}, tasks: {{touch: {{every: 100ms, delay: 0s, args: {{count: 1}}}}}}}}\n"
                "  sample-good: {}\n")
    daemon = start(world)
    follower = subprocess.Popen([AGENT, "events", "--follow", "--json", "-c", world.manifest], stdout=subprocess.PIPE, text=True)
    wait_until(lambda: world.cli("resume", "sample-good") and select.select([follower.stdout], [], [], 0.1)[0], "it listens")
    folder.rename(tmp_path / "away")
    world.wait_for(3, plugin="sample-acts", rec="run.end", outcome="failed")
    assert world.task("sample-acts", "touch")["failures_in_a_row"] >= 3
    folder.mkdir()
    world.wait_for(plugin="sample-acts", rec="run.end", outcome="changed")
    daemon.end()  # what was emitted by then has been told
    told = [json.loads(line) for line in follower.communicate(timeout=30)[0].splitlines()]
    assert [e["topic"] for e in told if e["topic"] in ("task.failed", "task.recovered")] == ["task.failed", "task.recovered"]


def test_a_failing_task_backs_off(world, start):
    world.write("  bad-tasks: {tasks: {exit: {every: 100ms}}}\n")
    start(world)
    ends = world.wait_for(5, plugin="bad-tasks", task="exit", rec="run.end")
    stamps = [float(e["time"][17:-1]) for e in ends]
    gaps = [(b - a) % 60 for a, b in zip(stamps, stamps[1:])]
    assert gaps[3] > gaps[0] * 2


def test_an_act_is_told_as_done(world, start, tmp_path):
    (tmp_path / "acts").mkdir()
    world.write(f"  sample-acts: {{options: {{folder: {tmp_path}/acts}}, tasks: {{touch: {{every: never}}}}}}\n  sample-good: {{tasks: {{count: {{on: [act.done]}}}}}}\n")
    start(world)
    assert world.json("run", "sample-acts", "touch", "count=1")["outcome"] == "changed"
    started = world.wait_for(plugin="sample-good", task="count", rec="run.start")[0]
    assert started["topic"] == "act.done"


def test_a_paused_plugin_runs_by_hand_only(world, start):
    world.write("  sample-good: {tasks: {count: {every: 50ms}}}\n")
    start(world)
    world.wait_for(plugin="sample-good", task="count", rec="run.end")
    assert world.cli("pause", "sample-good").returncode == 0
    wait_until(lambda: world.task("sample-good", "count")["state"] == "paused", "the last run is over")
    before = len(world.records(plugin="sample-good", task="count", rec="run.start"))
    assert world.json("run", "sample-good", "echo")["outcome"] == "ok"
    assert len(world.records(plugin="sample-good", task="count", rec="run.start")) == before
    assert world.cli("resume", "sample-good").returncode == 0
    world.wait_for(before + 1, plugin="sample-good", task="count", rec="run.start")


def test_runs_of_one_plugin_do_not_overlap(world, start):
    world.write("  bad-tasks: {tasks: {print: {every: 20ms, delay: 0s}, bad-utf8: {every: 20ms, delay: 0s}}}\n")
    start(world)
    for task in ("print", "bad-utf8"):
        world.wait_for(10, plugin="bad-tasks", task=task, rec="run.end")
    running = 0
    for record in world.records(plugin="bad-tasks"):
        running += {"run.start": 1, "run.end": -1}.get(record["rec"], 0)
        assert running in (0, 1)
