"""The tutorial holds: the sample plugin is built outside the tree with what `make install` puts on a machine, its unit
test passes there, and the agent runs it. What docs/writing-a-plugin.md shows is the sample itself."""
import glob
import os
import re
import shutil
import subprocess

import pytest
from conftest import AGENT, TOP, World

SAMPLE = os.path.join(TOP, "docs/sample-plugin")
BUILD = os.path.dirname(AGENT)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the built sample, and the environment for make in it."""
    if not os.path.exists(os.path.join(BUILD, "Makefile")):
        pytest.skip("the program does not lie in a build folder")
    dest = tmp_path_factory.mktemp("dest")
    done = subprocess.run(["make", "-C", BUILD, "install", f"DESTDIR={dest}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    found = glob.glob(f"{dest}/**/pkgconfig/gonka-agent.pc", recursive=True)
    assert len(found) == 1
    with open(found[0], encoding="utf-8") as lines:
        prefix = next(line.strip().removeprefix("prefix=") for line in lines if line.startswith("prefix="))
    folder = tmp_path_factory.mktemp("sample")
    for path in glob.glob(f"{SAMPLE}/*"):
        shutil.copy(path, folder)
    env = {**os.environ, "PKG_CONFIG_PATH": os.path.dirname(found[0]),
           "LD_LIBRARY_PATH": os.path.dirname(os.path.dirname(found[0])),
           "PKG_CONFIG": f"pkg-config --define-variable=prefix={dest}{prefix}"}
    with open(AGENT, "rb") as file:
        if b"__asan_init" in file.read():
            env.update(CFLAGS="-g -fsanitize=address,undefined")
    done = subprocess.run(["make", "-e", "-C", str(folder), "log-trim.so"], capture_output=True, text=True, check=False,
                          env={**env, "CFLAGS": "-g -Wall -Wextra -Werror"})
    assert done.returncode == 0, done.stderr
    os.chmod(folder / "log-trim.so", 0o755)
    return folder, env


@pytest.fixture
def trimmed(built, world, tmp_path):
    """A world whose manifest names the sample and a log file of 2000 bytes."""
    world = World(tmp_path, str(built[0]))
    (tmp_path / "app.log").write_text("x" * 2000)
    world.write(f"  log-trim: {{options: {{file: {tmp_path}/app.log, max_size: 1kB}}}}\n")
    return world


def test_its_unit_test_passes_outside_the_tree(built):
    folder, env = built
    done = subprocess.run(["make", "-e", "-C", str(folder), "check"], capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all passed" in done.stdout


def test_the_agent_plans_it_and_runs_it(trimmed, tmp_path):
    assert trimmed.cli("check").returncode == 0
    plan = trimmed.cli("plan", "log-trim")
    assert "would  empty" in plan.stdout
    assert (tmp_path / "app.log").stat().st_size == 2000
    assert trimmed.json("run", "log-trim", "trim")["outcome"] == "changed"
    assert (tmp_path / "app.log").stat().st_size == 0
    assert trimmed.json("run", "log-trim", "trim")["outcome"] == "ok"
    assert [r["ok"] for r in trimmed.records(rec="acted")] == [True]


def test_its_sandbox_holds_it_to_its_file(trimmed, tmp_path):
    (tmp_path / "app.log").unlink()
    os.symlink("/etc/passwd", tmp_path / "app.log")
    end = trimmed.json("run", "log-trim", "trim")
    assert end["outcome"] in ("refused", "unknown")
    assert end["acts"] == []


def test_the_agent_knows_its_options(trimmed):
    said = trimmed.cli("plugins", "log-trim").stdout
    assert "max_size" in said and "100MB" in said
    trimmed.write("  log-trim: {options: {fiel: /x}}\n")
    checked = trimmed.cli("check")
    assert checked.returncode == 78
    assert "did you mean 'file'?" in checked.stderr


def test_the_tutorial_shows_the_sample_as_it_is():
    with open(os.path.join(TOP, "docs/writing-a-plugin.md"), encoding="utf-8") as file:
        text = file.read()
    files = ""
    for path in glob.glob(f"{SAMPLE}/*"):
        with open(path, encoding="utf-8") as file:
            files += file.read()
    shown = re.findall(r"```(?:c|make)\n(.*?)```", text, re.DOTALL)
    assert len(shown) >= 4
    for block in shown:
        assert block in files, block


def test_the_tutorials_session_goes_as_it_is_shown(built, tmp_path):
    with open(os.path.join(TOP, "docs/writing-a-plugin.md"), encoding="utf-8") as file:
        text = file.read().replace("/tmp/", f"{tmp_path}/")
    os.makedirs(tmp_path / "bin")
    os.symlink(AGENT, tmp_path / "bin/gonka-agent")
    env = {**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    shutil.copy(built[0] / "log-trim.so", tmp_path)
    (tmp_path / "m.yaml").write_text(re.search(r"```yaml\n# m.yaml\n(.*?)```", text, re.DOTALL).group(1))
    session = re.findall(r"^    \$ (.*?)(?: +#.*)?\n((?:    [^$\n].*\n)*)", text, re.MULTILINE)
    assert len(session) >= 5
    for command, shown in session:
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=env, cwd=tmp_path, check=False)
        assert done.returncode == 0, (command, done.stderr)
        said = [line.strip() for line in (done.stdout + done.stderr).splitlines()]
        assert [line.strip() for line in shown.splitlines()] == said or not shown, (command, said)
