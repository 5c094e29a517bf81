#!/usr/bin/env bash
# Computes epochs of a job again: bit for bit, with another module, from a bundle where nothing else is; and verifies all of them.
# Usage: demo.sh PELTON
set -euo pipefail
cd "$(dirname "$0")"
pelton=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
run() { printf '$ pelton'; printf ' %q' "$@"; printf '\n'; "$pelton" "$@"; }

cp bids.toml "$work/job.toml"
cd "$work"
say "A job with a checkpoint, run to its end."
run run job.toml --color never

say "Which of its epochs are kept?"
run checkpoint inspect state

say "One of them again, bit for bit: its state is computed from the snapshot before it, or from the start."
run replay job.toml --epoch 7 --rows 3

say "What if the filter had let smaller bids through, from that epoch on?"
run replay job.toml --epoch 7 --with large=std:filter --option 'where=price > 5000' --diff

say "All of them, each task with fresh instances: is every module a function?"
run verify job.toml --all

say "The epoch in one file, with all that it takes."
run replay job.toml --epoch 7 --rows 0 --save 7.bundle

say "On another machine: here a folder where the job, its checkpoint and its output are not."
mkdir elsewhere
mv 7.bundle elsewhere
rm -r job.toml state out
cd elsewhere
run replay --bundle 7.bundle --rows 3
