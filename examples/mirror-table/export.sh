#!/usr/bin/env bash
# export.sh DIRECTORY: writes the rows of `items` that have changed since the last time into a file of DIRECTORY, which gets its name when it is whole.
# SOURCE_URL names the database. Call it as often as you like, from cron or in a loop; not twice at the same time.
#
# It takes the rows of all transactions that had ended when it looked, and only of those: what is still open is taken the next time, whatever its number.
# So no change is missed, and one that comes twice (this script was killed between its last two lines) is the same row again.
set -euo pipefail
directory=$1
mkdir -p "$directory"
since=$(ls "$directory" | sed -n 's/^items-\([0-9]*\)\.csv$/\1/p' | tail -n 1)
ask() { psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$SOURCE_URL" "$@"; }

until=$(ask -c "SELECT pg_snapshot_xmin(pg_current_snapshot())")
name=$(printf 'items-%020d.csv' "$until")
[ "$name" != "$(printf 'items-%020d.csv' "$((10#${since:-0}))")" ] || exit 0   # nothing has happened
ask -c "SET TimeZone = 'UTC'" -c "COPY (
    SELECT id, name, note, price, weight, tags, deleted, to_char(at, 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS at, version
    FROM items WHERE changed >= '$((10#${since:-0}))'::xid8 AND changed < '$until'::xid8 ORDER BY id
  ) TO STDOUT (FORMAT csv, HEADER, NULL '\\N', FORCE_QUOTE (name, note, tags))" > "$directory/.$name"
sync "$directory/.$name"
mv "$directory/.$name" "$directory/$name"
