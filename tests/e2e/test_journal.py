"""The journal: what is in it, that it is bounded, that it survives a torn line; acts are in it before they happen."""
import json
import os
import subprocess

import pytest


@pytest.fixture
def acts(world, tmp_path):
    (tmp_path / "acts").mkdir()
    world.write(f"  sample-acts: {{options: {{folder: {tmp_path}/acts}}}}\n")
    return tmp_path / "acts"


def test_an_act_is_recorded_before_and_after(world, acts):
    end = world.json("run", "sample-acts", "touch", "count=2")
    assert end["outcome"] == "changed"
    assert [a["done"] for a in end["acts"]] == [True, True]
    assert len(os.listdir(acts)) == 2
    kinds = [r["rec"] for r in world.records(plugin="sample-acts")]
    assert kinds == ["run.start", "act", "acted", "act", "acted", "run.end"]


def test_a_dry_run_makes_nothing_and_says_what_it_would(world, acts):
    end = world.json("run", "sample-acts", "touch", "count=2", "--dry-run")
    assert len(end["acts"]) == 2
    assert not any(a["done"] for a in end["acts"])
    assert os.listdir(acts) == []
    assert not os.path.exists(world.state)  # not even that


def test_plan_prints_the_acts_of_all_tasks(world, acts):
    done = world.cli("plan", "sample-acts", "touch")
    assert "would" in done.stdout
    assert "nothing was changed" in done.stdout
    assert os.listdir(acts) == []


def test_where_the_journal_cannot_be_written_no_act_is_allowed(world, acts, tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state/journal").write_text("in the way")
    end = world.json("run", "sample-acts", "touch", "count=1")
    assert end["outcome"] != "changed"
    assert os.listdir(acts) == []
    assert "journal" in json.dumps(end)


def test_when_the_disk_is_full_no_further_act_is_allowed(world, acts, tmp_path):
    (tmp_path / "state").mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path / "state")], capture_output=True,
                      check=False).returncode != 0:
        pytest.skip("mounting is not permitted here")
    try:
        end = world.json("run", "sample-acts", "touch", "count=200", "padding=1kB")
        assert end["outcome"] == "refused"
        assert "journal cannot be written" in end["summary"]
        recorded = {r["act"] for r in world.records(rec="act") if "refused" not in r}
        assert 0 < len(os.listdir(acts)) <= len(recorded)  # none was made that is not in the journal
    finally:
        subprocess.run(["umount", str(tmp_path / "state")], check=True)


def test_a_torn_last_line_is_skipped_and_the_rest_read(world, acts):
    world.json("run", "sample-acts", "touch", "count=1")
    with open(f"{world.state}/journal/journal.jsonl", "a", encoding="utf-8") as file:
        file.write('{"rec":"act","pl')
    before = len(world.records())
    for name in os.listdir(acts):
        (acts / name).unlink()
    world.json("run", "sample-acts", "touch", "count=1")
    assert len(world.records()) == before + 4
    done = world.cli("journal")
    assert done.returncode == 0
    assert "sample-acts touch" in done.stdout


def test_it_is_rotated_and_the_oldest_goes(world, start, acts, tmp_path):
    world.write(f"  sample-acts: {{options: {{folder: {acts}}}}}\n", agent="journal: {max_size: 8KiB, files: 3}")
    start(world)
    world.json("run", "sample-acts", "touch", "count=300")
    names = sorted(os.listdir(f"{world.state}/journal"))
    assert names == ["journal.1.jsonl", "journal.2.jsonl", "journal.jsonl"]
    assert all(os.path.getsize(f"{world.state}/journal/{name}") < 10000 for name in names)


def test_it_is_filtered_by_plugin_outcome_and_time(world, acts):
    world.json("run", "sample-acts", "touch", "count=1")
    text = lambda *w: world.cli("journal", *w).stdout  # noqa: E731
    assert "changed" in text("--outcome", "changed")
    assert "changed" not in text("--outcome", "failed")
    assert "sample-acts" in text("--plugin", "sample-acts", "--since", "1h")
    assert "sample-acts" not in text("--plugin", "other")
    assert "sample-acts" not in text("--since", "2100-01-01")


def test_it_is_printed_as_json_lines(world, acts):
    world.json("run", "sample-acts", "touch", "count=1")
    records = [json.loads(line) for line in world.cli("journal", "--json", "--plugin", "sample-acts").stdout.splitlines()]
    assert [record["rec"] for record in records] == ["run.start", "act", "acted", "run.end"]


def test_acts_beyond_the_limit_are_refused(world, acts):
    world.write(f"  sample-acts: {{options: {{folder: {acts}}}, limits: {{acts: 2}}}}\n")
    end = world.json("run", "sample-acts", "touch", "count=5")
    assert len(os.listdir(acts)) == 2
    assert "limits.acts" in json.dumps(end)


def test_a_read_only_task_may_not_act(world):
    world.write("  bad-tasks: {}\n")
    end = world.json("run", "bad-tasks", "read-only-act")
    assert "read-only" in json.dumps(end)
