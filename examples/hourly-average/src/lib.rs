//! Prices as numbers; what is none, and what is 0 or less, is rejected with the reason.
//!
//! The hourly average behind it is not here: the host owns windows, and `std:avg` folds.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Quote<'a> {
    price: &'a str,
}

#[derive(Row)]
struct Sound {
    price: f64,
}

/// The price as a number, under the same name.
#[transform]
fn sound(quote: Quote<'_>) -> Result<Sound, String> {
    match quote.price.parse::<f64>() {
        Ok(price) if price.is_finite() && price > 0.0 => Ok(Sound { price }),
        Ok(_) => Err(format!("a price must be above 0, not {}", quote.price)),
        Err(_) if quote.price.is_empty() => Err("the price is missing".to_owned()),
        Err(_) => Err(format!("`{}` is not a price", quote.price)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_prices_above_nothing_count() {
        let out = sound.test(rows! { symbol: ["A", "A", "B", "B", "B"], price: ["1.5", "0.00", "n/a", "", "inf"] });
        assert_eq!(out.main(), &rows! { symbol: ["A"], price: [1.5] });
        let want = [
            (1, "a price must be above 0, not 0.00"),
            (2, "`n/a` is not a price"),
            (3, "the price is missing"),
            (4, "a price must be above 0, not inf"),
        ];
        assert_eq!(out.rejected(), want);
    }
}
