# Sourced by the verify.sh of examples that move rows: a place to work in, checksums, and jobs that are killed.

work=$(mktemp -d)
running=()
clean_up() {
  for process in "${running[@]}"; do kill -9 "$process" 2> /dev/null || true; done
  wait 2> /dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT

say() { printf '\n%s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }

# checksum PATH…: `ROWS rows, sha256 HEX` of their rows, which have $columns.
checksum() { "$examples/checksum.py" --columns "$columns" "$@"; }

# same WANTED WHAT PATH…: the rows of PATH have the checksum WANTED.
same() {
  local wanted=$1 what=$2 got
  shift 2
  got=$(checksum "$@")
  [ "$got" = "$wanted" ] || fail "$what: $got instead of $wanted"
  printf '  %-40s %s\n' "$what" "$got"
}

# differs WANTED WHAT PATH…: the rows of PATH do not have it; without this nobody would know that `same` can fail.
differs() {
  local wanted=$1 what=$2 got
  shift 2
  got=$(checksum "$@")
  [ "$got" != "$wanted" ] || fail "$what is not noticed"
  printf '  %-40s noticed\n' "$what"
}

# run JOB …: to its end; what it says is in $work/log.
run() { "$pelton" run "$@" --color never >> log 2>&1 || { cat log >&2; fail "pelton run $*"; }; }

# start JOB …: in the background, as the last of $running.
start() {
  "$pelton" run "$@" --color never >> log 2>&1 &
  running+=($!)
}

# some_time LEAST MOST: sleeps for milliseconds between them.
some_time() {
  local ms=$(( $1 + RANDOM % ($2 - $1 + 1) ))
  sleep "$(( ms / 1000 )).$(printf '%03d' $(( ms % 1000 )))"
}

# kill_last: the last of $running, with SIGKILL.
kill_last() {
  local process=${running[-1]}
  kill -9 "$process" 2> /dev/null || { cat log >&2; fail "it ended before it could be killed: give it more rows"; }
  wait "$process" 2> /dev/null || true
  unset 'running[-1]'
}

# until_more FILE BYTES: waits until FILE has more bytes than that, for a minute.
until_more() {
  for _ in $(seq 12000); do
    (( $(stat -c %s "$1" 2> /dev/null || echo 0) > $2 )) && return
    sleep 0.005
  done
  cat log >&2
  fail "nothing comes"
}

# killed KILLS MANIFEST JOB …: runs it until it ends by itself. Before that it is killed so many times: by turns when it has committed something more,
# and at any moment after it was started.
killed() {
  local kills=$1 manifest=$2 had
  shift 2
  for kill in $(seq "$kills"); do
    had=$(stat -c %s "$manifest" 2> /dev/null || echo 0)
    start "$@"
    (( kill % 2 == 0 )) || until_more "$manifest" "$had"
    some_time 0 20
    kill_last
  done
  run "$@"
}

# stop PROCESS: by SIGTERM, which ends a job in good order: 130.
stop() {
  local code=0
  kill -TERM "$1"
  wait "$1" || code=$?
  [ "$code" = 130 ] || { cat log >&2; fail "it ended with $code"; }
}

# rows_taken JOB …: runs it to its end, and answers the rows that it read.
rows_taken() {
  "$pelton" run "$@" --output json --color never > summary.json 2>> log || { cat log >&2; fail "pelton run $*"; }
  python3 -c 'import json; print(json.loads(open("summary.json").read().splitlines()[-1])["rows_in"])'
}
