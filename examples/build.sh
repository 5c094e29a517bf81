#!/bin/sh
# Builds the modules of all examples, and puts each beside the job file that names it: examples/NAME/NAME.wasm.
# Called by `make examples`. The wasm target of Rust is installed if it is missing.
set -eu
cd "$(dirname "$0")/.."

target=wasm32-unknown-unknown
if command -v rustup >/dev/null && ! rustup target list --installed | grep -qx "$target"; then
    rustup target add "$target"
fi

names=
for manifest in examples/*/Cargo.toml; do
    names="$names $(basename "$(dirname "$manifest")")"
done

# shellcheck disable=SC2046,SC2086 # one argument for each name
cargo build --profile guest --target "$target" $(printf ' -p %s' $names)
for name in $names; do
    module=$(echo "$name" | tr - _).wasm
    cp "${CARGO_TARGET_DIR:-target}/$target/guest/$module" "examples/$name/$name.wasm"
done

# Further versions of a module are examples of its crate: examples/NAME/examples/VERSION.rs becomes examples/NAME/VERSION.wasm.
for manifest in examples/*/Cargo.toml; do
    folder=$(dirname "$manifest")
    [ -d "$folder/examples" ] || continue
    cargo build --profile guest --target "$target" -p "$(basename "$folder")" --examples
    for source in "$folder"/examples/*.rs; do
        version=$(basename "$source" .rs)
        cp "${CARGO_TARGET_DIR:-target}/$target/guest/examples/$(echo "$version" | tr - _).wasm" "$folder/$version.wasm"
    done
done
