#!/usr/bin/env bash
# Moves orders to Parquet and back, killed in the middle, and with files that come later; compares checksums of what went in and what came out.
# Usage: verify.sh PELTON [ROWS [KILLS]]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
examples=$(dirname "$here")
pelton=$(realpath "$1")
rows=${2:-80000}
kills=${3:-4}
source "$examples/verify.bash"
columns='id BIGINT, customer VARCHAR, note VARCHAR, price DECIMAL(12,2), weight DOUBLE, paid BOOLEAN, due DATE, at TIMESTAMP'

# place NAME: a folder with the jobs.
place() { mkdir "$work/$1" && cd "$work/$1" && cp "$here"/*.toml .; }
make_orders() { "$here/make-orders.py" data "$@"; }
compare() {
  same "$1" "out/parquet" out/parquet
  same "$1" "out/csv" out/csv
  same "$1" "out/json" out/json
}

say "The orders in data/: CSV and JSON lines to Parquet, and back."
place shipped
cp -r "$here/data" .
source=$(checksum data)
printf '  %-40s %s\n' "data" "$source"
run to-parquet.toml
run from-parquet.toml
compare "$source"

say "$rows orders; each of the two jobs is killed $kills times."
place killed
make_orders --rows "$rows" --files 160
source=$(checksum data)
# An epoch for each file, so that there are enough of them to be killed in.
small=(--set 'batch.max-bytes="16KiB"')
killed "$kills" out/parquet/_manifest.jsonl to-parquet.toml "${small[@]}"
killed "$kills" out/csv/_manifest.jsonl from-parquet.toml "${small[@]}"
compare "$source"

say "A part of the target is taken away, or is there twice."
mv out/parquet/part-00000.parquet aside.parquet
differs "$source" "a part less" out/parquet
cp aside.parquet out/parquet/part-00000.parquet
cp aside.parquet out/parquet/part-again.parquet
differs "$source" "a part twice" out/parquet
rm out/parquet/part-again.parquet

say "Four files more have come. The next runs take only these."
make_orders --rows 2000 --files 4 --first "$rows"
for job in to-parquet from-parquet; do
  took=$(rows_taken "$job.toml")
  [ "$took" = 2000 ] || fail "$job took $took rows"
  printf '  %-40s %s rows\n' "$job took" "$took"
done
compare "$(checksum data)"

say "Both jobs watch, and are killed $kills times while files come."
place watching
mkdir -p data out/parquet
watch=(--set 'source.csv.watch="100ms"' --set 'source.json.watch="100ms"')
for round in $(seq 0 "$kills"); do
  make_orders --rows 4000 --files 4 --first $((round * 4000))
  start to-parquet.toml "${watch[@]}"
  start from-parquet.toml --set 'source.parquet.watch="100ms"'
  some_time 100 900
  [ "$round" = "$kills" ] && break
  kill_last
  kill_last
done
source=$(checksum data)
for _ in $(seq 300); do
  [ "$(checksum out/csv 2> /dev/null)" = "$source" ] && [ "$(checksum out/json 2> /dev/null)" = "$source" ] && break
  sleep 0.2
done
for process in "${running[@]}"; do stop "$process"; done
running=()
compare "$source"

say "The same rows everywhere."
