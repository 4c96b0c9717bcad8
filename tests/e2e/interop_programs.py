"""Real programs of the network, which a Go toolchain fetches and builds once. That takes minutes: the files interop_*.py are run by
`make check-interop`, and by ./check --slow. GA_INTEROP_CACHE names the folder where what was built is kept."""
import os
import shutil
import subprocess

import pytest

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
    done = subprocess.run(["go", "build", "-o", program + ".new", package], cwd=folder, capture_output=True, text=True,
                          timeout=BUILD_S, check=False, env={**os.environ, "GOFLAGS": "-mod=mod"})
    if done.returncode != 0:
        pytest.skip(f"{name} {version} cannot be fetched or built: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
    os.rename(program + ".new", program)
    return program


@pytest.fixture(scope="session")
def cosmovisor():
    return built("cosmovisor", "cosmossdk.io/tools/cosmovisor/cmd/cosmovisor", "cosmossdk.io/tools/cosmovisor", "v1.5.0")
