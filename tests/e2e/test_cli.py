"""The command line: exit codes, JSON, messages that name the place and the next step."""
import json
import os
import re
import subprocess

import pytest
from conftest import AGENT, PLUGINS, TEST_PLUGINS, TOP


def gonka(*words, **kwargs):
    return subprocess.run([AGENT, *words], capture_output=True, text=True, timeout=60, check=False, **kwargs)


def test_without_a_command_the_usage_and_2():
    done = gonka()
    assert done.returncode == 2
    assert "commands:" in done.stderr


def test_a_slip_in_the_command_is_recognised():
    done = gonka("statsu")
    assert done.returncode == 2
    assert "did you mean 'status'?" in done.stderr


@pytest.mark.parametrize("command", ["check", "run", "plan", "status", "journal", "events", "pause", "init", "plugins"])
def test_every_command_has_help(command):
    done = gonka(command, "--help")
    assert done.returncode == 0
    assert command in done.stdout


def test_a_missing_manifest_is_named_with_the_next_step(tmp_path):
    done = gonka("check", "-c", str(tmp_path / "none.yaml"))
    assert done.returncode == 78
    assert "none.yaml: cannot be read" in done.stderr
    assert "gonka-agent init" in done.stderr


def test_all_errors_come_at_once_in_the_order_of_the_file(world):
    world.write("  sample-good:\n    options:\n      number: 1.5\n      vote: maybe\n      periood: 3s\n"
                "    tasks: {coutn: {}}\n  nowhere: {}\n")
    done = world.cli("check")
    assert done.returncode == 78
    lines = [line.split("manifest.yaml:")[1].split(":")[0] for line in done.stderr.splitlines()]
    assert lines == sorted(lines, key=int)
    for words in ("must be a whole number", "it is one of: yes, no, abstain", "did you mean 'period'?",
                  "no task 'coutn', did you mean 'count'?", "no plugin 'nowhere'"):
        assert words in done.stderr


def test_check_as_json_has_places(world):
    world.write("  sample-good: {options: {number: x}}\n")
    found = world.json("check")
    assert found["ok"] is False
    assert (found["diagnostics"][0]["line"], found["diagnostics"][0]["column"]) == (7, 35)


@pytest.mark.parametrize("text,words", [
    ("plugins: {a: 1, a: 2}\n", "'a' is given twice"),
    ("plugins: &x {}\n", "anchor"),
    ("plugins: !!map {}\n", "tag"),
    ("plugins: {}\n---\nplugins: {}\n", "second document"),
    ("plugin: {}\n", "did you mean 'plugins'?"),
    ("plugins: [a]\n", "'plugins' must be a map"),
    ("\tplugins: {}\n", "tab"),
    ("plugins: {\n", "line"),
    ("agent: {state_dir: var/lib}\n", "absolute path"),
    ("agent: {sandbox: of}\n", "required, best-effort, off"),
    ("plugins: {UPPER: {}}\n", "no name of a plugin"),
    ("plugins: {sample-good: {options: {text: '${node.x}'}}}\n", "${node.x}"),
    ("node: {dir: /x}\nplugins: {sample-good: {options: {text: '${node.dri}'}}}\n", "did you mean 'dir'?"),
    ("plugins: {sample-good: {options: {token: plain-text-secret}}}\n", "is a secret: do not write it here"),
    ("plugins: {sample-good: {options: {server: 'nats://u:p@host'}}}\n", "user or password within the URL"),
    ("plugins: {sample-good: {options: {server: 'ftp://host'}}}\n", "begins with one of: nats://, http://"),
    ("plugins: {sample-good: {options: {folder: relative/x}}}\n", "absolute path"),
    ("plugins: {sample-good: {options: {names: one}}}\n", "must be a list"),
    ("plugins: {sample-good: {options: {ages: [1s]}}}\n", "must be a map"),
    ("plugins: {sample-good: {allow: [gpu]}}\n", "does not need a GPU: 'allow: [gpu]' grants nothing"),
    ("plugins: {sample-good: {allow: [network]}}\n", "'allow: [network]' grants nothing"),
    ("plugins: {sample-good: {allow: [disk]}}\n", "knows 'gpu' and 'network' only"),
    ("plugins: {sample-good: {tasks: {count: {on: [Bad.Topic]}}}}\n", "no topic pattern"),
    ("plugins: {sample-good: {tasks: {count: {on: [nobody.emits]}}}}\n", "no plugin of this manifest emits"),
    ("plugins: {sample-good: {tasks: {count: {every: soon}}}}\n", "must be a duration"),
    ("plugins: {sample-good: {limits: {memory: lots}}}\n", "must be a size"),
])
def test_each_mistake_in_a_manifest_has_its_own_message(tmp_path, text, words):
    path = tmp_path / "m.yaml"
    path.write_text(text)
    done = gonka("check", "-c", str(path), "--plugin-dir", TEST_PLUGINS)
    assert words in done.stderr, done.stderr
    assert f"{path}:" in done.stderr


