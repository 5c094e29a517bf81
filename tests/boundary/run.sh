#!/bin/sh
# Builds the boundary benchmark's guests in Rust, Python and JavaScript and runs it: `make bench-boundary`.
# The tools that make components from Python and JavaScript go to target/bench-tools, once, from PyPI and npm.
set -eu
# Incremental builds cut crates into small units, which costs the native yardstick most of its inlining.
export CARGO_INCREMENTAL=0
cd "$(dirname "$0")/../.."
tools=target/bench-tools
guests=target/bench-guests
wit=tests/boundary/wit-variants
cargo_target=${CARGO_TARGET_DIR:-target}
mkdir -p "$tools" "$guests"

[ -x "$tools/py/bin/componentize-py" ] || {
    python3 -m venv "$tools/py"
    "$tools/py/bin/pip" install --quiet componentize-py==0.25.1
}
[ -x "$tools/js/node_modules/.bin/componentize-qjs" ] || npm install --silent --prefix "$tools/js" componentize-qjs@0.4.5

cargo build --quiet --profile guest --target wasm32-unknown-unknown -p pelton-boundary-guest
cp "$cargo_target/wasm32-unknown-unknown/guest/pelton_boundary_guest.wasm" "$guests/rust.core.wasm"
"$tools/py/bin/componentize-py" --quiet -d $wit -w guest componentize --stub-wasi -p tests/boundary/guests/python app -o "$guests/python.wasm"
"$tools/js/node_modules/.bin/componentize-qjs" --wit $wit --js tests/boundary/guests/js/app.js -n guest --sync --stub-wasi -o "$guests/js.wasm"

# Both packages are named so that the dependencies have the host's features, and are those that the host was built with.
cargo build --quiet --release -p pelton -p pelton-boundary --bin boundary
"$cargo_target/release/boundary" "$guests" target/bench "$@"
