//! The modules that are shipped inside Pelton, which jobs name `std:…`.
//!
//! ```text
//! "std:quantile(ms, 0.99)" ─► reference ─► catalog ─► an embedded component, and options {"function": "quantile", …}
//! ```
//!
//! The planner asks [`find`] wherever a job names a module, and goes on as with any other: the component runs in the same
//! sandbox, and its `open` says what is wrong with columns and options. Its source is `host/std`; `build.rs` builds it.

pub mod catalog;
mod error;
pub mod page;
mod reference;

use serde_json::{Map, Value};

pub use self::{
    catalog::{Function, ModuleKind},
    error::StdError,
};
use crate::nearest::nearest;

/// What a reference to a shipped module begins with.
pub const PREFIX: &str = "std:";

/// The option that tells a component which of its functions is meant.
const FUNCTION_OPTION: &str = "function";

// A component for each kind: core modules that carry their component types.
const AGGREGATES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/aggregates.wasm"));
const KEYED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/keyed.wasm"));
const TRANSFORMS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/transforms.wasm"));

/// A shipped module that a job named.
#[derive(Debug, Clone)]
pub struct StdModule {
    pub function: &'static Function,
    /// As `pelton_wasm::Module::load` takes it.
    pub bytes: &'static [u8],
    /// What the reference says; the module's options begin with them.
    options: Map<String, Value>,
}

/// Whether `module` of a job file names a shipped module rather than a file.
pub fn is_std(module: &str) -> bool {
    module.starts_with(PREFIX)
}

/// The module that `std:count` or `std:quantile(ms, 0.99)` names.
pub fn find(reference: &str) -> Result<StdModule, StdError> {
    let call = reference::parse(reference)?;
    let all = Function::all();
    let function = all.iter().copied().find(|function| function.name == call.name).ok_or_else(|| {
        let near = nearest(call.name, all.iter().map(|function| function.name));
        StdError::Unknown { name: call.name.to_owned(), near: near.map(str::to_owned) }
    })?;
    let mut options = call.options(function)?;
    let bytes = match function.kind {
        ModuleKind::Aggregate => AGGREGATES,
        ModuleKind::Transform => TRANSFORMS,
        ModuleKind::Keyed => KEYED,
    };
    // std:dedup is alone in its component.
    if function.kind != ModuleKind::Keyed {
        options.insert(FUNCTION_OPTION.to_owned(), function.name.into());
    }
    Ok(StdModule { function, bytes, options })
}

