"""The unit's confinement is enough for the agent to do its work, and no more: its system-call filter, its user and its
capabilities are put in force here as systemd would, and the chores are done under them."""
import ctypes
import ctypes.util
import errno
import os
import shutil
import subprocess
import sys

import pytest
from conftest import AGENT, PLUGINS, SLOW, TOP, World

sys.path.insert(0, os.path.join(TOP, "tests", "demo"))
import deploy  # noqa: E402

ALLOW = 0x7fff0000
REFUSE = 0x00050000 | errno.EPERM
NOBODY = 65534


def unit_values(key):
    """The values that the unit gives to a key, in their order."""
    with open(os.path.join(TOP, "etc/gonka-agent.service.in"), encoding="utf-8") as lines:
        return [line.split("=", 1)[1].strip() for line in lines if line.startswith(key + "=")]


def expand(group, seen=()):
    """The calls in a group of systemd's, groups within it included."""
    if not group.startswith("@"):
        return {group}
    said = subprocess.run(["systemd-analyze", "--no-pager", "syscall-filter", group], capture_output=True, text=True,
                          check=True).stdout
    calls = set()
    for word in (line.strip() for line in said.splitlines()[1:]):
        if word and not word.startswith("#") and word not in seen:
            calls |= expand(word, (*seen, group))
    return calls


def allowed_calls():
    """As systemd reads the unit: later lines add to or take from the first, which allows."""
    calls = set()
    for value in unit_values("SystemCallFilter"):
        named = set().union(*(expand(word) for word in value.lstrip("~").split()))
        calls = calls - named if value.startswith("~") else calls | named
    return calls | expand("@default") | (expand("@debug") if sanitized() else set())


def sanitized():
    """Is the program one with the leak checker, which traces it at its end?"""
    with open(AGENT, "rb") as file:
        return b"__asan_init" in file.read()


@pytest.fixture(scope="module")
def load_filter():
    """A function that puts the unit's filter in force on the calling process, for ever."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    name = ctypes.util.find_library("seccomp")
    if not name:
        pytest.skip("libseccomp is not installed")
    library = ctypes.CDLL(name, use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_rule_add_array.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p]
    library.seccomp_load.argtypes = [ctypes.c_void_p]
    rules = library.seccomp_init(REFUSE)
    known = 0
    for call in allowed_calls():
        number = library.seccomp_syscall_resolve_name(call.encode())
        if number != -1:
            assert library.seccomp_rule_add_array(rules, ALLOW, number, 0, None) in (0, -errno.EDOM, -errno.EFAULT), call
            known += 1
    assert known > 200

    def load():
        if library.seccomp_load(rules) != 0:
            os._exit(99)
    return load


def test_the_filter_refuses_what_the_agent_has_no_business_with(load_filter):
    done = subprocess.run(["/bin/chown", "0:0", "/dev/null"], capture_output=True, text=True, check=False,
                          preexec_fn=load_filter)
    assert "Operation not permitted" in done.stderr


def probe_under(world, prefix):
    """What becomes of a read that no option allows, and what the daemon says of the sandbox."""
    os.makedirs(world.folder)
    world.write("  sandbox-probe: {}\n  sample-events: {}\n")
    process = subprocess.Popen([AGENT, "daemon", "-c", world.manifest], preexec_fn=prefix, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        world.wait_for(plugin="sample-events", task="echo", rec="run.start")
        end = world.json("run", "sandbox-probe", "read-file", "target=/etc/shadow")
        ping = world.json("run", "sample-events", "ping")
        said = {plugin["name"]: plugin["sandbox"] for plugin in world.status()["plugins"]}
    finally:
        process.terminate()
        assert process.wait(30) == 0
    return end["outcome"], end["summary"], ping["outcome"], said["sandbox-probe"], said["sample-events"]


def test_under_the_filter_runs_work_and_are_sandboxed_as_without_it(load_filter, tmp_path):
    plain = probe_under(World(tmp_path / "plain"), None)
    assert plain[2] == "ok"
    assert probe_under(World(tmp_path / "filtered"), load_filter) == plain


# --- user and capabilities --------------------------------------------------------------------------------------------


def as_the_unit(*command, capabilities=None):
    """The command as the unit's user: nobody here, with the unit's capabilities and no more."""
    wanted = capabilities if capabilities is not None else unit_values("AmbientCapabilities")[0].split()
    names = ",".join("+" + name.removeprefix("CAP_").lower() for name in wanted)
    given = f"-all,{names}" if names else "-all"
    return subprocess.run(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs",
                           f"--inh-caps={given}", f"--ambient-caps={given}", f"--bounding-set={given}", *command],
                          capture_output=True, text=True, timeout=120 * SLOW, check=False)


@pytest.fixture
def roots_home(tmp_path):
    """A home with copies, all of it root's and closed to others, and a manifest that prunes it."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("needs root and setpriv")
    plugin = os.path.join(PLUGINS, "backup-pruner.so")
    if not os.path.exists(plugin):
        pytest.skip("the backup-pruner was not built")
    reach = subprocess.run(["setpriv", f"--reuid={NOBODY}", "--clear-groups", AGENT, "help"], capture_output=True, check=False)
    if reach.returncode != 0:
        pytest.skip("the program lies where no other user can reach it")
    host = tmp_path / "host"
    deploy.make(str(host))
    os.chmod(host, 0o700)
    world = World(tmp_path, PLUGINS)
    os.mkdir(world.state)
    os.chown(world.state, NOBODY, NOBODY)
    world.write(f"  backup-pruner: {{options: {{homes: ['{host}/.inference'], keep: 1}}}}\n")
    for folder in [tmp_path, *tmp_path.parents]:
        if os.stat(folder).st_uid == 0 and str(folder).startswith("/tmp/"):
            os.chmod(folder, os.stat(folder).st_mode | 0o055)
    return world, host / ".inference"


def backups(home):
    return sorted(name for name in os.listdir(os.fsencode(home)) if name.startswith(b"data-backup-"))


def test_the_units_user_and_capabilities_suffice_to_prune_roots_backups(roots_home):
    world, home = roots_home
    before = backups(home)
    done = as_the_unit(AGENT, "run", "backup-pruner", "prune", "-c", world.manifest)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(backups(home)) == len(before) - 4
    assert os.path.isdir(home / "data")


def test_without_them_the_pruner_says_that_it_could_not_look_and_deletes_nothing(roots_home):
    world, home = roots_home
    before = backups(home)
    done = as_the_unit(AGENT, "run", "backup-pruner", "prune", "-c", world.manifest, capabilities=[])
    assert done.returncode == 4, done.stdout + done.stderr
    assert "Permission denied" in done.stdout + done.stderr
    assert backups(home) == before


def test_the_bounding_set_is_what_is_given_and_no_more():
    assert sorted(unit_values("CapabilityBoundingSet")[0].split()) == sorted(unit_values("AmbientCapabilities")[0].split())


