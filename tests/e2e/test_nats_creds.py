"""nats-ttl at a real nats-server that wants credentials (JWT and seed), named in the manifest by the file's path."""
import os
import re
import shutil
import sys

import pytest
from conftest import PLUGINS, TOP

sys.path.insert(0, os.path.join(TOP, "tests", "demo"))
sys.path.insert(0, os.path.join(TOP, "tests", "unit"))
import nats_creds  # noqa: E402
import streams  # noqa: E402
from natswire import Nats  # noqa: E402

DAY_NS = 24 * streams.HOUR_NS
STREAM = "txs_to_send"


@pytest.fixture(scope="module")
def logins(tmp_path_factory):
    """The folder of auth.conf and the .creds files."""
    folder = str(tmp_path_factory.mktemp("logins"))
    nats_creds.make(folder)
    return folder


@pytest.fixture
def server(tmp_path, logins):
    """A server that trusts the operator, with one stream of the account HOST."""
    if not shutil.which("nats-server", path=os.environ.get("PATH", "") + ":/usr/sbin"):
        pytest.skip("nats-server is not installed")
    with streams.Server(str(tmp_path / "store"), options=("-c", os.path.join(logins, "auth.conf"))) as running:
        ask(running, logins, "CREATE", {"name": STREAM, "subjects": [STREAM], "storage": "file"})
        yield running


@pytest.fixture
def enforce(world, server, logins):
    """enforce(name) runs nats-ttl with this credentials file: all it prints, and how it ended."""
    if not os.path.exists(os.path.join(PLUGINS, "nats-ttl.so")):
        pytest.skip("nats-ttl was not built")
    world.plugin_dir = PLUGINS

    def run(name, folder=logins):
        path = os.path.join(folder, f"{name}.creds")
        world.write(f"  nats-ttl: {{options: {{servers: ['nats://127.0.0.1:{server.port}'], "
                    f"streams: {{{STREAM}: 24h}}, creds: {{file: {path}}}}}}}\n")
        done = world.cli("run", "nats-ttl", "enforce")
        return done.stdout + done.stderr, world.records(rec="run.end", plugin="nats-ttl")[-1]

    return run


def ask(server, logins, call, body=None):
    with Nats(server.port, login=nats_creds.login(logins, "host")) as nats:
        return nats.ask(f"$JS.API.STREAM.{call}.{STREAM}", body)


def max_age(server, logins):
    return ask(server, logins, "INFO")["config"].get("max_age", 0)


def secrets_of(logins, name):
    """The seed, and the JWT's three parts: none of them may be seen anywhere."""
    with open(os.path.join(logins, f"{name}.creds"), encoding="ascii") as file:
        text = file.read()
    words = re.findall(r"^(SU[A-Z2-7]{56})$", text, re.M)
    words += re.findall(r"^eyJ[\w-]+\.([\w-]+)\.([\w-]+)$", text, re.M)[0]
    assert len(words) == 3
    return words


def assert_seen_nowhere(world, words, printed):
    """Neither on the terminal, nor in the journal, nor in anything else that the agent keeps."""
    kept = 0
    for folder, _, names in os.walk(world.state):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                text = file.read()
            kept += len(text)
            for word in words:
                assert word.encode("ascii") not in text, name
    assert kept > 0
    for word in words:
        assert word not in printed


def test_with_the_right_credentials_the_age_is_set(world, enforce, server, logins):
    assert max_age(server, logins) == 0
    printed, end = enforce("host")
    assert end["outcome"] == "changed", printed
    assert max_age(server, logins) == DAY_NS
    assert_seen_nowhere(world, secrets_of(logins, "host"), printed)


@pytest.mark.parametrize("name", ["stranger", "forged", "wrong-seed", "expired"])
def test_credentials_that_the_server_refuses_are_unknown_and_change_nothing(world, enforce, server, logins, name):
    printed, end = enforce(name)
    assert end["outcome"] == "unknown", printed
    assert f"127.0.0.1:{server.port}" in end["summary"]
    assert "not authorised" in end["summary"]
    assert "check the user, password, token, nkey or credentials of the manifest" in end["summary"]
    assert max_age(server, logins) == 0
    assert_seen_nowhere(world, secrets_of(logins, name), printed)


def test_an_account_without_jetstream_is_unknown_and_says_what_to_do(world, enforce, server, logins):
    printed, end = enforce("bare")
    assert end["outcome"] == "unknown", printed
    assert "enable JetStream for this account, or log in with another" in end["summary"]
    assert max_age(server, logins) == 0
    assert_seen_nowhere(world, secrets_of(logins, "bare"), printed)


def test_a_malformed_file_is_told_without_its_text(world, enforce, server, logins, tmp_path):
    words = secrets_of(logins, "host")
    with open(tmp_path / "half.creds", "w", encoding="ascii",
              opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write("\n".join(words))  # all the secrets, and none of the lines that name them
    printed, end = enforce("half", str(tmp_path))
    assert end["outcome"] == "failed", printed  # the settings are at fault, not the server
    assert "give the whole .creds file" in end["summary"]
    assert max_age(server, logins) == 0
    assert_seen_nowhere(world, words, printed)
