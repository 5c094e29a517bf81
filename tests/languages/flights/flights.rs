//! Flights with the names of their airlines, and prices in the currency of the last rate: looked up in two side tables.
use std::collections::HashMap;

use pelton_guest::prelude::*;

#[derive(Row)]
struct Airline<'a> {
    carrier: &'a str,
    name: Option<&'a str>,
    founded: i32,
}

/// Names and years by carrier.
struct Airlines(HashMap<String, (Option<String>, i32)>);

impl Lookup for Airlines {
    type Row<'a> = Airline<'a>;

    fn load(rows: TableRows<'_, Self>) -> Result<Self, String> {
        Ok(Self(rows.map(|row| (row.carrier.to_owned(), (row.name.map(str::to_owned), row.founded))).collect()))
    }
}

#[derive(Row)]
struct Rate {
    rate: f64,
}

struct Last(f64);

impl Lookup for Last {
    type Row<'a> = Rate;

    fn load(rows: TableRows<'_, Self>) -> Result<Self, String> {
        rows.last().map(|row| Self(row.rate)).ok_or_else(|| "there is no rate".to_owned())
    }
}

#[derive(Row)]
struct Flight<'a> {
    carrier: &'a str,
    price: f64,
}

#[derive(Row)]
struct Named<'a> {
    airline: Option<&'a str>,
    founded: i32,
    price: f64,
}

#[derive(Options)]
struct Options {
    factor: f64,
}

#[transform(table = "airlines", table = "fx-rates")]
fn flights<'a>(
    flight: Flight<'a>,
    airlines: &'a Airlines,
    fx_rates: &Last,
    options: &Options,
) -> Result<Option<Named<'a>>, String> {
    if flight.carrier == "private" {
        return Ok(None);
    }
    let (name, founded) = airlines.0.get(flight.carrier).ok_or_else(|| format!("no airline {}", flight.carrier))?;
    let price = flight.price * fx_rates.0 * options.factor;
    Ok(Some(Named { airline: name.as_deref(), founded: *founded, price }))
}
