"""What a plugin may touch is what its options name, and nothing else. Needs a kernel with Landlock."""
import ctypes
import json
import os
import socket
import sys

import pytest
from conftest import DEADLINE_S, Daemon

# What the kernel knows of Landlock: landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION)
ABI = ctypes.CDLL(None).syscall(444, None, 0, 1)


@pytest.fixture
def probe(world, tmp_path):
    if ABI < 1:
        pytest.skip("this kernel has no Landlock")
    (tmp_path / "allowed").mkdir()
    world.write(f"  sandbox-probe: {{options: {{folder: {tmp_path}/allowed, server: 'http://127.0.0.1:9'}}}}\n",
                agent="sandbox: best-effort")

    def run(task, *words):
        return world.json("run", "sandbox-probe", task, *words)
    return run


def test_a_file_that_no_option_names_cannot_be_read(probe):
    assert "EACCES" in probe("read-file", "target=/etc/shadow")["summary"]


def test_the_named_folder_can_be_written_and_the_one_beside_it_cannot(probe, tmp_path):
    assert "EACCES" in probe("write-file", f"target={tmp_path}/beside")["summary"]
    assert "EACCES" not in probe("write-file", f"target={tmp_path}/allowed/file")["summary"]
    assert (tmp_path / "allowed/file").exists()
    assert not (tmp_path / "beside").exists()


def test_a_symlink_does_not_lead_out(probe, tmp_path):
    os.symlink("/etc/shadow", tmp_path / "allowed/link")
    assert "EACCES" in probe("follow-link", "target=/etc/shadow")["summary"]


@pytest.mark.skipif(ABI < 4, reason="this kernel's Landlock knows no ports")
def test_a_port_that_no_option_names_cannot_be_connected_to(probe):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        assert "EACCES" in probe("connect-port", f"port={listener.getsockname()[1]}")["summary"]


def test_a_port_that_is_named_can_be(probe):
    assert "EACCES" not in probe("connect-port", "port=9")["summary"]  # refused, for nobody listens there


def test_a_program_that_no_option_names_cannot_be_executed(probe):
    assert "EACCES" in probe("exec-program", "target=/bin/true")["summary"]


@pytest.mark.skipif(ABI < 6, reason="this kernel's Landlock knows no signals")
def test_the_agent_cannot_be_signalled(probe):
    assert "EPERM" in probe("signal-parent")["summary"]


def test_status_says_what_is_in_force(world, start):
    world.write("  sandbox-probe: {}\n")
    start(world)
    world.json("run", "sandbox-probe", "limits")
    assert "landlock" in world.status()["plugins"][0]["sandbox"]


def test_plugins_prints_the_rules_of_the_manifest(world, tmp_path):
    (tmp_path / "allowed").mkdir()
    world.write(f"  sandbox-probe: {{options: {{folder: {tmp_path}/allowed, server: 'http://127.0.0.1:9'}}}}\n")
    text = world.cli("plugins", "sandbox-probe").stdout
    assert f"read write at and below {tmp_path}/allowed" in text
    assert "connect to TCP port 9" in text


def test_it_can_be_switched_off_in_the_manifest_and_only_there(world, tmp_path):
    (tmp_path / "allowed").mkdir()
    world.write("  sandbox-probe: {}\n", agent="sandbox: off")
    assert "EACCES" not in world.json("run", "sandbox-probe", "read-file", "target=/etc/hostname")["summary"]


def test_secrets_are_masked_everywhere(world, tmp_path, start):
    secret = tmp_path / "secret"
    secret.write_text("correct-horse-battery\n")
    secret.chmod(0o600)
    world.write(f"  sample-secret: {{options: {{password: {{file: {secret}}}}}}}\n")
    done = world.cli("check")
    if done.returncode != 0:
        pytest.fail(done.stderr)
    daemon = start(world)
    end = world.json("run", "sample-secret", "leak")
    world.wait_for(plugin="sample-secret", rec="run.end")
    assert "correct-horse" not in json.dumps(end)
    assert "correct-horse" not in daemon.log()
    assert "correct-horse" not in json.dumps(world.records())
    assert "***" in json.dumps(end)


# --- a kernel without it ----------------------------------------------------------------------------------------------

NO_LANDLOCK = [sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "without_landlock.py")]


def test_where_it_is_required_and_cannot_be_had_the_agent_does_not_start(world, tmp_path):
    world.write("  sandbox-probe: {}\n", agent="sandbox: required")
    daemon = Daemon(world, via=NO_LANDLOCK, wait=False)
    assert daemon.process.wait(DEADLINE_S) == 78
    assert daemon.end() == 78
    assert "'sandbox: required' wants landlock abi 4" in daemon.log()
    assert "this kernel offers none: use a newer kernel, or 'sandbox: best-effort'" in daemon.log()


def test_where_it_is_required_and_cannot_be_had_nothing_runs_by_hand(world, tmp_path):
    world.write("  sandbox-probe: {}\n", agent="sandbox: required")
    done = world.cli("run", "sandbox-probe", "write-file", f"target={tmp_path}/file", via=NO_LANDLOCK)
    assert done.returncode == 78
    assert "'sandbox: required' wants landlock abi 4" in done.stderr
    assert not (tmp_path / "file").exists()


def test_the_same_by_hand_runs_where_it_is_not_required(world, tmp_path):
    world.write("  sandbox-probe: {}\n")
    world.cli("run", "sandbox-probe", "write-file", f"target={tmp_path}/file", via=NO_LANDLOCK)
    assert (tmp_path / "file").exists()


@pytest.mark.skipif(ABI < 4, reason="this kernel's Landlock is no such as can be required")
def test_where_it_is_required_and_can_be_had_it_is_in_force(world, start, tmp_path):
    world.write("  sandbox-probe: {}\n", agent="sandbox: required")
    start(world)
    assert "EACCES" in world.json("run", "sandbox-probe", "write-file", f"target={tmp_path}/file")["summary"]
    assert not (tmp_path / "file").exists()
    assert world.status()["plugins"][0]["sandbox"].startswith("landlock abi ")


def test_where_it_is_not_required_it_runs_and_status_says_that_nothing_confines_it(world, start, tmp_path):
    world.write("  sandbox-probe: {}\n")
    daemon = start(world, via=NO_LANDLOCK)
    assert "EACCES" not in world.json("run", "sandbox-probe", "write-file", f"target={tmp_path}/file")["summary"]
    assert (tmp_path / "file").exists()
    assert world.status()["plugins"][0]["sandbox"] == "none: this kernel has no landlock"
    assert "sandbox-probe runs without a sandbox: this kernel has no landlock\n" in world.cli("status").stdout
    assert "sandbox: none: this kernel has no landlock" in daemon.log()
