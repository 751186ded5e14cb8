#!/usr/bin/env bash
# An installed Tenon can be used as the README says: by pkg-config, by CMake, statically, and from C++.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
make --no-print-directory install PREFIX="$work/usr" >/dev/null
make --no-print-directory install PREFIX=/usr DESTDIR="$work/staged" >/dev/null
grep -q '^prefix=/usr$' "$work/staged/usr/lib/pkgconfig/tenon.pc"
export PKG_CONFIG_PATH="$work/usr/lib/pkgconfig"

# A copy without the source tree around it: nothing but the installed files can be found.
cp -r c_examples "$work/src"

make --no-print-directory -s -C "$work/src" BUILD="$work/shared"
LD_LIBRARY_PATH="$work/usr/lib" "$work/shared/gradients"
make --no-print-directory -s -C "$work/src" BUILD="$work/static" STATIC=1
"$work/static/gradients"
if readelf -dW "$work/static/gradients" | grep -q libtenon; then
    echo "install: the statically linked program asks for the shared library" >&2
    exit 1
fi
cmake -S "$work/src" -B "$work/cmake" >/dev/null
cmake --build "$work/cmake" >/dev/null
LD_LIBRARY_PATH="$work/usr/lib" "$work/cmake/gradients"

cat >"$work/version.cc" <<'PROGRAM'
#include <tenon.h>
int main()
{
    TenonContext context;
    return tenon_context_new(nullptr, &context, nullptr) == TENON_OK && tenon_context_free(context) == TENON_OK ? 0 : 1;
}
PROGRAM
g++ -std=c++11 -pedantic -Wall -Wextra -Werror "$work/version.cc" -o "$work/version" $(pkg-config --cflags --libs tenon)
LD_LIBRARY_PATH="$work/usr/lib" "$work/version"
echo "install: pkg-config, static, CMake, and C++ programs run"
