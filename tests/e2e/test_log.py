"""The agent's log: where it goes, what a line looks like, what is left out of it."""
import os
import re
import shutil
import socket
import subprocess

import pytest
from conftest import wait_until

LINE = re.compile(r'time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z level=(err|warning|notice|info|debug)'
                  r'( plugin=[a-z0-9-]+)?( task=[a-z0-9-]+)?( run=[0-9a-f]+-[0-9a-f]+)? msg="(([^"\\]|\\["\\])*)"')


def lines_of(daemon, **wanted):
    """The log's lines taken apart; those of which the fields have these values."""
    found = []
    log = daemon.log()
    for text in log[:log.rfind("\n") + 1].split("\n")[:-1]:  # no control character ends a line but that one
        match = LINE.fullmatch(text)
        assert match, f"not a line of the log: {text!r}"
        fields = dict(part.split("=") for part in text[:match.start(5)].split()[:-1])
        fields["msg"] = re.sub(r'\\(["\\])', r"\1", match[5])
        if all(fields.get(key) == value for key, value in wanted.items()):
            found.append(fields)
    return found


# --- stderr -----------------------------------------------------------------------------------------------------------

def test_a_line_says_when_how_bad_who_and_what(world, start):
    world.write("  sample-good: {tasks: {echo: {every: never}}}\n")
    daemon = start(world)
    assert world.json("run", "sample-good", "echo")["outcome"] == "ok"
    said = wait_until(lambda: lines_of(daemon, plugin="sample-good", task="echo", level="info"), "it is logged")
    run = world.wait_for(plugin="sample-good", task="echo", rec="run.end")[0]["run"]
    assert {line["run"] for line in said} == {run}
    assert any(re.fullmatch(r"has \d+ options", line["msg"]) for line in said)
    assert any(line["msg"].startswith("ok in ") for line in said)


def test_no_plugin_can_forge_a_line(world, start):
    world.write("  bad-log: {}\n")
    daemon = start(world)
    world.json("run", "bad-log", "forge")
    wait_until(lambda: lines_of(daemon, plugin="bad-log", task="forge", level="info"), "the end is logged")
    told = [line["msg"] for line in lines_of(daemon, plugin="bad-log", level="warning")]
    assert told == ['a "quoted" word and a back\\slash', "one  time=1970-01-01T00:00:00Z level=err msg=\"forged\"",
                    "bell   escape  [31m delete   tab  end"]


def test_nothing_that_is_printed_can_forge_a_line(world, start):
    world.write("  bad-log: {}\n")
    daemon = start(world)
    assert world.json("run", "bad-log", "print")["outcome"] == "ok"
    wait_until(lambda: any(line["msg"].endswith("printed") for line in lines_of(daemon)), "the end is logged")
    told = [line["msg"] for line in lines_of(daemon, plugin="bad-log", task="print")]
    assert [text for text in told if not re.match("sandbox: |ok in ", text)] == [
        'a "quoted" word and a back\\slash', 'one  time=1970-01-01T00:00:00Z level=err msg="forged"',
        "bell   escape  [31m delete   tab  end", "half a character ?"]


def test_a_line_that_is_too_long_is_cut_between_characters(world, start):
    world.write("  bad-log: {}\n")
    daemon = start(world)
    world.json("run", "bad-log", "long-line")
    line = wait_until(lambda: lines_of(daemon, plugin="bad-log", task="long-line", level="warning"), "it is logged")[0]
    assert re.fullmatch("€{600,}[?]{0,2}", line["msg"])
    assert len(line["msg"].encode()) < 2048


def test_nothing_is_coloured_where_no_terminal_is(world, start):
    world.write("  bad-log: {}\n")
    daemon = start(world, env={"TERM": "xterm-256color"})
    world.json("run", "bad-log", "forge")
    wait_until(lambda: lines_of(daemon, plugin="bad-log", task="forge", level="info"), "the end is logged")
    assert "\x1b" not in daemon.log()


@pytest.mark.parametrize("level,left", [("warning", {"warning"}), ("err", set())])
def test_less_than_the_manifest_asks_for_is_left_out(world, start, level, left):
    world.write("  bad-log: {}\n")
    with open(world.manifest, encoding="utf-8") as file:
        text = file.read()
    with open(world.manifest, "w", encoding="utf-8") as file:
        file.write(text.replace("log_level: debug", f"log_level: {level}"))
    daemon = start(world)
    world.json("run", "bad-log", "forge")
    world.wait_for(plugin="bad-log", task="forge", rec="run.end")
    assert {line["level"] for line in lines_of(daemon, plugin="bad-log")} == left


