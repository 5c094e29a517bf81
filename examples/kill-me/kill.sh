#!/usr/bin/env bash
# Runs bids.toml once in peace, and once while it is killed with SIGKILL at random instants; then compares what came out.
# Usage: kill.sh PELTON [KILLS]
set -euo pipefail
cd "$(dirname "$0")"
pelton=$1
wanted=${2:-25}

digest() { cat out/part-* | cksum; }
fresh() { rm -rf state out; }

fresh
echo "undisturbed:"
begun=$(date +%s%N)
"$pelton" run bids.toml --log off 2>&1 | head -n 1
whole=$(( ($(date +%s%N) - begun) / 1000000 ))
expected=$(digest)
echo "  out/part-*: $(wc -c < <(cat out/part-*)) bytes, cksum $expected"

fresh
kills=0
while :; do
  "$pelton" run bids.toml --log off > last.log 2>&1 &
  process=$!
  if (( kills < wanted )); then
    # From a moment to half of the time that the whole takes.
    milliseconds=$(( whole * (RANDOM % 50 + 2) / 100 ))
    sleep "$(( milliseconds / 1000 )).$(printf '%03d' $(( milliseconds % 1000 )))"
    if kill -9 "$process" 2> /dev/null; then
      wait "$process" 2> /dev/null || true
      kills=$(( kills + 1 ))
      printf '\rkilled %d times, %s bytes committed ' "$kills" "$(cat out/part-* 2> /dev/null | wc -c)"
      continue
    fi
  fi
  wait "$process" || { echo; cat last.log; exit 1; }
  break
done
printf '\n'
head -n 2 last.log
rm -f last.log
actual=$(digest)
echo "  out/part-*: $(wc -c < <(cat out/part-*)) bytes, cksum $actual"
if [ "$expected" != "$actual" ]; then
  echo "the output differs after $kills kills"
  exit 1
fi
echo "the same bytes after $kills kills: nothing lost, nothing twice"