impl StdModule {
    /// The options for the module's `open`, with those that the job gives in `options = { … }`.
    pub fn options(&self, given: &Map<String, Value>) -> Result<Map<String, Value>, StdError> {
        let mut options = self.options.clone();
        for (name, value) in given {
            if options.contains_key(name) {
                return Err(if name == FUNCTION_OPTION {
                    StdError::no_argument(self.function, name)
                } else {
                    StdError::Twice { function: self.function, argument: name.clone() }
                });
            }
            options.insert(name.clone(), value.clone());
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::Coded;

    fn options(reference: &str) -> Value {
        match find(reference) {
            Ok(module) => Value::Object(module.options(&Map::new()).expect("no more were given")),
            Err(error) => panic!("{reference}: {error}"),
        }
    }

    fn error(reference: &str) -> String {
        find(reference).expect_err(reference).to_string()
    }

    #[test]
    fn arguments_become_options_by_their_place_or_name() {
        for (reference, want) in [
            ("std:count", json!({ "function": "count" })),
            ("std:count()", json!({ "function": "count" })),
            ("std:count(user)", json!({ "function": "count", "column": "user" })),
            ("std:sum( price )", json!({ "function": "sum", "column": "price" })),
            ("std:min('price, net')", json!({ "function": "min", "column": "price, net" })),
            (r#"std:max("it's")"#, json!({ "function": "max", "column": "it's" })),
            ("std:avg(_offset)", json!({ "function": "avg", "column": "_offset" })),
            ("std:quantile(ms, 0.99)", json!({ "function": "quantile", "column": "ms", "q": [0.99] })),
            (
                "std:quantile(ms, 0.5, 1, compression = 200)",
                json!({ "function": "quantile", "column": "ms", "q": [0.5, 1.0], "compression": 200 }),
            ),
            (
                "std:variance(x, population = true)",
                json!({ "function": "variance", "column": "x", "population": true }),
            ),
            (
                "std:top-n(price, 3, auction, bidder)",
                json!({ "function": "top-n", "column": "price", "n": 3, "with": ["auction", "bidder"] }),
            ),
            ("std:top-n(n = 3, column = price)", json!({ "function": "top-n", "column": "price", "n": 3 })),
            (
                "std:filter(price > 100 and (channel != 'a, b' or x = 1))",
                json!({ "function": "filter", "where": "price > 100 and (channel != 'a, b' or x = 1)" }),
            ),
            ("std:count-distinct(a, 12)", json!({ "function": "count-distinct", "column": "a", "precision": 12 })),
            (
                "std:count-distinct(a, precision = 12)",
                json!({ "function": "count-distinct", "column": "a", "precision": 12 }),
            ),
            ("std:drop(a, 'b c')", json!({ "function": "drop", "columns": ["a", "b c"] })),
            ("std:sample(0.1)", json!({ "function": "sample", "fraction": 0.1 })),
            ("std:flatten(a, separator = '.')", json!({ "function": "flatten", "columns": ["a"], "separator": "." })),
            ("std:dedup", json!({})),
        ] {
            assert_eq!(options(reference), want, "{reference}");
        }
    }

    #[test]
    fn mistakes_say_what_is_wrong() {
        for (reference, want) in [
            ("std:cuont", "there is no module std:cuont"),
            ("std:", "`std:` names no module"),
            ("std:count(", "`std:count(` has no `)` at its end"),
            ("std:count)", "`std:count)` has a `)` without a `(`"),
            ("std:count(a, b)", "std:count takes 1 argument at most: std:count(column?)"),
            (
                "std:variance(a, true)",
                "std:variance takes 1 argument without a name at most: std:variance(column, population = false)",
            ),
            ("std:count-distinct(a, b)", "argument `precision` of std:count-distinct is a whole number, not b"),
            ("std:sum(12)", "argument `column` of std:sum is a column, not 12"),
            ("std:quantile(ms, p99)", "argument `q` of std:quantile is a number, not p99"),
            ("std:top-n(ms, 2.5)", "argument `n` of std:top-n is a whole number, not 2.5"),
            ("std:sum(colum = x)", "std:sum has no argument `colum`"),
            ("std:rename(a = b)", "std:rename has no argument `a`"),
            ("std:rename(columns = b)", "argument `columns` of std:rename is a table, given in `options`, not b"),
            ("std:dedup(id)", "std:dedup takes no arguments: std:dedup"),
            ("std:sum(a, column = b)", "argument `column` of std:sum is given twice"),
            ("std:sum(column = a, b)", "in `std:sum(column = a, b)`: `b` has no name, but follows arguments that have"),
            ("std:sum(a b)", "in `std:sum(a b)`: `a b` is no argument; a column with such a name is written in quotes"),
            ("std:sum('a)", "in `std:sum('a)`: a quote is not closed"),
            ("std:sum(,)", "in `std:sum(,)`: an argument is empty"),
        ] {
            assert_eq!(error(reference), want, "{reference}");
        }
    }

    #[test]
    fn help_names_the_nearest() {
        let help = |reference: &str| find(reference).expect_err(reference).help();
        assert_eq!(help("std:cuont").as_deref(), Some("did you mean std:count?"));
        assert_eq!(help("std:sum(colum = x)").as_deref(), Some("did you mean `column`?"));
        assert_eq!(help("std:zebra").as_deref(), Some("`pelton module list --std` lists them"));
    }

    #[test]
    fn options_of_the_job_are_added_but_none_is_given_twice() {
        let module = find("std:quantile(ms, 0.5)").expect("it is there");
        let given = |value: Value| module.options(value.as_object().expect("an object"));
        let options = given(json!({ "compression": 50 })).expect("it is free");
        assert_eq!(Value::Object(options)["compression"], 50);
        assert!(given(json!({ "q": [0.1] })).is_err());
        assert!(given(json!({ "function": "count" })).is_err());
    }

    #[test]
    fn examples_in_the_catalog_name_their_function_and_parse() {
        for function in Function::all() {
            assert!(function.example.contains(&format!("std:{}", function.name)), "{}", function.name);
            for reference in function.example.split('"').filter(|text| is_std(text)) {
                assert_eq!(find(reference).expect(reference).function.name, function.name);
            }
        }
    }

    #[test]
    fn hostile_references_end_in_an_error() {
        for reference in ["std:(((((", "std:a(\u{0})", "std:sum('\u{1F980}", "std:sum(a=)", "std:sum(=a)", "std: sum"] {
            assert!(find(reference).is_err(), "{reference}");
        }
        assert!(find(&format!("std:sum({})", "a,".repeat(100_000))).is_err());
    }
}