def test_a_secret_is_never_shown_in_a_message(tmp_path):
    path = tmp_path / "m.yaml"
    path.write_text("plugins: {sample-good: {options: {token: hunter2-secret, server: 'nats://u:hunter2@h'}}}\n")
    done = gonka("check", "-c", str(path), "--plugin-dir", TEST_PLUGINS)
    assert "hunter2" not in done.stderr + done.stdout


def test_values_reach_the_task_in_every_type(world):
    world.write("  sample-good: {options: {text: 'a: b', number: -3, flag: false, period: 1m, room: 1kB, names: [x], "
                "ages: {k: 2s}}}\n")
    result = world.json("run", "sample-good", "echo")["result"]
    text = json.dumps(result)
    for piece in ("a: b", "-3", "60000000000", "1000", '"x"', "2000000000"):
        assert piece in text, text


def test_arguments_are_checked(world):
    world.write("  sample-good: {}\n")
    assert world.cli("run", "sample-good", "echo", "times=11").returncode == 2
    done = world.cli("run", "sample-good", "echo", "tims=1")
    assert done.returncode == 2
    assert "did you mean 'times'?" in done.stderr
    assert world.cli("run", "sample-good", "echo", "times=2").returncode == 0


def test_exit_codes_follow_the_outcome(world):
    world.write("  bad-tasks: {}\n  sample-good: {}\n")
    assert world.cli("run", "sample-good", "echo").returncode == 0
    assert world.cli("run", "bad-tasks", "exit").returncode == 1
    assert world.cli("run", "bad-tasks").returncode == 2
    assert world.cli("run", "bad-tasks", "bad-result").returncode == 3


def test_a_path_that_must_exist_is_missed_with_its_place(world):
    world.plugin_dir = PLUGINS
    world.write("  nats-ttl:\n    options: {ca: /does/not/exist.pem}\n")
    done = world.cli("check")
    assert done.returncode == 78
    assert re.search(r"manifest\.yaml:\d+:\d+: 'ca' of nats-ttl: /does/not/exist\.pem does not exist", done.stderr)


def test_what_could_not_be_observed_is_exit_code_4(world):
    world.plugin_dir = PLUGINS
    world.write("  nats-ttl: {options: {servers: ['nats://127.0.0.1:1']}}\n")
    assert world.cli("run", "nats-ttl", "report").returncode == 4


def test_without_a_daemon_status_says_so_and_4(world):
    world.write("  sample-good: {}\n")
    done = world.cli("status")
    assert done.returncode == 4
    assert "no daemon answers" in done.stderr


def test_installed_plugins_are_listed_with_what_is_wrong_with_them():
    done = gonka("plugins", "--plugin-dir", TEST_PLUGINS, "-c", "/dev/null", "--json")
    plugins = {p["name"]: p for p in json.loads(done.stdout)["plugins"]}
    assert plugins["sample-good"]["version"]
    assert "ABI 2.0" in plugins["bad-major"]["error"]


def test_no_colour_and_no_escapes_when_not_a_terminal(world):
    world.write("  sample-good: {}\n")
    assert "\x1b" not in world.cli("run", "sample-good", "echo").stdout


def test_the_man_page_and_the_completion_are_made_of_the_same_table(tmp_path):
    man = gonka("help", "--man").stdout
    completion = gonka("help", "--completion").stdout
    for command in ("check", "plan", "status", "journal"):
        assert command in man and command in completion
    script = tmp_path / "completion"
    script.write_text(completion)
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0


