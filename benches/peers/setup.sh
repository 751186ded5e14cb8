#!/usr/bin/env bash
# Makes a Python environment with the peers in target/bench/venv. Does nothing when it is there and up to date.
#
# PyTorch's wheel for Linux brings its CUDA libraries along and does not load without them, although only the CPU is measured here:
# about 6 GB of disk.
set -euo pipefail
cd "$(dirname "$0")/../.."

environment=target/bench/venv
requirements=benches/peers/requirements.txt
if cmp -s "$requirements" "$environment/installed.txt"; then
    exit 0
fi

free_kb=$(df -Pk . | awk 'NR == 2 { print $4 }')
if [ "$free_kb" -lt $((10 * 1024 * 1024)) ]; then
    echo "benches/peers/setup.sh: the peers need about 6 GB and some room to unpack; only $((free_kb / 1024)) MB are free here" >&2
    exit 1
fi

mkdir -p target/bench
nice python3 -m venv "$environment"
echo "installing the peers into $environment (some minutes) ..." >&2
nice "$environment/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
cp "$requirements" "$environment/installed.txt"
