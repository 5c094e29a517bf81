//! The shipped modules: docs/std.md lists what the catalog knows, and the embedded component is one that jobs can load.
//!
//! `PELTON_BLESS=1` writes the page anew.

use std::{fs, path::Path};

use pelton::standard::{self, catalog::FUNCTIONS, page};

/// The page is written by hand down to this line.
const SECTIONS_BEGIN: &str =
    "<!-- The sections below are made from host/src/standard/catalog.rs by `make bless`. -->\n\n";

#[test]
fn the_page_lists_every_function() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/std.md");
    let page = fs::read_to_string(&path).expect("docs/std.md");
    let (by_hand, _) = page.split_once(SECTIONS_BEGIN).expect("the line at which the sections begin");
    let actual = format!("{by_hand}{SECTIONS_BEGIN}{}", page::sections());
    if std::env::var_os("PELTON_BLESS").is_some() {
        return fs::write(&path, actual).expect("the page can be written");
    }
    assert!(page == actual, "docs/std.md is not what the catalog says: run again with PELTON_BLESS=1");
}

#[test]
fn the_embedded_module_is_an_aggregate_that_imports_only_the_log() {
    let bytes = standard::find("std:count").expect("it is shipped").bytes;
    assert!(bytes.len() < 1 << 20, "{} bytes are too many for what is compiled when a job starts", bytes.len());
    let component = wit_component::ComponentEncoder::default()
        .validate(true)
        .module(bytes)
        .and_then(|mut encoder| encoder.encode())
        .expect("it carries its component type");
    let wit_component::DecodedWasm::Component(resolve, world) = wit_component::decode(&component).expect("it decodes")
    else {
        panic!("a package of types only");
    };
    let world = resolve.worlds.get(world).expect("its world");
    let names = |keys: Vec<&wit_parser::WorldKey>| -> Vec<String> {
        keys.into_iter().map(|key| resolve.name_world_key(key)).collect()
    };
    assert_eq!(names(world.exports.keys().collect()), ["pelton:operator/aggregate@0.1.0"]);
    let allowed = ["pelton:operator/log@0.1.0", "pelton:operator/types@0.1.0"];
    let imports = names(world.imports.keys().collect());
    assert!(imports.iter().all(|name| allowed.contains(&name.as_str())), "{imports:?}");
}

#[test]
fn every_function_of_the_catalog_is_in_the_module() {
    let known: Vec<&str> = FUNCTIONS.iter().map(|function| function.name).collect();
    assert_eq!(known, pelton_std::FUNCTIONS);
}
