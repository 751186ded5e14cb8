#!/usr/bin/env bash
# Installs what the build needs and this machine lacks; says nothing when all is there. `setup.sh test` adds what the tests need,
# `setup.sh bench` what the benchmarks need. Debian and its relatives only: elsewhere it names what is missing.
set -euo pipefail

rust_wanted=1.95
purpose=${1:-build}

missing=()
need() { # need COMMAND PACKAGE
    command -v "$1" >/dev/null 2>&1 || missing+=("$2")
}
need cc gcc
need make make
if [ "$purpose" = test ]; then
    need gcc gcc
    need g++ g++
    need readelf binutils
    need pkg-config pkg-config
    need cmake cmake
    need valgrind valgrind
fi
if [ "$purpose" = bench ]; then
    need python3 python3
    need taskset util-linux
    python3 -c 'import ensurepip' >/dev/null 2>&1 || missing+=(python3-venv)
fi

if [ ${#missing[@]} -gt 0 ]; then
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "setup: please install: ${missing[*]} (the names are Debian's)" >&2
        exit 1
    fi
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null 2>&1; then
            echo "setup: please run as root: apt-get install ${missing[*]}" >&2
            exit 1
        fi
        as_root=(sudo)
    fi
    echo "setup: installing ${missing[*]}" >&2
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

if ! command -v cargo >/dev/null 2>&1; then
    echo "setup: Tenon is written in Rust and needs cargo, version $rust_wanted or later." >&2
    echo "setup: rustup, the installer of the Rust project, puts it in place for one user, without root; then run this again." >&2
    exit 1
fi
rust=$(rustc --version | cut -d ' ' -f 2)
if [ "$(printf '%s\n' "$rust_wanted" "$rust" | sort -V | head -n 1)" != "$rust_wanted" ]; then
    echo "setup: Rust $rust_wanted or later is needed, this is $rust; 'rustup update stable' brings the current one." >&2
    exit 1
fi
[ "$purpose" = test ] || exit 0
for tool in fmt clippy; do
    if ! cargo "$tool" --version >/dev/null 2>&1; then
        echo "setup: 'cargo $tool' is missing; 'rustup component add rustfmt clippy' brings it." >&2
        exit 1
    fi
done
