//! The shipped modules: docs/std.md lists what the catalog knows, and the embedded component is one that jobs can load.
//!
//! `PELTON_BLESS=1` writes the page anew.

use std::{fs, path::Path};

use arrow::datatypes::Schema;
use pelton::standard::{self, catalog::FUNCTIONS, page};
use pelton_core::{contract::Input, limits::Limits};
use pelton_wasm::{AggregateInstance, Kind, Module, Runtime, RuntimeOptions};

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
    let module = load("std:count");
    assert!(module.bytes < 1 << 20, "{} bytes are too many for what is compiled when a job starts", module.bytes);
    assert_eq!(module.kind(), Kind::Aggregate);
    assert_eq!(module.exports, ["pelton:operator/aggregate@0.1.0"]);
    let allowed = ["pelton:operator/log@0.1.0", "pelton:operator/types@0.1.0"];
    assert!(module.imports.iter().all(|name| allowed.contains(&name.as_str())), "{:?}", module.imports);
}

#[test]
fn every_function_of_the_catalog_is_in_the_module() {
    let module = load("std:count");
    let input = Input { name: "none".into(), schema: Schema::empty().into(), key: Vec::new(), event_time: None };
    let refusal = |function: &str| {
        let mut instance = AggregateInstance::new(&module, &Limits::default()).expect("an instance");
        let options = format!("{{\"function\": \"{function}\"}}");
        instance.open(&input, &[], &options).err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert!(refusal("nothing").contains("there is no std:nothing"), "what is not there is told apart");
    for function in FUNCTIONS {
        let refusal = refusal(function.name);
        assert!(!refusal.contains("there is no std:"), "{}: {refusal}", function.name);
    }
}

fn load(reference: &str) -> Module {
    let runtime = Runtime::new(&RuntimeOptions { cache_dir: None }).expect("a runtime");
    let bytes = standard::find(reference).expect("it is shipped").bytes;
    Module::load(&runtime, bytes, &Limits::default()).expect("it loads")
}
