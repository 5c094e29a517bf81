//! What a module file is, told by its content: a component, a core module, or the text of either.
//!
//! A core module becomes a component here, so that an author needs no tool but a compiler: its world
//! is the one that its toolchain embedded (wit-bindgen does), or those whose exports it has by name
//! (`pelton:operator/transform@0.1.0#process`), as hand-written text has. If it was made for WASI preview 1, as C and Go are, an
//! adapter that touches nothing takes the place of its WASI.

use std::{borrow::Cow, fmt};

use wasmparser::{Parser, Payload};
use wasmtime::Engine;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, SourceMap, WorldId};

use crate::error::LoadError;

/// How the author gave the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packaging {
    Component,
    CoreModule,
    ComponentText,
    CoreModuleText,
}

impl fmt::Display for Packaging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Component => "component",
            Self::CoreModule => "core module",
            Self::ComponentText => "component text",
            Self::CoreModuleText => "core module text",
        })
    }
}

const COMPONENT_MAGIC: &[u8] = b"\0asm\x0d\0\x01\0";
const MODULE_MAGIC: &[u8] = b"\0asm\x01\0\0\0";

/// The component that a module of any packaging is, for a build that keeps it.
pub fn pack(bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    Ok(unpack(bytes)?.0.into_owned())
}

/// The component in `bytes`, and how it was given.
pub(crate) fn unpack(bytes: &[u8]) -> Result<(Cow<'_, [u8]>, Packaging), LoadError> {
    if Engine::detect_precompiled(bytes).is_some() {
        return Err(LoadError::Precompiled);
    }
    if bytes.starts_with(COMPONENT_MAGIC) {
        return Ok((Cow::Borrowed(bytes), Packaging::Component));
    }
    if bytes.starts_with(MODULE_MAGIC) {
        return Ok((Cow::Owned(encode(bytes)?), Packaging::CoreModule));
    }
    if bytes.starts_with(b"\0asm") || !looks_like_text(bytes) {
        return Err(LoadError::NotWasm);
    }
    let binary = wat::parse_bytes(bytes).map_err(|error| LoadError::Text(error.to_string()))?.into_owned();
    if binary.starts_with(COMPONENT_MAGIC) {
        Ok((Cow::Owned(binary), Packaging::ComponentText))
    } else {
        Ok((Cow::Owned(encode(&binary)?), Packaging::CoreModuleText))
    }
}

/// The text format begins with a parenthesis or a comment, after white space.
fn looks_like_text(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_start();
    text.starts_with(b"(") || text.starts_with(b";;")
}

/// The interfaces that tell the kind of an operator, with the world of each.
const WORLDS: [(&str, &str); 5] = [
    ("transform", "transform-operator"),
    ("keyed", "keyed-operator"),
    ("aggregate", "aggregate-operator"),
    ("cogroup", "cogroup-operator"),
    ("enrich", "enrich-operator"),
];

/// What a module may export besides, with the world that adds it.
const ADDITIONS: [(&str, &str); 3] =
    [("retractable", "retractable-aggregate-operator"), ("tables", "with-tables"), ("migrate", "with-migrate")];

fn invalid(error: impl fmt::Display) -> LoadError {
    LoadError::Invalid(format!("{error:#}"))
}

fn encode(module: &[u8]) -> Result<Vec<u8>, LoadError> {
    let Scanned { has_types, is_wasi, exports } = scan(module)?;
    let mut module = Cow::Borrowed(module);
    if !has_types {
        let is_exported = |(interface, _): &&(&str, &str)| {
            let prefix = format!("pelton:operator/{interface}@0.1.0#");
            exports.iter().any(|name| name.starts_with(&prefix))
        };
        let Some(kind) = WORLDS.iter().find(is_exported) else { return Err(LoadError::NoOperator { exports }) };
        for (_, world) in std::iter::once(kind).chain(ADDITIONS.iter().filter(is_exported)) {
            let (resolve, world) = operator_world(world)?;
            embed_component_metadata(module.to_mut(), &resolve, world, StringEncoding::UTF8, false).map_err(invalid)?;
        }
    }
    let mut encoder = ComponentEncoder::default();
    encoder.module(&module).map_err(invalid)?;
    if is_wasi {
        encoder.adapter(WASI, &adapter()?).map_err(invalid)?;
    }
    encoder.validate(true).encode().map_err(invalid)
}

/// What a core module says of itself.
struct Scanned {
    /// Its toolchain embedded its world.
    has_types: bool,
    /// It imports WASI preview 1.
    is_wasi: bool,
    exports: Vec<String>,
}

fn scan(module: &[u8]) -> Result<Scanned, LoadError> {
    let mut scanned = Scanned { has_types: false, is_wasi: false, exports: Vec::new() };
    for payload in Parser::new(0).parse_all(module) {
        match payload.map_err(invalid)? {
            Payload::CustomSection(section) => scanned.has_types |= section.name().starts_with("component-type"),
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    scanned.is_wasi |= import.map_err(invalid)?.module == WASI;
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    scanned.exports.push(export.map_err(invalid)?.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(scanned)
}

const WASI: &str = "wasi_snapshot_preview1";

/// WASI preview 1 without the world behind it: `adapter.wat`, with its one import.
fn adapter() -> Result<Vec<u8>, LoadError> {
    let mut adapter = wat::parse_str(include_str!("adapter.wat")).map_err(invalid)?;
    let (mut resolve, _) = operator_world("transform-operator")?;
    let world = "package pelton:adapter; world adapter { import pelton:operator/log@0.1.0; }";
    let mut map = SourceMap::default();
    map.push_str("adapter.wit", world);
    let group = map.parse().map_err(|(_, error)| invalid(error))?;
    let package = resolve.push_group(group).map_err(invalid)?;
    let world = resolve.select_world(&[package], Some("adapter")).map_err(invalid)?;
    embed_component_metadata(&mut adapter, &resolve, world, StringEncoding::UTF8, false).map_err(invalid)?;
    Ok(adapter)
}

/// The contract, as it is in the repository.
const WIT: [(&str, &str); 9] = [
    ("types.wit", include_str!("../../../wit/types.wit")),
    ("transform.wit", include_str!("../../../wit/transform.wit")),
    ("keyed.wit", include_str!("../../../wit/keyed.wit")),
    ("aggregate.wit", include_str!("../../../wit/aggregate.wit")),
    ("cogroup.wit", include_str!("../../../wit/cogroup.wit")),
    ("enrich.wit", include_str!("../../../wit/enrich.wit")),
    ("tables.wit", include_str!("../../../wit/tables.wit")),
    ("migrate.wit", include_str!("../../../wit/migrate.wit")),
    ("worlds.wit", include_str!("../../../wit/worlds.wit")),
];

fn operator_world(name: &str) -> Result<(Resolve, WorldId), LoadError> {
    let mut resolve = Resolve::default();
    let mut map = SourceMap::default();
    for (file, text) in WIT {
        map.push_str(file, text);
    }
    let group = map.parse().map_err(|(_, error)| invalid(error))?;
    let package = resolve.push_group(group).map_err(invalid)?;
    let world = resolve.select_world(&[package], Some(name)).map_err(invalid)?;
    Ok((resolve, world))
}
