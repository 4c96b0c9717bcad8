"""nats-ttl against the newest nats-server, where a Go toolchain can fetch it: the same tests as against the packaged one."""
import os
import shutil
import subprocess

import pytest
from conftest import AGENT, SLOW, TEST_PLUGINS, TOP

TESTS = ("test_nats_ttl", "test_nats_ttl_guards", "test_nats_ttl_server", "test_nats_ttl_watch", "test_nats_ttl_report")


@pytest.fixture(scope="module")
def newest(tmp_path_factory):
    """The program: GA_NATS_SERVER_NEWEST names one, else it is built from the newest release."""
    if os.environ.get("GA_NATS_SERVER_NEWEST"):
        return os.environ["GA_NATS_SERVER_NEWEST"]
    if not shutil.which("go"):
        pytest.skip("no Go toolchain to fetch the newest nats-server with")
    folder = tmp_path_factory.mktemp("go")
    done = subprocess.run(["go", "install", "github.com/nats-io/nats-server/v2@latest"], capture_output=True, text=True,
                          env={**os.environ, "GOBIN": str(folder), "GOPATH": str(folder / "path"), "GOFLAGS": "-modcacherw"},
                          timeout=300, check=False)
    if done.returncode != 0:
        pytest.skip("the newest nats-server cannot be fetched: " + done.stderr.strip().splitlines()[-1])
    return str(folder / "nats-server")


@pytest.mark.parametrize("name", TESTS)
def test_all_that_holds_with_the_packaged_server_holds_with_the_newest(newest, name):
    build = os.path.dirname(AGENT)
    program = os.path.join(build, "tests/unit", name)
    if subprocess.run(["make", "-C", build, f"tests/unit/{name}"], capture_output=True, check=False).returncode != 0:
        pytest.skip(f"{name} cannot be built (no cmocka?)")
    done = subprocess.run([program], cwd=build, capture_output=True, text=True, timeout=300 * SLOW, check=False,
                          env={**os.environ, "GA_NATS_SERVER": newest, "GA_TEST_PLUGINS": TEST_PLUGINS, "srcdir": TOP})
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
