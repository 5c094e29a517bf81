//! Modules that must not even load: the wrong world, imports that nobody may have, damaged bytes, native code.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::*;

/// The good guest as a toolchain would give it: one binary component.
fn component() -> Vec<u8> {
    let mut module = wat::parse_str(Guest::good().text()).expect("the good guest is text");
    let mut resolve = Resolve::default();
    let (package, _) =
        resolve.push_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit")).expect("the contract parses");
    let world = resolve.select_world(&[package], Some("transform-operator")).expect("the contract has the world");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)
        .expect("the world can be embedded");
    let mut encoder = ComponentEncoder::default();
    encoder.module(&module).expect("the good guest fits its world");
    encoder.encode().expect("the good guest is a component")
}

/// Loads hostile bytes; when they load, lives with them. Any error will do: that there is one is the point.
fn survive(bytes: &[u8]) -> Result<(), String> {
    let module = Module::load(&RUNTIME, bytes, &quick()).map_err(|error| error.to_string())?;
    let mut life = Life::begin(&module, &quick()).map_err(|error| error.to_string())?;
    life.process().map(drop).map_err(|error| error.to_string())
}

#[test]
fn imports_that_were_not_granted_are_named() {
    for name in [
        "wasi:sockets/tcp@0.2.0",
        "wasi:http/outgoing-handler@0.2.0",
        "pelton:operator/state@0.1.0",
        "wasi:cli/run@0.3.0",
    ] {
        let error = load_error(format!("(component (import \"{name}\" (instance)))").as_bytes());
        assert!(matches!(&error, LoadError::Import(import) if import == name), "{error:?}");
        assert_eq!(error.to_string(), format!("it imports `{name}`, which no module may use"));
    }
    let error =
        load_error(Guest { imports: r#"(import "env" "foo" (func))"#.into(), ..Guest::good() }.text().as_bytes());
    assert!(matches!(&error, LoadError::Invalid(reason) if reason.contains("`env`")), "{error:?}");
}

#[test]
fn other_worlds_and_versions_are_told_apart() {
    let error = load_error(Guest { version: "0.2.0", ..Guest::good() }.text().as_bytes());
    let expected = "pelton:operator/transform@0.2.0#process".to_owned();
    assert!(matches!(&error, LoadError::NoOperator { exports } if exports.contains(&expected)), "{error:?}");
    assert!(
        error.to_string().contains("(its exports: memory, cabi_realloc, pelton:operator/transform@0.2.0#open"),
        "{error}"
    );

    let exporting = |name: &str| format!("(component (instance $empty) (export \"{name}\" (instance $empty)))");
    let error = load_error(exporting("pelton:operator/transform@0.2.0").as_bytes());
    assert!(
        matches!(&error, LoadError::NoOperator { exports } if exports == &["pelton:operator/transform@0.2.0"]),
        "{error:?}"
    );
    let error = load_error(exporting("pelton:operator/enrich@0.1.0").as_bytes());
    assert!(matches!(&error, LoadError::Invalid(_)), "an enrich operator without functions: {error:?}");
    let error = load_error(exporting("pelton:operator/transform@0.1.0").as_bytes());
    assert!(matches!(&error, LoadError::Invalid(_)), "a transform without functions: {error:?}");
    let both = r#"(component (instance $empty)
        (export "pelton:operator/transform@0.1.0" (instance $empty))
        (export "pelton:operator/aggregate@0.1.0" (instance $empty)))"#;
    let error = load_error(both.as_bytes());
    assert!(matches!(&error, LoadError::SeveralKinds { exports } if exports.len() == 2), "{error:?}");
    let error = load_error(b"(component)");
    assert!(matches!(&error, LoadError::NoOperator { exports } if exports.is_empty()), "{error:?}");
}

#[test]
fn what_is_not_wasm_is_said_so() {
    for bytes in
        [&b""[..], b"SELECT 1", b"\0asm", b"\0asm\x0d\0", b"\x7fELF\x02\x01\x01", b"\xff\xfe\0\0", b"\0asm\x02\0\0\0"]
    {
        let error = load_error(bytes);
        assert!(matches!(error, LoadError::NotWasm), "{bytes:?}: {error:?}");
    }
    for text in ["(", "(module (func $a", "(component (import))", ";; only a comment"] {
        let error = load_error(text.as_bytes());
        assert!(matches!(error, LoadError::Text(_) | LoadError::NoOperator { .. }), "{text}: {error:?}");
    }
}

#[test]
fn more_bytes_than_the_limit_are_not_read() {
    let limits = Limits { module_bytes: 100, ..patient() };
    let error = Module::load(&RUNTIME, Guest::good().text().as_bytes(), &limits).unwrap_err();
    assert!(matches!(error, LoadError::TooLarge { max: 100 }), "{error:?}");
}

#[test]
fn native_code_is_never_loaded() {
    let engine = wasmtime::Engine::default();
    let native = engine.precompile_component(&component()).unwrap();
    assert!(matches!(load_error(&native), LoadError::Precompiled));
    let native = engine.precompile_module(&wat::parse_str("(module)").unwrap()).unwrap();
    assert!(matches!(load_error(&native), LoadError::Precompiled));
}

#[test]
fn truncated_components_end_in_an_error() {
    let component = component();
    survive(&component).expect("the whole component works");
    for length in (0..component.len()).step_by(component.len() / 40).chain([component.len() - 1]) {
        let error = survive(&component[..length]).expect_err("a part of a component");
        assert!(!error.is_empty() && !error.contains(char::is_control), "{length}: {error:?}");
    }
    the_neighbour_lives();
}

#[test]
fn a_flipped_byte_never_brings_the_host_down() {
    let component = component();
    let mut refused = 0;
    for offset in (0..component.len()).step_by(97) {
        let mut damaged = component.clone();
        damaged[offset] ^= 0xff;
        refused += usize::from(survive(&damaged).is_err());
    }
    assert!(refused > 0, "not one of the flips was noticed");
    the_neighbour_lives();
}

#[test]
fn more_memories_than_one_component_may_have_are_refused() {
    let memories = "(core instance (instantiate $m))".repeat(9);
    let error = load_error(format!("(component (core module $m (memory 1)) {memories})").as_bytes());
    let message = error.to_string();
    assert!(message.contains('9') && message.contains("memories"), "{message}");
}
