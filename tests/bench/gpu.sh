#!/bin/sh
# What is to be known of a machine with a graphics card: does it compute right, how fast, and how does that compare to PyTorch?
#   tests/bench/gpu.sh [BUILD_DIR]     a build that is there (default: build, made if it is missing)
# Self-test of every path, the network's V2 vectors on every path, the bench, and PyTorch on the same card in the same run
# where the python3 on the PATH has it. Exit 1: something is wrong, or there is no card.
set -eu
cd "$(dirname "$0")/../.."
build=${1:-build}
if [ ! -x "$build/gonka-agent" ]; then
    [ -x configure ] || ./autogen.sh
    mkdir -p "$build"
    (cd "$build" && ../configure && make -j"$(nproc)") >"$build/gpu-build.log" 2>&1 || {
        tail -n 40 "$build/gpu-build.log"
        exit 1
    }
fi
GONKA_AGENT=$(readlink -f "$build/gonka-agent")
GONKA_PLUGINS=$(readlink -f "$build/run/plugins")
export GONKA_AGENT GONKA_PLUGINS
exec python3 tests/bench/bench_gpu.py
