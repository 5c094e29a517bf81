//! docs/expressions.md: it lists every function, and what it says to be true is.
//!
//! `PELTON_BLESS=1` writes the table of functions anew.

use std::{fs, path::Path};

use pelton_guest::{options, prelude::*};
use pelton_std_transforms::{Std, expression::functions::FUNCTIONS};

/// The page is written by hand down to this line.
const TABLE_BEGINS: &str =
    "<!-- The table below is made from host/std/transforms/src/expression/functions.rs by `make bless`. -->\n\n";

fn page() -> (std::path::PathBuf, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/expressions.md");
    let text = fs::read_to_string(&path).expect("docs/expressions.md");
    (path, text)
}

/// The value of an expression without columns, which is a bool.
fn is_true(expression: &str) -> Result<bool, String> {
    let options = options! { function: "select", columns: { "x": expression } };
    let tested = ProcessTest::<Std>::new().options(options).try_test(rows! { n: [1] })?;
    Ok(tested.main().column::<Option<bool>>("x") == [Some(true)])
}

#[test]
fn the_page_lists_every_function() {
    let (path, page) = page();
    let (by_hand, _) = page.split_once(TABLE_BEGINS).expect("the line at which the table begins");
    let rows = FUNCTIONS.iter().map(|function| {
        let (example, value) = function.example;
        format!("| `{}` | {} | `{example}` is `{value}` |\n", function.signature(), function.about.replace('|', "\\|"))
    });
    let actual =
        format!("{by_hand}{TABLE_BEGINS}| function | what it makes | |\n|---|---|---|\n{}", rows.collect::<String>());
    if std::env::var_os("PELTON_BLESS").is_some() {
        return fs::write(&path, actual).expect("the page can be written");
    }
    assert!(page == actual, "docs/expressions.md is not what functions.rs says: run again with PELTON_BLESS=1");
}

#[test]
fn examples_of_functions_have_their_values() {
    for function in FUNCTIONS {
        let (example, value) = function.example;
        assert_eq!(is_true(&format!("({example}) = ({value})")), Ok(true), "{example} = {value}");
    }
}

#[test]
fn what_the_page_says_to_be_true_is() {
    let (_, page) = page();
    let blocks: Vec<&str> = page.split("```sql\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 4, "the page has its examples in blocks of sql");
    for line in blocks.iter().flat_map(|block| block.lines()) {
        assert_eq!(is_true(line), Ok(true), "{line}");
    }
}