def test_secrets_are_masked_in_every_line(world, start, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("correct-horse-battery\n")
    secret.chmod(0o600)
    world.write(f"  sample-secret: {{options: {{password: {{file: {secret}}}}}, tasks: {{leak: {{every: never}}}}}}\n")
    daemon = start(world)
    world.json("run", "sample-secret", "leak")
    said = wait_until(lambda: lines_of(daemon, plugin="sample-secret", level="notice"), "the end is logged")
    assert "correct-horse" not in daemon.log()
    assert lines_of(daemon, plugin="sample-secret", level="warning")[0]["msg"] == "the password is ***, really ***"
    assert "told '***' and 21 bytes" in said[0]["msg"]


# --- too much ---------------------------------------------------------------------------------------------------------

def left_out(daemon, plugin):
    """How many lines of the plugin were left out, by what the log says."""
    counts = [re.fullmatch(r"(\d+) lines of this plugin were left out, it wrote too many", line["msg"])
              for line in lines_of(daemon, plugin=plugin, level="warning")]
    return sum(int(match[1]) for match in counts if match)


def test_every_line_of_a_flood_is_written_or_counted_when_the_run_ends(world, start):
    world.write("  bad-tasks: {tasks: {flood-logs: {timeout: 1m}}}\n")
    daemon = start(world)
    assert world.json("run", "bad-tasks", "flood-logs")["summary"] == "all logged"
    wait_until(lambda: any("all logged" in line["msg"] for line in lines_of(daemon, plugin="bad-tasks")), "it ended")
    written = [line for line in lines_of(daemon, plugin="bad-tasks") if "far too many" in line["msg"]]
    assert len(written) < 2000
    assert left_out(daemon, "bad-tasks") + len(written) == 20000
    assert world.status()["plugins"][0]["log_lines_dropped"] == left_out(daemon, "bad-tasks")


def test_a_flood_costs_the_others_no_line(world, start):
    world.write("  bad-tasks: {}\n  bad-log: {}\n")
    daemon = start(world)
    world.json("run", "bad-tasks", "flood-logs")
    world.json("run", "bad-log", "forge")
    wait_until(lambda: lines_of(daemon, plugin="bad-log", task="forge", level="info"), "the end is logged")
    assert len(lines_of(daemon, plugin="bad-log", level="warning")) == 3
    assert left_out(daemon, "bad-log") == 0


# --- the journal ------------------------------------------------------------------------------------------------------

def can_have_own_mounts():
    return shutil.which("unshare") and subprocess.run(["unshare", "-rm", "true"], capture_output=True,
                                                      check=False).returncode == 0


class Journal:
    """The service manager's journal, as far as clients see it: a socket in a /run that only one daemon sees."""

    def __init__(self, folder):
        run = folder / "run"
        path = run / "systemd" / "journal" / "socket"
        path.parent.mkdir(parents=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.setblocking(False)
        self.entries = []
        self.via = ["unshare", "-rm", "sh", "-c", 'mount --bind "$0" /run && exec "$@"', str(run)]

    def read(self):
        while True:
            try:
                datagram = self.socket.recv(1 << 16)
            except BlockingIOError:
                return self.entries
            self.entries.append(fields_of(datagram))

    def wait_for(self, **wanted):
        """The first entry with these fields; waits for it."""
        return wait_until(lambda: next((e for e in self.read() if all(e.get(k) == v for k, v in wanted.items())), None),
                          f"an entry {wanted}")


def fields_of(datagram):
    """The journal's own protocol: NAME=value, or for values with line breaks NAME, 64 bits of length, the value."""
    fields = {}
    while datagram:
        line, _, datagram = datagram.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            size = int.from_bytes(datagram[:8], "little")
            value, datagram = datagram[8:8 + size], datagram[9 + size:]
        fields[name.decode()] = value.decode()
    return fields


@pytest.fixture
def journal(tmp_path):
    if not can_have_own_mounts():
        pytest.skip("a /run of one's own needs user namespaces")
    journal = Journal(tmp_path)
    yield journal
    journal.socket.close()


def stream_of(world):
    """What JOURNAL_STREAM says when the daemon's stderr is the journal: here the file that the test gives it."""
    path = os.path.join(world.folder, "daemon.log")
    with open(path, "ab") as log:
        stat = os.fstat(log.fileno())
    return f"{stat.st_dev}:{stat.st_ino}"


def test_the_journal_gets_fields_instead_of_text(world, start, journal):
    world.write("  bad-log: {}\n")
    daemon = start(world, env={"JOURNAL_STREAM": stream_of(world)}, via=journal.via)
    world.json("run", "bad-log", "forge")
    end = journal.wait_for(GONKA_PLUGIN="bad-log", GONKA_TASK="forge", PRIORITY="6")
    run = world.wait_for(plugin="bad-log", rec="run.end")[0]["run"]
    assert (end["SYSLOG_IDENTIFIER"], end["GONKA_RUN"]) == ("gonka-agent", run)
    said = [e["MESSAGE"] for e in journal.entries if e["PRIORITY"] == "4" and e.get("GONKA_PLUGIN") == "bad-log"]
    assert said[0] == 'bad-log forge: a "quoted" word and a back\\slash'
    assert daemon.log() == ""


def test_a_line_of_the_agent_itself_has_no_plugin(world, start, journal):
    world.write("  bad-log: {}\n")
    start(world, env={"JOURNAL_STREAM": stream_of(world)}, via=journal.via)
    entries = wait_until(journal.read, "the agent says something")
    assert not entries[0]["GONKA_PLUGIN"] and not entries[0]["GONKA_TASK"] and not entries[0]["GONKA_RUN"]
    assert entries[0]["MESSAGE"] and not entries[0]["MESSAGE"].startswith(":")


@pytest.mark.parametrize("stream", ["1:2", "no numbers", ""])
def test_a_stream_that_is_not_stderr_leaves_the_log_on_stderr(world, start, journal, stream):
    world.write("  bad-log: {}\n")
    daemon = start(world, env={"JOURNAL_STREAM": stream}, via=journal.via)
    world.json("run", "bad-log", "forge")
    wait_until(lambda: lines_of(daemon, plugin="bad-log", task="forge", level="info"), "the end is logged")
    assert journal.read() == []
