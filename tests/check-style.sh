#!/bin/sh
# Style: banned calls, sizes of files, trailing blanks, layout by clang-format. Prints each fault with its place.
set -u
cd "$(dirname "$0")/.."
faults=0
fault() {
    echo "$1"
    faults=$((faults + 1))
}
sources=$(git ls-files '*.c' '*.h' 2>/dev/null || find agent kit plugins include tests -name '*.[ch]')
banned='strcpy|strcat|sprintf|strncpy|strtok|atoi|atol|gets|system|popen|alloca|localtime|gmtime|strerror|readdir_r'
for f in $sources; do
    hits=$(grep -nE "(^|[^a-zA-Z0-9_])($banned)[[:space:]]*\(" "$f") && fault "$f: banned call: $hits"
    lines=$(wc -l <"$f")
    [ "$lines" -le 640 ] || fault "$f: $lines lines: two things in one room?"
    grep -nE '[[:space:]]+$' "$f" >/dev/null && fault "$f: trailing blanks"
    grep -nE '(^|[^:"])//' "$f" | grep -vE '"[^"]*//[^"]*"' >/dev/null && fault "$f: // comment"
done
if [ -n "$(command -v clang-format)" ]; then
    for f in $sources; do
        clang-format --dry-run --Werror "$f" 2>/dev/null || fault "$f: layout differs: clang-format -i $f"
    done
fi
[ "$faults" -eq 0 ] || { echo "$faults style faults"; exit 1; }
