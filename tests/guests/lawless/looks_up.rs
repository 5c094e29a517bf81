//! Looks up in a side table. With the bug `reload` a table that comes again is added to the one before; with `empty` one without rows is a
//! trap. Run by tests/laws.rs.

use std::{cell::RefCell, collections::HashMap};

use pelton_guest::prelude::*;

thread_local! {
    static ALL: RefCell<HashMap<i64, i64>> = RefCell::new(HashMap::new());
}

#[derive(Options)]
struct Options {
    bug: Option<String>,
}

#[derive(Row)]
struct Named {
    n: i64,
    name: i64,
}

struct Names {
    first: Option<i64>,
    own: HashMap<i64, i64>,
}

impl Lookup for Names {
    type Row<'a> = Named;

    fn load(rows: TableRows<'_, Self>) -> Result<Self, String> {
        let rows: Vec<Named> = rows.collect();
        let own: HashMap<i64, i64> = rows.iter().map(|row| (row.n, row.name)).collect();
        ALL.with_borrow_mut(|all| all.extend(&own));
        Ok(Self { first: rows.first().map(|row| row.name), own })
    }
}

#[derive(Row)]
struct Read {
    n: i64,
}

#[derive(Row)]
struct Made {
    name: Option<i64>,
    first: Option<i64>,
}

#[transform(table = "names")]
fn looks_up(read: Read, names: &Names, options: &Options) -> Made {
    let bug = options.bug.as_deref().unwrap_or_default();
    let first = if bug == "empty" { Some(names.first.expect("the table has rows")) } else { names.first };
    let name = match bug {
        "reload" => ALL.with_borrow(|all| all.get(&read.n).copied()),
        _ => names.own.get(&read.n).copied(),
    };
    Made { name, first }
}
