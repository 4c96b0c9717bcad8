"""./quickstart: the demo on an embedded host, the look at a real one, and what it leaves behind: nothing."""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

import pytest
from conftest import AGENT, PLUGINS, SLOW, TOP, wait_until

sys.path.insert(0, os.path.join(TOP, "tests", "demo"))
import deploy  # noqa: E402

QUICKSTART = os.path.join(TOP, "quickstart")


@contextlib.contextmanager
def build_folder(folder):
    """A build folder with nothing left to do: the program and plugins under test."""
    if not shutil.which("nats-server", path=os.environ.get("PATH", "") + ":/usr/sbin"):
        pytest.skip("nats-server is not installed")
    if not {"nats-ttl.so", "backup-pruner.so"} <= set(os.listdir(PLUGINS) if os.path.isdir(PLUGINS) else ()):
        pytest.skip("the plugins were not built")
    (folder / "run").mkdir(parents=True)
    os.symlink(tempfile.mkdtemp(prefix="qs"), folder / "tmp")  # short: a socket's name has at most 107 bytes
    os.symlink(AGENT, folder / "gonka-agent")
    os.symlink(PLUGINS, folder / "run/plugins")
    (folder / "Makefile").write_text("all:\n")
    yield folder
    shutil.rmtree(os.readlink(folder / "tmp"))


@pytest.fixture
def build(tmp_path):
    with build_folder(tmp_path / "build") as folder:
        yield folder


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """One run of the demo in the folder that the program was built in: a second run, then. How it ended, what was
    left in the temporary folder and running."""
    real = os.path.dirname(AGENT) if os.path.exists(os.path.join(os.path.dirname(AGENT), "Makefile")) else None
    with build_folder(tmp_path_factory.mktemp("demo") / "build") as folder:
        done = quickstart(folder, build=real)
        yield done, os.listdir(folder / "tmp"), processes_of(folder)


def environment(folder, build=None):
    return {**os.environ, "QUICKSTART_BUILD": str(build or folder), "TMPDIR": os.readlink(folder / "tmp")}


def quickstart(folder, *words, build=None, **kwargs):
    return subprocess.run([QUICKSTART, *words], capture_output=True, text=True, timeout=180 * SLOW, check=False,
                          env=environment(folder, build), **kwargs)


