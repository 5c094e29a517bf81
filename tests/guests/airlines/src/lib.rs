//! Flights with the names of their airlines: the tests' transform with a side table.
//!
//! Built with the SDK; `tests/modules.rs` runs it in the host, and the SDK's `tests/component.rs` looks at its exports.

use std::collections::HashMap;

use pelton_guest::prelude::*;

#[derive(Row)]
struct Airline<'a> {
    carrier: &'a str,
    name: &'a str,
}

/// Names by carrier.
struct Airlines(HashMap<String, String>);

impl Lookup for Airlines {
    type Row<'a> = Airline<'a>;

    fn load(rows: TableRows<'_, Self>) -> Result<Self, String> {
        let mut names = HashMap::new();
        for row in rows {
            if names.insert(row.carrier.to_owned(), row.name.to_owned()).is_some() {
                return Err(format!("carrier {} is there twice", row.carrier));
            }
        }
        Ok(Self(names))
    }
}

#[derive(Row)]
struct Flight<'a> {
    carrier: &'a str,
}

#[derive(Row)]
struct Named<'a> {
    airline: &'a str,
}

/// The name of the airline of each flight.
#[transform(table = "airlines")]
fn named<'a>(flight: Flight<'a>, airlines: &'a Airlines) -> Result<Named<'a>, String> {
    let name = airlines.0.get(flight.carrier).ok_or_else(|| format!("no airline {}", flight.carrier))?;
    Ok(Named { airline: name })
}
