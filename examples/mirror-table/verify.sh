#!/usr/bin/env bash
# Mirrors a table while it changes and the job is killed, and compares checksums of table, mirror and history.
# Usage: verify.sh PELTON [ROWS [KILLS]]. It starts a PostgreSQL server of its own in a temporary folder, reached by a socket there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
examples=$(dirname "$here")
pelton=$(realpath "$1")
rows=${2:-30000}
kills=${3:-4}
source "$examples/verify.bash"
columns='id BIGINT, name VARCHAR, note VARCHAR, price DECIMAL(12,2), weight DOUBLE, tags VARCHAR, deleted BOOLEAN, at TIMESTAMPTZ, version BIGINT'
cd "$work"

# A server: the system's programs, or Debian's, unpacked for the tests. It does not run as root.
mapfile -t found < <("$examples/../tests/debian.sh" postgresql initdb postgres psql)
[ -n "${found[0]:-}" ] || fail "PostgreSQL is missing"
export PATH="${found[0]}:$PATH" LC_ALL=C TZ=UTC
libraries=(env ${found[1]:+LD_LIBRARY_PATH="${found[1]}"})
chmod 755 "$work"
mkdir data socket
as=()
if [ "$(id -u)" = 0 ]; then
  chown nobody data socket
  as=(setpriv --reuid=nobody --clear-groups)
fi
(cd data && "${as[@]}" "${libraries[@]}" initdb --auth=trust --no-sync --encoding=UTF8 --locale=C --username=pelton -D "$work/data" > "$work/initdb.log")
(cd data && exec "${as[@]}" "${libraries[@]}" postgres -D "$work/data" -k "$work/socket" -c listen_addresses= -c fsync=off > "$work/server.log" 2>&1) &
running+=($!)
url() { echo "postgresql:///$1?host=$work/socket&user=pelton"; }
sql() { "${libraries[@]}" psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$(url "$1")" "${@:2}"; }
for _ in $(seq 600); do sql postgres -c 'SELECT 1' > /dev/null 2>&1 && break; sleep 0.1; done
sql postgres -c 'CREATE DATABASE source' > /dev/null
sql postgres -c 'CREATE DATABASE mirror' > /dev/null
sql source -f "$here/source.sql" > /dev/null
sql mirror -f "$here/target.sql" > /dev/null
SOURCE_URL=$(url source) TARGET_URL=$(url mirror)
export SOURCE_URL TARGET_URL
export_changes() { "${libraries[@]}" "$here/export.sh" changes; }

# change ROUND: new rows, rows that change once and twice, rows that are deleted; what is in them is a function of id and round.
change() {
  sql source -v "round=$1" -v "rows=$(( rows / (kills + 1) ))" > /dev/null <<'SQL'
    INSERT INTO items (id, name, note, price, weight, tags, at)
    SELECT id, 'item ' || id, (ARRAY[NULL, '', E'two\nlines', 'say "please", or not', '\N', '🎁'])[1 + id % 6],
      CASE WHEN id % 11 > 0 THEN (id * 7919 % 100000000) / 100.0 END, CASE WHEN id % 5 > 0 THEN id / 3.0 END,
      CASE WHEN id % 3 > 0 THEN jsonb_build_object('of', id % 13, 'colours', '["red", "grün"]'::jsonb) END,
      timestamptz '2026-01-31 00:00:00+00' + id % 5 * interval '1 day' + id * interval '1.000001 s'
    FROM generate_series(:round * :rows, (:round + 1) * :rows - 1) AS id;
    UPDATE items SET price = price + 0.01, note = note || '!', at = at + interval '1 h' WHERE id % 7 = :round % 7;
    UPDATE items SET weight = -weight WHERE id % 70 = :round % 7;
    DELETE FROM items WHERE id % 101 = :round;
SQL
}
# A transaction that is still open while others that began later are exported.
slow() {
  sql source -c "BEGIN; UPDATE items SET name = name || ' (slow)' WHERE id % 100 = 7 AND id < $1 * $(( rows / (kills + 1) ))
    AND id % 7 <> $1 % 7 AND id % 101 <> $1; SELECT pg_sleep(1); COMMIT" > /dev/null
}

table() { # DATABASE: its table, as a file
  sql "$1" -c "COPY (SELECT id, name, note, price, weight, tags, deleted,
    to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS at, version FROM items)
    TO STDOUT (FORMAT csv, HEADER, NULL '\\N', FORCE_QUOTE (name, note, tags))" > "$1.csv"
}
# The server's own opinion, which reads no files.
own() { sql "$1" -c "SELECT md5(string_agg(to_jsonb(i)::text, '|' ORDER BY id)) FROM (SELECT $names FROM items) AS i"; }
names='id, name, note, price, weight, tags, deleted, at, version'

cp "$here/job.toml" .
watch=(--set 'source.changes.watch="100ms"')
say "$rows rows come into a table, change and go, while the job that mirrors it is killed $kills times."
for round in $(seq 0 "$kills"); do
  slow "$round" & slow=$!
  change "$round"
  export_changes
  start job.toml "${watch[@]}"
  some_time 200 900
  export_changes
  wait "$slow"
  export_changes
  [ "$round" = "$kills" ] && break
  kill_last
done
table source
source=$(checksum source.csv)
printf '  %-40s %s\n' "the table" "$source"
for _ in $(seq 300); do
  table mirror
  [ "$(checksum mirror.csv)" = "$source" ] && break
  sleep 0.2
done
stop "${running[-1]}"
unset 'running[-1]'
compare() {
  table mirror
  same "$1" "its mirror" mirror.csv
  same "$1" "the latest of each key in out/history" --latest id:version out/history
  [ "$(own source)" = "$(own mirror)" ] || fail "the servers' own checksums differ"
}
compare "$source"
printf '  %-40s %s\n' "of them living" "$(sql mirror -c 'SELECT count(*) FROM living') rows"

say "A row of the mirror is lost, one value of it differs, or two are in the wrong places."
sql mirror -c 'CREATE TABLE kept AS SELECT * FROM items WHERE id = 9' -c 'DELETE FROM items WHERE id = 9'
table mirror
differs "$source" "a row less" mirror.csv
sql mirror -c 'INSERT INTO items SELECT * FROM kept' -c "UPDATE items SET price = price + 0.01 WHERE id = 9"
table mirror
differs "$source" "a cent more" mirror.csv
sql mirror -c "UPDATE items SET price = price - 0.01 WHERE id = 9"
sql mirror -c "UPDATE items AS i SET price = j.price FROM items AS j WHERE i.id IN (9, 10) AND j.id = 19 - i.id"
table mirror
differs "$source" "two prices exchanged" mirror.csv
sql mirror -c "UPDATE items AS i SET price = j.price FROM items AS j WHERE i.id IN (9, 10) AND j.id = 19 - i.id"

say "More changes, by a run that ends: it takes only these."
sed -i '/^watch = /d' job.toml
change "$(( kills + 1 ))"
export_changes
newest=$(ls changes | tail -n 1)
wanted=$(python3 -c 'import csv, sys; print(sum(1 for _ in csv.reader(open(sys.argv[1], newline=""))) - 1)' "changes/$newest")
took=$(rows_taken job.toml)
[ "$took" = "$wanted" ] || fail "it took $took rows of $wanted"
table source
compare "$(checksum source.csv)"

say "Table, mirror and history say the same."
