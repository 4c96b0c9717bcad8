#!/bin/sh
# The contract compiles alone, as C99 and as C++, with no warning.
set -eu
: "${srcdir:=.}"
header=$srcdir/include/gonka-agent/plugin.h
gcc -std=c99 -pedantic -Wall -Wextra -Wshadow -Wconversion -Werror -fsyntax-only -x c "$header"
echo "ok: plugin.h alone is C99"
g++ -std=c++11 -pedantic -Wall -Wextra -Werror -fsyntax-only -x c++ "$header"
echo "ok: plugin.h alone is C++"
