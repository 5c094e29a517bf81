#!/usr/bin/env bash
# Sends readings to a job that is killed again and again, and compares the folders of Parquet with what was to be sent.
# Usage: verify.sh PELTON [ROWS [KILLS]]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
examples=$(dirname "$here")
pelton=$(realpath "$1")
rows=${2:-150000}
kills=${3:-5}
source "$examples/verify.bash"
columns='sensor VARCHAR, n BIGINT, celsius DOUBLE, at TIMESTAMP, day DATE'

cd "$work"
cp "$here/job.toml" .
address=127.0.0.1:$(( 20000 + RANDOM % 20000 ))
listen=(--set "source.feed.listen=\"$address\"")
"$here/feed.py" --print --rows "$rows" > sent.csv
source=$(checksum sent.csv)
say "$rows readings are sent to a job that is killed $kills times."
printf '  %-40s %s\n' "what is to arrive" "$source"

"$here/feed.py" "$address" --rows "$rows" --rate 30000 2> feed.log &
feed=$!
running+=("$feed")
for kill in $(seq "$kills"); do
  start job.toml "${listen[@]}"
  (( kill > 1 )) || until_more out/_manifest.jsonl 0
  some_time 100 1500
  kill_last
done
start job.toml "${listen[@]}"
job=${running[-1]}
for _ in $(seq 300); do
  [ "$(checksum out 2> /dev/null)" = "$source" ] && break
  sleep 0.3
done
kill -TERM "$feed"
wait "$feed" || fail "the feed ended with $?: $(cat feed.log)"
stop "$job"
running=()
same "$source" "folders by sensor and day" out
find out -name 'part-*' -printf '  %h\n' | sort -u
said=$(sed -n 's/ rows said.*//p' feed.log)
(( said > rows )) || fail "nothing was said again, so that nothing was tried: $(cat feed.log)"
"$pelton" checkpoint verify state > /dev/null || fail "the checkpoint is damaged"

say "A part of the target is taken away, or is there twice."
part=$(find out -name 'part-*' | sort | head -n 1)
mv "$part" aside.parquet
differs "$source" "a part less" out
cp aside.parquet "$part"
cp aside.parquet "${part%.parquet}-again.parquet"
differs "$source" "a part twice" out

say "Each row is there once."
