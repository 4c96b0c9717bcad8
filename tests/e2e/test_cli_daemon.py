"""`run`, `plan`, `status` and orders with a daemon, without one, and with one that cannot be asked."""
import json
import os
import shutil
import socket
import subprocess

import pytest
from conftest import AGENT, SLOW, TEST_PLUGINS

PLUGINS = ("  sample-good: {{}}\n  sample-acts: {{options: {{folder: {folder}}}, tasks: {{touch: {{delay: 1h}}}}}}\n"
           "  sample-events: {{}}\n")


@pytest.fixture
def acts(world, tmp_path):
    """A world with a plugin that makes files; `acts.folder` is where."""
    world.folder_of_acts = str(tmp_path / "acts")
    os.mkdir(world.folder_of_acts)
    world.write(PLUGINS.format(folder=world.folder_of_acts))
    return world


def outcomes(plan):
    return {f"{p['plugin']} {p['task']}": p["outcome"] for p in plan["plan"]}


def test_a_plan_without_a_daemon_makes_no_act_and_shows_all(acts):
    done = acts.cli("plan", "sample-acts")
    assert done.returncode == 0, done.stderr
    assert "would  create-file" in done.stdout
    assert "1 task looked at, 3 acts would be made; nothing was changed" in done.stdout
    assert os.listdir(acts.folder_of_acts) == []


def test_read_only_tasks_are_shown_as_looked(acts):
    assert "sample-good echo: looked, ok" in acts.cli("plan", "sample-good").stdout


def test_a_plan_leaves_out_what_is_resident_or_by_hand(acts):
    planned = outcomes(acts.json("plan"))
    assert "sample-acts touch" in planned
    assert "sample-good count" not in planned and "sample-events echo" not in planned
    assert "sample-good count" in outcomes(acts.json("plan", "sample-good", "count"))


def test_a_resident_task_cannot_be_planned(acts):
    done = acts.cli("plan", "sample-events", "echo")
    assert done.returncode == 2
    assert "is resident" in done.stderr


def test_the_exit_code_of_a_plan_is_the_worst(acts):
    assert acts.cli("plan", "sample-events", "on-ping").returncode == 4
    assert acts.cli("plan").returncode == 4


@pytest.mark.parametrize("command", ["run", "plan"])
@pytest.mark.parametrize("words,hint", [(("sample-goof", "echo"), "'sample-good'"), (("sample-good", "ecko"), "'echo'")])
def test_a_slip_in_a_name_is_recognised_without_a_daemon(acts, command, words, hint):
    done = acts.cli(command, *words)
    assert done.returncode == 2
    assert f"did you mean {hint}?" in done.stderr


def test_a_slip_in_a_name_is_recognised_with_a_daemon(acts, start):
    start(acts)
    for words in (("run", "sample-good", "ecko"), ("run", "sample-goof", "echo"), ("pause", "sample-goof"),
                  ("resume", "sample-goof"), ("status", "sample-goof")):
        done = acts.cli(*words)
        assert done.returncode == 2, words
        assert "did you mean" in done.stderr


def test_a_run_of_a_resident_task_is_refused_by_the_daemon(acts, start):
    start(acts)
    done = acts.cli("run", "sample-events", "echo")
    assert done.returncode == 3
    assert "resident" in done.stderr


def test_a_run_goes_through_the_daemon(acts, start):
    start(acts)
    result = acts.json("run", "sample-acts", "touch", "count=2")
    assert result["outcome"] == "changed"
    assert [act["done"] for act in result["acts"]] == [True, True]
    assert len(os.listdir(acts.folder_of_acts)) == 2
    ends = acts.wait_for(rec="run.end", plugin="sample-acts")
    assert ends[-1]["outcome"] == "changed"


def test_a_plan_is_left_to_a_daemon_that_has_this_manifest(acts, start):
    start(acts)
    done = acts.cli("plan", "sample-acts")
    assert "not by the daemon" not in done.stderr
    assert "3 acts would be made" in done.stdout
    assert len(acts.records(rec="run.start", plugin="sample-acts", dry_run=True)) == 1


def test_a_plan_of_a_changed_manifest_is_made_here_and_said(acts, start):
    start(acts)
    acts.write(PLUGINS.format(folder=acts.folder_of_acts))
    done = acts.cli("plan", "sample-acts")
    assert "the manifest was changed after the daemon had read it" in done.stderr
    assert acts.records(rec="run.start", plugin="sample-acts", dry_run=True) == []


def test_with_local_the_daemon_is_not_asked(acts, start):
    start(acts)
    assert acts.cli("plan", "--local", "sample-acts").returncode == 0
    assert acts.cli("run", "--local", "--dry-run", "sample-acts", "touch").returncode == 0
    assert acts.records(rec="run.start", plugin="sample-acts", dry_run=True) == []


