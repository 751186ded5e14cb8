#!/usr/bin/env bash
# check_examples.sh LIBDIR: the example programs compile without a warning, run, leak nothing, and print the same numbers twice and with any
# number of workers.
set -euo pipefail
cd "$(dirname "$0")/.."

libdir=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

make --no-print-directory -C c_examples TENON_LIB="$libdir" BUILD="$work" CFLAGS='-O1 -g -Werror'

if ! diff <(sed -n '/^```c$/,/^```$/p' README.md | sed '1d;$d') c_examples/xor.c; then
    echo "README.md shows another program than c_examples/xor.c" >&2
    exit 1
fi
"$work/xor" | tee "$work/xor.txt"
awk '{ exit !($NF < 1e-3) }' "$work/xor.txt"

valgrind --quiet --error-exitcode=1 --leak-check=full "$work/gradients"
echo "gradients: right, and nothing leaks"

"$work/custom_cell" | tee "$work/custom_cell.txt"
grep -q '^test accuracy [0-9.]* %$' "$work/custom_cell.txt"

run() { # run NAME [OPTION...]: the numbers without the time and the place
    local name=$1
    shift
    mkdir "$work/$name"
    "$work/train_digits" --out "$work/$name" "$@" | sed -e '/^trained in /d' -e '/^wrote /d' >"$work/$name.txt"
}
run first
run second
for workers in 1 2 3; do run "workers$workers" --workers "$workers"; done
for name in second workers1 workers2 workers3; do
    diff "$work/first.txt" "$work/$name.txt"
    cmp "$work/first/digits.safetensors" "$work/$name/digits.safetensors"
done
run other --seed 8
if cmp -s "$work/first.txt" "$work/other.txt"; then
    echo "train_digits: another seed printed the same numbers" >&2
    exit 1
fi
grep -q '</svg>' "$work/first/digits_loss.svg"
tail -n 1 "$work/first.txt"
echo "train_digits: the same numbers twice, and with 1, 2, and 3 workers"
