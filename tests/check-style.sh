#!/bin/sh
# Style: banned calls, sizes of files, trailing blanks, borders between the folders, layout by clang-format. Prints each
# fault with its place.
set -u
cd "$(dirname "$0")/.."
faults=0
fault() { # fault TEXT [LINES]: counts and prints the lines, if there are any
    [ -n "$2" ] || return 0
    printf '%s:\n%s\n' "$1" "$2"
    faults=$((faults + $(printf '%s\n' "$2" | wc -l)))
}
sources=$(git ls-files '*.c' '*.h' 2>/dev/null || find agent kit plugins include tests -name '*.[ch]')
banned='strcpy|strcat|sprintf|strncpy|strtok|atoi|atol|gets|system|popen|alloca|localtime|gmtime|strerror|readdir_r'
fault "banned call" "$(grep -nE "(^|[^a-zA-Z0-9_])($banned)[[:space:]]*\(" $sources)"
fault "two things in one room?" "$(wc -l $sources | awk '$1 > 640 && $2 != "total" { print $2 ": " $1 " lines" }')"
fault "trailing blanks" "$(grep -nE '[[:space:]]+$' $sources)"
fault "// comment" "$(grep -nE '(^|[^:"])//' $sources | grep -vE '"[^"]*//[^"]*"')"
fault "kit/ includes of others" "$(grep -nE '#include "(agent|plugins|tests)/' kit/*.[ch])"
fault "agent/ includes plugins" "$(grep -nE '#include "(plugins|tests)/' agent/*.[ch])"
for folder in plugins/*/; do
    fault "a plugin includes another or the agent" "$(grep -nE '#include "(agent|plugins|tests)/' "$folder"*.[ch] | grep -v "\"$folder")"
done
if [ -n "$(command -v clang-format)" ]; then
    fault "layout differs: clang-format -i" "$(printf '%s\n' $sources | xargs -P "$(nproc)" -n 30 clang-format --dry-run --Werror 2>&1 |
        grep -E '^[^ ].*: error:')"
fi
[ "$faults" -eq 0 ] || { echo "$faults style faults"; exit 1; }