def test_acts_beside_a_daemon_are_refused(acts, start):
    """The journal has one writer: an act that it cannot hold is not made."""
    start(acts)
    done = acts.cli("run", "--local", "sample-acts", "touch")
    assert done.returncode in (1, 3)
    assert "another gonka-agent uses this state_dir" in done.stdout + done.stderr
    assert os.listdir(acts.folder_of_acts) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user")
def test_a_daemon_that_cannot_be_asked_is_unknown_and_nothing_is_run(acts, start, tmp_path):
    acts.plugin_dir = str(tmp_path / "plugins")  # nobody may not get to where the tests were built
    os.mkdir(acts.plugin_dir)
    for name in ("sample-good", "sample-acts", "sample-events"):
        shutil.copy(os.path.join(TEST_PLUGINS, f"{name}.so"), acts.plugin_dir)
    program = shutil.copy(AGENT, tmp_path / "gonka-agent")
    acts.write(PLUGINS.format(folder=acts.folder_of_acts))
    start(acts)
    os.chmod(acts.socket, 0o600)
    folder = tmp_path
    while folder != folder.parent and folder.stat().st_uid == os.geteuid():
        folder.chmod(folder.stat().st_mode | 0o055)
        folder = folder.parent
    for words in (("status",), ("run", "sample-good", "echo"), ("plan",), ("pause", "sample-good"), ("reload",),
                  ("events", "--follow")):
        done = subprocess.run([program, words[0], "-c", acts.manifest, *words[1:]], capture_output=True, text=True,
                              timeout=60 * SLOW, check=False, cwd="/", user=65534, group=65534, extra_groups=[])
        assert done.returncode == 4, (words, done.stderr)
        assert "be root, or join the group" in done.stderr
        assert "sample" not in done.stdout


def test_a_daemon_that_says_nothing_is_unknown(acts):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(acts.socket)
        listener.listen()
        client = subprocess.Popen([AGENT, "status", "-c", acts.manifest], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)
        connection, _ = listener.accept()
        connection.recv(4096)
        connection.close()
        _, errors = client.communicate(timeout=60 * SLOW)
    assert client.returncode == 4
    assert "without an answer" in errors


def test_a_daemon_that_is_lost_within_a_run_leaves_its_outcome_unknown(acts):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(acts.socket)
        listener.listen()
        client = subprocess.Popen([AGENT, "run", "sample-good", "echo", "-c", acts.manifest], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)
        connection, _ = listener.accept()
        assert json.loads(connection.recv(4096)) == {"cmd": "run", "plugin": "sample-good", "task": "echo",
                                                     "dry_run": False}
        connection.sendall(b'{"t":"log","level":6,"text":"at \\u001b[2J work"}\n')
        connection.close()
        _, errors = client.communicate(timeout=60 * SLOW)
    assert client.returncode == 4
    assert "info: at \\x1b[2J work" in errors
    assert "see gonka-agent journal for how it ended" in errors


def test_pause_shows_in_status_until_resume(acts, start):
    start(acts)
    assert "paused for 2h" in acts.cli("pause", "sample-acts", "2h").stdout
    assert acts.task("sample-acts", "touch")["state"] == "paused"
    assert "sample-acts is paused until" in acts.cli("status").stdout
    assert acts.cli("resume", "sample-acts").returncode == 0
    assert acts.task("sample-acts", "touch")["state"] != "paused"
    assert acts.cli("pause", "sample-acts", "soon").returncode == 2


def test_pause_and_resume_answer_in_json(acts, start):
    start(acts)
    said = {"ok": True, "plugin": "sample-acts", "paused": True, "for_ns": "7200000000000"}
    assert json.loads(acts.cli("pause", "sample-acts", "2h", "--json").stdout) == said
    assert acts.task("sample-acts", "touch")["state"] == "paused"
    assert json.loads(acts.cli("resume", "sample-acts", "--json").stdout)["ok"] is True
    assert acts.task("sample-acts", "touch")["state"] != "paused"


def test_what_the_agent_does_is_told_as_events(acts, start):
    start(acts)
    acts.cli("pause", "sample-acts", "2h")
    acts.cli("resume", "sample-acts")
    acts.cli("reload")
    for topic in ("agent.started", "agent.ready", "agent.paused", "agent.resumed", "agent.reloaded"):
        acts.wait_for(rec="event", origin="agent", topic=topic)


def test_status_of_one_plugin(acts, start):
    start(acts)
    done = acts.cli("status", "--verbose", "sample-acts")
    assert "sample-acts touch" in done.stdout and "sample-good" not in done.stdout
    assert "sandbox:" in done.stdout
    assert [plugin["name"] for plugin in acts.json("status", "sample-acts")["plugins"]] == ["sample-acts"]


