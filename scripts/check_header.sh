#!/usr/bin/env bash
# The header compiles alone and twice, as every C and C++ that hosts use, without a warning.
set -euo pipefail
cd "$(dirname "$0")/.."

count=0
check() { # check COMPILER LANGUAGE STANDARD
    for text in '#include <tenon.h>' $'#include <tenon.h>\n#include <tenon.h>'; do
        printf '%s\ntypedef TenonContext uses_it;\n' "$text" |
            "$1" -x "$2" -std="$3" -pedantic -Wall -Wextra -Werror -Iinclude -fsyntax-only -
        count=$((count + 1))
    done
}
for standard in c99 c11 c17; do check gcc c "$standard"; done
for standard in c++11 c++17 c++20; do check g++ c++ "$standard"; done
echo "header: $count compilations without a warning"
