#!/bin/sh
# tools/fuzz.sh SECONDS - run each fuzz target for so long; crashes are kept in build/fuzz/found.
set -eu
cd "$(dirname "$0")/.."
mkdir -p build/fuzz/found
for target in build/fuzz/test/fuzz/*_fuzz; do
    name=$(basename "$target")
    mkdir -p "build/fuzz/corpus/$name"
    echo "== $name, $1 s"
    "$target" -max_total_time="$1" -artifact_prefix="build/fuzz/found/$name-" -print_final_stats=1 \
        "build/fuzz/corpus/$name" "test/fuzz/corpus/${name%_fuzz}"
done