def test_words_for_the_shell_come_from_the_plugins():
    def words(*of):
        return subprocess.run([AGENT, "help", "--plugin-dir", TEST_PLUGINS, "--words", *of], capture_output=True,
                              text=True, timeout=60, check=False).stdout.split()
    assert "sample-good" in words("plugins")
    assert words("tasks", "sample-good") == ["echo", "count", "wait"]
    assert "times=" in words("arguments", "sample-good", "echo")
    assert words("tasks", "no-such") == []


def test_the_completion_offers_what_fits(tmp_path):
    script = tmp_path / "completion"
    script.write_text(subprocess.run([AGENT, "help", "--completion"], capture_output=True, text=True, timeout=60,
                                     check=True).stdout)

    def offers(*line):
        ask = (f'. {script}; compopt() {{ :; }}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _gonka_agent; '
               'printf "%s\\n" "${COMPREPLY[@]}"')
        done = subprocess.run(["bash", "-c", ask, "bash", AGENT, *line], capture_output=True, text=True, timeout=60,
                              check=True)
        return done.stdout.split()

    plugins = ("--plugin-dir", TEST_PLUGINS)
    assert offers("sta") == ["status"]
    assert "sample-good" in offers("run", *plugins, "sample-g")
    assert offers("run", *plugins, "sample-good", "e") == ["echo"]
    assert offers("run", *plugins, "sample-good", "echo", "ti") == ["times="]
    assert offers("run", *plugins, "sample-good", "echo", "times=1", "nu") == ["number="]
    assert offers("journal", "--outcome", "un") == ["unknown"]
    assert set(offers("journal", "--pl")) == {"--plugin", "--plugin-dir"}
    assert offers("plan", "--plugin-dir", TEST_PLUGINS, "-c", "/nowhere", "sample-good", "c") == ["count"]


def test_help_as_json_is_the_table():
    table = json.loads(subprocess.run([AGENT, "help", "--json"], capture_output=True, text=True, timeout=60,
                                      check=True).stdout)
    assert {"run", "plan", "init"} <= {command["name"] for command in table["commands"]}
    assert "json" in [option["name"] for option in table["common"]]


# command: words, what its text says, members of its JSON that say the same
SAME_FACTS = {
    "check": ((), "3 plugins with 7 tasks", lambda j: (len(j["compiled"]["plugins"]),
                                                       sum(len(p["tasks"]) for p in j["compiled"]["plugins"])) == (3, 7)),
    "init": (("{deploy}",), "# Manifest of gonka-agent", lambda j: j["manifest"].startswith("# Manifest of gonka-agent")),
    "plan": (("sample-acts", "touch"), "would  create-file  ", lambda j: j["plan"][0]["acts"][0]["verb"] == "create-file"),
    "run": (("sample-good", "echo"), "sample-good echo: ok: ", lambda j: (j["plugin"], j["task"], j["outcome"]) ==
            ("sample-good", "echo", "ok")),
    "status": ((), "sample-events echo", lambda j: "sample-events" in [p["name"] for p in j["plugins"]]),
    "events": (("agent.ready",), "agent.ready", lambda j: j["topic"] == "agent.ready"),
    "journal": (("--plugin", "sample-events"), "sample-events echo", lambda j: (j["plugin"], j["task"]) == ("sample-events", "echo")),
    "pause": (("sample-good",), "paused until `gonka-agent resume`", lambda j: j["paused"] is True),
    "resume": (("sample-good",), "resumed", lambda j: j["paused"] is False),
    "reload": ((), "reloaded", lambda j: j["ok"] is True),
    "plugins": (("sample-good",), "sample-good 1.2.3", lambda j: (j["name"], j["version"]) == ("sample-good", "1.2.3")),
    "help": (("run",), "run one task now", lambda j: "run one task now" in json.dumps(j)),
}


def test_no_command_lacks_json():
    table = json.loads(subprocess.run([AGENT, "help", "--json"], capture_output=True, text=True, timeout=60,
                                      check=True).stdout)
    assert {command["name"] for command in table["commands"]} == {*SAME_FACTS, "daemon"}


def test_text_and_json_of_every_command_say_the_same(acts, start, tmp_path):
    (tmp_path / "deploy/.inference").mkdir(parents=True)
    start(acts)
    for command, (words, text, same) in SAME_FACTS.items():
        words = [word.format(deploy=tmp_path / "deploy") for word in words]
        plain, data = acts.cli(command, *words), acts.cli(command, *words, "--json")
        assert text in plain.stdout, (command, plain)
        assert same(json.loads(data.stdout.splitlines()[0])), (command, data)
        assert plain.returncode == data.returncode == 0, command


def test_a_daemon_that_cannot_start_says_why_as_json_too(acts):
    acts.write("  sample-god: {}\n")
    done = acts.cli("daemon", "--json")
    assert done.returncode == 78
    found = json.loads(done.stdout)["diagnostics"][0]
    assert (found["line"], found["column"]) == (7, 3)
    assert found["text"] in done.stderr