def processes_of(folder):
    """Processes that have anything of this folder in their command line."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if os.readlink(folder / "tmp").encode() in file.read():
                    found.append(int(pid))
        except OSError:
            pass  # it has just ended
    return found


def snapshot(folder):
    """Every file with what would tell a change."""
    found = {}
    for where, folders, names in os.walk(os.fsencode(str(folder))):
        for name in folders + names:
            state = os.lstat(os.path.join(where, name))
            found[os.path.join(where, name)] = (state.st_mode, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    return found


def test_the_demo_shows_the_chores_done(demo):
    done = demo[0]
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for words in ("good, ", "would  set-max-age  stream txs_to_send", "nothing was changed",
                  "every task has had its first run", "backup-pruner prune  done", "10.0 d ->", "GB gone"):
        assert words in done.stdout, words
    lifetimes = re.findall(r"^txs_\w+ .*none -> +(\S+ \S)$", done.stdout, re.MULTILINE)
    assert lifetimes == ["24.0 h"] * 2 + ["3.0 d"] * 6


def test_the_demo_leaves_nothing_running_and_nothing_behind(demo):
    assert demo[1:] == ([], [])


def test_a_stream_that_is_created_anew_has_its_lifetime_within_two_seconds(demo):
    seconds = float(re.search(r"had it again ([\d.]+) s later", demo[0].stdout).group(1))
    assert seconds < 2 * SLOW


def test_a_jailing_is_noticed_and_explained_and_not_undone_too_early(demo):
    if "validator.so" not in os.listdir(PLUGINS):
        pytest.skip("the plugin was not built")
    assert re.search(r"^ +bad +jailed +jailed until .*UTC \(in ", demo[0].stdout, re.MULTILINE)
    assert re.search(r"^ +no +jail-time +the jail time ends ", demo[0].stdout, re.MULTILINE)
    assert re.search(r"^ +yes +synced +this host's node is in step with 3 others", demo[0].stdout, re.MULTILINE)


def test_a_proposal_is_explained_and_voted_on_by_policy_after_its_delay(demo):
    if "governance.so" not in os.listdir(PLUGINS):
        pytest.skip("the plugin was not built")
    out = demo[0].stdout
    assert re.search(r"^ +epoch_params.epoch_length: 17280 -> 15391$", out, re.MULTILINE)
    assert re.search(r"^1 +waits +votes yes .*UTC \(in ", out, re.MULTILINE)
    assert re.search(r"^ +tally +as it stands .*turnout ", out, re.MULTILINE)
    assert re.search(r"^ +my vote +yes$", out, re.MULTILINE) and "proposal 1: yes" in out


def test_a_small_model_generates_and_its_proofs_are_right(demo):
    if "poc-worker.so" not in os.listdir(PLUGINS):
        pytest.skip("the worker was not built")
    rows = re.findall(r"^ +(\d+) +(\d\.\d{9}) +(\d\.\d{9})$", demo[0].stdout, re.MULTILINE)
    assert len(rows) == 4
    for _, posted, anew in rows:
        assert float(posted) == pytest.approx(float(anew), abs=2e-5)
        assert float(posted) < 1.39


def test_a_second_run_builds_nothing(demo):
    for words in ("installing", "configuring", "making configure", "files compiled"):
        assert words not in demo[0].stdout


def tell_to_end(process):
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(60) == 143


def press_ctrl_c(process):
    """As a terminal sends it, to all in front; again when a command that was just ending has swallowed it."""
    while process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(5 * SLOW)
        except subprocess.TimeoutExpired:
            pass
    assert process.returncode != 0


@pytest.mark.parametrize("end", [tell_to_end, press_ctrl_c])
def test_a_signal_in_the_middle_ends_all_that_it_has_started(build, end):
    process = subprocess.Popen([QUICKSTART], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               env=environment(build), start_new_session=True)
    try:
        for line in process.stdout:
            if "Now for real" in line:
                break
        wait_until(lambda: any(b"daemon" in command(pid) for pid in processes_of(build)), "the daemon runs")
        reader = threading.Thread(target=process.stdout.read)
        reader.start()
        end(process)
        reader.join()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    wait_until(lambda: processes_of(build) == [], "nothing is left running")
    assert os.listdir(build / "tmp") == []


def command(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""


def test_stay_keeps_it_up_until_it_is_told_to_end(build):
    process = subprocess.Popen([QUICKSTART, "--stay"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               env=environment(build), start_new_session=True)
    try:
        manifest = None
        for line in process.stdout:
            found = re.search(r"gonka-agent status -c (\S+)", line)
            manifest = found.group(1) if found else manifest
            if "Ctrl-C ends it" in line:
                break
        status = subprocess.run([AGENT, "status", "-c", manifest], capture_output=True, text=True, check=False)
        assert status.returncode == 0, status.stderr
        assert "nats-ttl enforce" in status.stdout
        os.kill(process.pid, signal.SIGTERM)
        process.stdout.read()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    wait_until(lambda: processes_of(build) == [], "nothing is left running")


def test_for_a_real_host_it_writes_a_manifest_plans_and_changes_nothing(build, tmp_path):
    host = tmp_path / "join"
    deploy.make(str(host))
    before = snapshot(host)
    done = quickstart(build, str(host))
    assert done.returncode in (3, 4), done.stdout + done.stderr  # no NATS server here, and no 250 GB free
    assert "would be made; nothing was changed" in done.stdout
    assert "backup-pruner prune" in done.stdout and "nats-ttl enforce" in done.stdout
    assert snapshot(host) == before
    assert os.listdir(build / "tmp") == []
    checked = subprocess.run([AGENT, "check", "-c", str(build / "manifest.yaml"), "--plugin-dir", PLUGINS], check=False)
    assert checked.returncode == 0


def test_what_is_no_deploy_directory_is_said(build, tmp_path):
    (tmp_path / "empty").mkdir()
    done = quickstart(build, str(tmp_path / "empty"))
    assert done.returncode == 1
    assert "does not look like a deploy directory" in done.stderr
    done = quickstart(build, str(tmp_path / "none"))
    assert done.returncode == 1
    assert "is no folder" in done.stderr


def test_a_temporary_folder_with_too_long_a_name_is_said(build, tmp_path):
    long = tmp_path / ("x" * 100)
    long.mkdir()
    done = subprocess.run([QUICKSTART], capture_output=True, text=True, check=False,
                          env={**environment(build), "TMPDIR": str(long)})
    assert done.returncode == 1
    assert "TMPDIR is too long" in done.stderr
    assert os.listdir(long) == []


@pytest.mark.parametrize("words", [["--sty"], ["--stay", "/tmp"], ["/tmp", "/var"]])
def test_a_wrong_use_is_2(build, words):
    done = quickstart(build, *words)
    assert done.returncode == 2
    assert "usage:" in done.stderr


def test_a_build_that_fails_shows_its_log(build):
    (build / "Makefile").write_text("all:\n\t@echo here is the mistake >&2; exit 1\n")
    done = quickstart(build)
    assert done.returncode == 1
    assert "here is the mistake" in done.stderr
    assert "quickstart.log" in done.stderr


def test_the_demo_notices_when_a_chore_was_not_done(tmp_path):
    world = os.path.join(TOP, "tests/demo/world.py")
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    text = ('{"at": 0, "streams": {"a": {"messages": 0, "bytes": 0, "first": "", "max_age_ns": 0}}, "folders": '
            '{".inference/data": {"kind": "folder", "bytes": %d, "disk_bytes": 0}}}')
    before.write_text(text % 1)
    after.write_text(text % 2)
    done = subprocess.run([sys.executable, world, "compare", before, after], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    for words in ("stream a has no lifetime", "no old backup is gone", ".inference/data was touched"):
        assert words in done.stdout


def test_the_worlds_backlog_is_refused_when_the_store_is_of_another_format(tmp_path):
    import backlog
    folder = tmp_path / "jetstream/$G/streams/a/msgs"
    folder.mkdir(parents=True)
    (folder / "1.blk").write_bytes(backlog.HEAD.pack(34, 1, 0, 1) + b"a" + b"xyz" + bytes(8))
    with pytest.raises(ValueError, match="not as expected"):
        backlog.age_stream(str(tmp_path), "a", lambda sequence: 0)
