#!/bin/sh
# Replays the corpora: every fuzzer that was built reads all inputs that it ever was given. The sanitizers are in the build.
set -eu
top=${srcdir:-.}
for program in tests/fuzz/fuzz_*; do
    [ -x "$program" ] && [ -f "$program" ] || continue
    name=$(basename "$program")
    corpus=$top/tests/fuzz/corpus/${name#fuzz_}
    n=$(find "$corpus" -type f | wc -l)
    [ "$n" -gt 0 ] || { echo "$name has no corpus in $corpus"; exit 1; }
    find "$corpus" -type f -exec "./$program" {} +
    echo "$name: $n inputs"
done
