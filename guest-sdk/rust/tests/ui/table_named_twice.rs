use pelton_guest::prelude::*;

#[derive(Row)]
struct Flight {
    miles: i64,
}

#[derive(Row)]
struct Plane {
    seats: i64,
}

struct Seats(i64);

impl Lookup for Seats {
    type Row<'a> = Plane;

    fn load(rows: TableRows<'_, Self>) -> Result<Self, String> {
        Ok(Self(rows.map(|plane| plane.seats).sum()))
    }
}

#[transform(table = "planes", table = "planes")]
fn large(flight: Flight, planes: &Seats) -> bool {
    flight.miles > planes.0
}

fn main() {}
