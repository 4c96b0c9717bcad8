"""What is installed beside the program, checked by systemd's own tools."""
import os
import shutil
import subprocess

import pytest
from conftest import TOP

ETC = os.path.join(TOP, "etc")


@pytest.fixture
def unit(tmp_path):
    with open(os.path.join(ETC, "gonka-agent.service.in"), encoding="utf-8") as file:
        text = file.read()
    path = tmp_path / "gonka-agent.service"
    path.write_text(text.replace("@bindir@/gonka-agent", "/bin/true").replace("@sysconfdir@", "/etc"))
    return path


def analyze(*words):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    return subprocess.run(["systemd-analyze", "--no-pager", *words], capture_output=True, text=True, check=False)


def test_the_unit_is_understood(unit):
    done = analyze("verify", str(unit))
    said = [line for line in (done.stdout + done.stderr).splitlines() if "gonka-agent" in line and "man page" not in line
            and "Command 'man" not in line]
    assert not said


def test_its_exposure_is_at_most_3(unit):
    done = analyze("security", "--offline=true", "--threshold=30", str(unit))
    assert done.returncode == 0, done.stdout[-300:]


def test_the_calls_that_the_sandbox_needs_are_let_through(unit):
    allowed = [line for line in unit.read_text().splitlines()
               if line.startswith("SystemCallFilter=") and not line.startswith("SystemCallFilter=~")]
    for call in ("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"):
        assert call in " ".join(allowed)


def test_the_drop_in_for_gpus_is_understood(unit, tmp_path):
    folder = tmp_path / "gonka-agent.service.d"
    folder.mkdir()
    shutil.copy(os.path.join(ETC, "gonka-agent-gpu.conf"), folder / "gpu.conf")
    done = analyze("verify", str(unit))
    assert "gpu.conf" not in done.stdout + done.stderr


def test_group_and_folders_are_understood(tmp_path):
    if not shutil.which("systemd-sysusers"):
        pytest.skip("systemd-sysusers is not installed")
    (tmp_path / "etc").mkdir()
    sysusers = subprocess.run(["systemd-sysusers", f"--root={tmp_path}", os.path.join(ETC, "gonka-agent.sysusers.conf")],
                              capture_output=True, text=True, check=False)
    assert sysusers.returncode == 0, sysusers.stderr
    assert "gonka-agent" in (tmp_path / "etc/group").read_text()
    tmpfiles = subprocess.run(["systemd-tmpfiles", f"--root={tmp_path}", "--create",
                               os.path.join(ETC, "gonka-agent.tmpfiles.conf")], capture_output=True, text=True, check=False)
    assert tmpfiles.returncode == 0, tmpfiles.stderr
    assert (tmp_path / "var/lib/gonka-agent").is_dir()
