"""The reference is printed from the plugins' own tables and is kept in the repository: it must be what they print."""
import os
import subprocess

import pytest
from conftest import AGENT, PLUGINS, TOP

NAMES = sorted(name[:-3] for name in os.listdir(PLUGINS) if name.endswith(".so"))


@pytest.mark.parametrize("name", NAMES)
def test_the_page_in_the_repository_is_what_the_plugin_prints(name):
    printed = subprocess.run([AGENT, "plugins", name, "--markdown", "--plugin-dir", PLUGINS, "-c", "/dev/null"],
                             capture_output=True, text=True, check=True).stdout
    with open(os.path.join(TOP, "docs/reference", f"{name}.md"), encoding="utf-8") as file:
        assert file.read() == printed, "run `make reference`"


@pytest.mark.parametrize("name", NAMES)
def test_the_man_page_has_no_faults(name):
    page = subprocess.run([AGENT, "plugins", name, "--man", "--plugin-dir", PLUGINS, "-c", "/dev/null"],
                          capture_output=True, text=True, check=True).stdout
    assert page.startswith(".TH")
    for line in page.splitlines():
        assert not line.startswith(".") or line.split()[0] in (".TH", ".SH", ".SS", ".TP", ".B", ".BR", ".br")


@pytest.mark.parametrize("name", NAMES)
def test_a_plugin_shows_its_descriptor_and_nothing_else(name):
    symbols = subprocess.run(["nm", "-D", "--defined-only", os.path.join(PLUGINS, name + ".so")], capture_output=True,
                             text=True, check=True).stdout.split("\n")
    own = {line.split()[-1] for line in symbols if line} - {"_init", "_fini"}
    assert {symbol for symbol in own if "asan" not in symbol} == {"ga_plugin_v1"}
