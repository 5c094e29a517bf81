//! Modules really built for wasm: components of the contract's worlds that import nothing but `log`, and `state` if keyed.

use std::{path::PathBuf, process::Command};

use wit_component::{ComponentEncoder, DecodedWasm};

/// Builds the crate in `directory` as its author would, and returns the core module `file`.
fn build(directory: &str, file: &str) -> Vec<u8> {
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(directory).join("Cargo.toml");
    let messages = Command::new(env!("CARGO"))
        .args(["build", "--profile", "guest", "--target", "wasm32-unknown-unknown", "--message-format", "json"])
        .arg("--manifest-path")
        .arg(&manifest)
        .output()
        .expect("cargo starts");
    let text = String::from_utf8_lossy(&messages.stderr);
    assert!(messages.status.success(), "is the target wasm32-unknown-unknown installed?\n{text}");
    let path = String::from_utf8(messages.stdout)
        .expect("cargo's messages are UTF-8")
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| message.get("filenames")?.as_array().cloned())
        .flatten()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .rfind(|name| name.ends_with(file))
        .expect("cargo names the module");
    std::fs::read(path).expect("the module is there")
}

/// Checks that the module is a component that imports nothing but `log` and, if it is keyed, `state`; the names of its exports.
fn exports(module: &[u8]) -> Vec<String> {
    let mut encoder = ComponentEncoder::default();
    let encoder = encoder.validate(true).module(module).expect("it carries its component type");
    let component = encoder.encode().expect("it is a valid component");
    let DecodedWasm::Component(resolve, world) = wit_component::decode(&component).expect("it decodes") else {
        panic!("a package of types only");
    };
    let world = resolve.worlds.get(world).expect("its world");
    let names = |keys: Vec<&wit_parser::WorldKey>| -> Vec<String> {
        keys.into_iter().map(|key| resolve.name_world_key(key)).collect()
    };
    let imports = names(world.imports.keys().collect());
    assert!(imports.contains(&"pelton:operator/log@0.1.0".to_owned()), "panics go there: {imports:?}");
    // Their order is that of the parts that were linked.
    let mut exports = names(world.exports.keys().collect());
    exports.sort();
    let is_keyed = exports.iter().any(|name| name == "pelton:operator/keyed@0.1.0");
    let known = ["pelton:operator/log@0.1.0", "pelton:operator/types@0.1.0", "pelton:operator/state@0.1.0"];
    let known = known.get(..if is_keyed { 3 } else { 2 }).unwrap_or_default();
    assert!(
        imports.iter().all(|name| known.contains(&name.as_str())),
        "types have no functions; else only the log and state: {imports:?}"
    );
    exports
}

#[test]
fn a_transform_exports_its_world_and_imports_only_the_log() {
    let module = build("../../examples/to-euro", "to_euro.wasm");
    assert_eq!(exports(&module), ["pelton:operator/transform@0.1.0"]);
}

#[test]
fn an_aggregate_with_retract_exports_both_interfaces_and_imports_only_the_log() {
    let module = build("tests/average", "average.wasm");
    assert_eq!(exports(&module), ["pelton:operator/aggregate@0.1.0", "pelton:operator/retractable@0.1.0"]);
}

#[test]
fn a_cogroup_exports_its_world_and_imports_only_the_log() {
    let module = build("../../tests/guests/unpaid", "pelton_unpaid.wasm");
    assert_eq!(exports(&module), ["pelton:operator/cogroup@0.1.0"]);
}

#[test]
fn an_enrich_operator_exports_its_world_and_imports_only_the_log() {
    let module = build("../../tests/guests/asker", "pelton_asker.wasm");
    assert_eq!(exports(&module), ["pelton:operator/enrich@0.1.0"]);
}

#[test]
fn a_transform_with_a_side_table_exports_tables_too() {
    let module = build("../../tests/guests/airlines", "pelton_airlines.wasm");
    assert_eq!(exports(&module), ["pelton:operator/tables@0.1.0", "pelton:operator/transform@0.1.0"]);
}

#[test]
fn a_keyed_operator_exports_its_world_and_imports_only_the_log_and_state() {
    let module = build("tests/jumps", "jumps.wasm");
    assert_eq!(exports(&module), ["pelton:operator/keyed@0.1.0"]);
}
