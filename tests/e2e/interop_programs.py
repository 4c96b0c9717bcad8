"""Real programs of the network, which a Go toolchain fetches and builds once. That takes minutes: the files interop_*.py are run by
`make check-interop`, and by ./check --slow. GA_INTEROP_CACHE names the folder where what was built is kept."""
import hashlib
import os
import shutil
import subprocess

import pytest
from conftest import TOP

CACHE = os.environ.get("GA_INTEROP_CACHE") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "gonka-agent-interop")
BUILD_S = 1500


def built(name, package, module, version):
    """The path of a program from the Go module proxy; the test is skipped where it cannot be had."""
    folder = os.path.join(CACHE, f"{name}-{version}")
    program = os.path.join(folder, name)
    if os.path.exists(program):
        return program
    if not shutil.which("go"):
        pytest.skip(f"no Go toolchain to fetch {name} with")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "go.mod"), "w", encoding="utf-8") as out:
        out.write(f"module interop\ngo 1.23\nrequire {module} {version}\n")
    with open(os.path.join(folder, "tools.go"), "w", encoding="utf-8") as out:
        out.write(f'//go:build tools\n\npackage interop\n\nimport _ "{package}"\n')
    return build(f"{name} {version}", folder, package, program)


def build(name, folder, package, program):
    """Skips where the sources cannot be had; what then does not build is a failure."""
    env = {**os.environ, "GOFLAGS": "-mod=mod -buildvcs=false"}
    try:
        fetched = subprocess.run(["go", "list", "-deps", package], cwd=folder, capture_output=True, text=True, timeout=BUILD_S,
                                 check=False, env=env)
        if fetched.returncode != 0:
            pytest.skip(f"{name} cannot be fetched: {(fetched.stderr.strip().splitlines() or ['?'])[-1]}")
        done = subprocess.run(["go", "build", "-o", f"{program}.{os.getpid()}", package], cwd=folder, capture_output=True, text=True,
                              timeout=BUILD_S, check=False, env=env)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{name} was not fetched and built within {BUILD_S} s")
    assert done.returncode == 0, done.stderr[-3000:]
    os.rename(f"{program}.{os.getpid()}", program)
    return program


@pytest.fixture(scope="session")
def cosmovisor():
    return built("cosmovisor", "cosmossdk.io/tools/cosmovisor/cmd/cosmovisor", "cosmossdk.io/tools/cosmovisor", "v1.5.0")


@pytest.fixture(scope="session")
def inferenced():
    """The chain of tests/interop/chain, made of the Cosmos SDK's own modules; built again when its text changes."""
    source = os.path.join(TOP, "tests", "interop", "chain")
    text = b""
    for name in ("go.mod", "main.go"):
        with open(os.path.join(source, name), "rb") as file:
            text += file.read()
    folder = os.path.join(CACHE, "chain-" + hashlib.sha256(text).hexdigest()[:16])
    program = os.path.join(folder, "inferenced")
    if os.path.exists(program):
        return program
    if not shutil.which("go"):
        pytest.skip("no Go toolchain to build a chain with")
    os.makedirs(folder, exist_ok=True)
    for name in ("go.mod", "main.go"):
        shutil.copy(os.path.join(source, name), folder)
    return build("a chain of the Cosmos SDK", folder, ".", program)
