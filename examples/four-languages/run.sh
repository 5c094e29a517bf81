#!/bin/sh
# Builds the four modules, runs the pipeline, and compares what it writes with expected/. The first run installs the tools.
set -eu
cd "$(dirname "$0")"
pelton=${1:-pelton}
for module in parse-bid in-euro classify mask-auction; do
    "$pelton" build "$module"
done
"$pelton" run pipeline.toml
diff -r expected out
