#!/usr/bin/env bash
# Prices bids by rates that a server has, and then, without the server, computes the same epoch again.
# Usage: demo.sh PELTON. It works in a temporary folder; the server is Python's, on loopback.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
pelton=$(realpath "$1")
work=$(mktemp -d)
server=
clean_up() {
  [ -z "$server" ] || kill "$server" 2> /dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT
cp -r "$here/." "$work"
cd "$work"
rm -rf out refused state

python3 -u -m http.server 0 --bind 127.0.0.1 --directory endpoint > server.log 2> requests.log &
server=$!
port=
for _ in $(seq 100); do
  port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' server.log)
  [ -n "$port" ] && break
  sleep 0.1
done
[ -n "$port" ] || { echo "the server does not start" >&2; exit 1; }
url="endpoint.rates.url=\"http://127.0.0.1:$port\""
export RATES_AUTHORIZATION="Bearer of-the-demo"

printf '\nBids, priced by what the endpoint says:\n\n'
"$pelton" run rates.toml --set "$url" --color never > run.log 2>&1 || { cat run.log; exit 1; }
cat out/part-*.csv
printf '\nRefused:\n\n'
cat refused/part-*.csv
printf '\nThe endpoint was asked, each currency once:\n\n'
sed -n 's/.*"\(GET [^ ]*\) .*/  \1/p' requests.log | sort

kill "$server" && wait "$server" 2> /dev/null || true
server=
unset RATES_AUTHORIZATION
printf '\nNow there is no endpoint, and no secret. The epoch again, with what was answered then:\n\n'
"$pelton" replay rates.toml --set "$url" --epoch 1 --rows 2 --color never