def deploy(tmp_path, name="deploy"):
    folder = tmp_path / name
    for home in (".inference", ".dapi", ".tmkms"):
        (folder / home).mkdir(parents=True)
    (folder / "docker-compose.yml").write_text("services: {}\n")
    (folder / "config.env").write_text("export KEY_NAME=host1\nexport API_PORT=\"8123\" # ours\nexport KEYRING_PASSWORD=s3cret\n")
    return folder


@pytest.mark.parametrize("name", ["deploy", "with space", "with: colon", "with \"quotes\" and $dollar", "ünïcode"])
def test_init_writes_a_manifest_that_passes_check(tmp_path, name):
    folder = deploy(tmp_path, name)
    manifest = tmp_path / "m.yaml"
    done = gonka("init", str(folder), "-o", str(manifest))
    assert done.returncode == 0, done.stderr
    assert "8123" in manifest.read_text()
    assert "s3cret" not in manifest.read_text()
    checked = gonka("check", "-c", str(manifest))
    assert checked.returncode == 0, checked.stderr


def test_init_has_a_beginning_for_every_other_plugin_that_passes_check_when_its_gaps_are_filled(tmp_path):
    folder = deploy(tmp_path)
    (tmp_path / "work").mkdir(mode=0o700)
    text = gonka("init", str(folder), "--plugin-dir", PLUGINS).stdout
    head, others = text.split("every option and task of it.\n")
    names = {name.removesuffix(".so") for name in os.listdir(PLUGINS)} - {"stamp", "nats-ttl", "backup-pruner"}
    assert names == {line[4:].split(":")[0] for line in others.splitlines() if re.match(r"  # [a-z]", line)}
    filled = re.sub(r"(work_dir: )# needed.*", rf"\1{tmp_path}/work", others)
    manifest = tmp_path / "m.yaml"
    manifest.write_text(head + re.sub(r"^  # ", "  ", filled, flags=re.MULTILINE))
    checked = json.loads(gonka("check", "-c", str(manifest), "--json").stdout)
    needed = set(re.findall(r"#     (\w+): # needed", filled))
    errors = [d["text"] for d in checked["diagnostics"] if d["level"] == "error"]
    assert all(any(f"'{key}'" in error for key in needed) for error in errors), errors
    assert needed or names <= set(json.dumps(checked["compiled"]).replace('"', " ").split())


@pytest.mark.parametrize("enabled", ["false", "true"])
def test_the_manifest_that_is_installed_passes_check(tmp_path, enabled):
    manifest = tmp_path / "m.yaml"
    with open(os.path.join(TOP, "etc/manifest.yaml"), encoding="utf-8") as file:
        text = file.read()
    manifest.write_text(text.replace("    enabled: false", f"    enabled: {enabled}"))
    done = gonka("check", "-c", str(manifest), "--plugin-dir", PLUGINS)
    assert done.returncode == 0, done.stderr
    assert f"{text.count('    enabled: false') if enabled == 'true' else 0} plugins" in done.stdout


def test_init_does_not_overwrite(tmp_path):
    folder = deploy(tmp_path)
    (tmp_path / "m.yaml").write_text("mine")
    done = gonka("init", str(folder), "-o", str(tmp_path / "m.yaml"))
    assert done.returncode == 3
    assert (tmp_path / "m.yaml").read_text() == "mine"


def test_init_says_what_is_no_deploy_directory(tmp_path):
    assert "does not look like a deploy directory" in gonka("init", str(tmp_path)).stderr
    assert "No such file" in gonka("init", str(tmp_path / "none")).stderr
    (tmp_path / "file").write_text("")
    assert "is no folder" in gonka("init", str(tmp_path / "file")).stderr
    assert gonka("init", str(tmp_path)).returncode == 1


def test_a_run_by_hand_goes_on_when_its_client_leaves(world, start):
    world.write("  sample-good: {tasks: {wait: {timeout: 2s}}}\n")
    start(world)
    client = subprocess.Popen([AGENT, "run", "sample-good", "wait", "-c", world.manifest], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    world.wait_for(plugin="sample-good", rec="run.start")
    client.kill()
    client.wait()
    assert world.wait_for(plugin="sample-good", rec="run.end")
    assert os.path.exists(world.socket)
