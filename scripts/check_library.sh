#!/usr/bin/env bash
# check_library.sh LIBRARY: the shared library is small, depends on the C runtime alone, and exports the C API alone.
set -euo pipefail

library=$1
limit=$((4 * 1000 * 1000))
allowed='^(libc\.so\.6|libm\.so\.6|libgcc_s\.so\.1|libpthread\.so\.0|libdl\.so\.2|ld-linux.*\.so\.[0-9])$'

stripped=$(mktemp)
trap 'rm -f "$stripped"' EXIT
strip --strip-unneeded -o "$stripped" "$library"
size=$(stat -c %s "$stripped")
if [ "$size" -ge "$limit" ]; then
    echo "library: $size bytes when stripped; it must stay below $limit (RUSTFLAGS would replace the options of .cargo/config.toml)" >&2
    exit 1
fi

soname=$(readelf -dW "$library" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')
if [[ ! $soname =~ ^libtenon\.so\.[0-9]+$ ]]; then
    echo "library: its SONAME is '$soname', not libtenon.so.N" >&2
    exit 1
fi

needed=$(readelf -dW "$library" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
if strangers=$(grep -Ev "$allowed" <<<"$needed"); then
    echo "library: it must not depend on" $strangers >&2
    exit 1
fi

exported=$(readelf --dyn-syms -W "$library" | awk '$7 != "UND" && ($5 == "GLOBAL" || $5 == "WEAK") { sub(/@.*/, "", $8); print $8 }')
if strangers=$(grep -v '^tenon_' <<<"$exported"); then
    echo "library: symbols of others are exported:" $strangers >&2
    exit 1
fi
echo "library: $size bytes stripped, $(grep -c '^tenon_' <<<"$exported") functions, needs" $needed
