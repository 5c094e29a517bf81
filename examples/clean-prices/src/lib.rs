//! Turns the prices of a price list, written by people, into exact decimals, and rejects those that cannot be believed.
//!
//! Each row that is refused goes to `clean-prices.rejected` as it came, with the reason. Nothing is lost in silence.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Quote<'a> {
    price: &'a str,
}

#[derive(Row)]
struct Priced {
    /// Nothing is rounded on the way.
    price: Decimal<12, 2>,
}

#[derive(Options)]
struct Options {
    /// Higher prices are taken for slips of the pen.
    #[default(1_000_000)]
    max: u32,
}

/// The price as a number. The column keeps its name and its place.
#[transform]
fn clean(quote: Quote<'_>, options: &Options) -> Result<Priced, String> {
    let text = quote.price.trim();
    if text.is_empty() {
        return Err("the price is missing".to_owned());
    }
    let cents = cents(text).ok_or_else(|| format!("`{text}` is not a price"))?;
    if cents <= 0 {
        return Err(format!("a price must be above 0, not {text}"));
    }
    if cents > i128::from(options.max) * 100 {
        return Err(format!("{text} is more than the maximum of {}", options.max));
    }
    Ok(Priced { price: Decimal(cents) })
}

/// Reads `1299`, `12.99`, `12.9`, `$12.99`, `1,299.00` and `-5`; anything else is no price.
fn cents(text: &str) -> Option<i128> {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let text = text.strip_prefix('$').unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let fraction = match fraction.len() {
        1 => 10 * digits(fraction)?,
        2 => digits(fraction)?,
        _ => return None,
    };
    Some(sign * grouped(whole)?.checked_mul(100)?.checked_add(fraction)?)
}

/// Digits, or digits with a comma before each group of three.
fn grouped(text: &str) -> Option<i128> {
    let mut groups = text.split(',');
    let first = groups.next()?;
    if text.contains(',') && first.len() > 3 {
        return None;
    }
    groups.try_fold(digits(first)?, |number, group| match group.len() {
        3 => number.checked_mul(1_000)?.checked_add(digits(group)?),
        _ => None,
    })
}

/// At most nine digits and nothing else: `parse` alone would take a sign too.
fn digits(text: &str) -> Option<i128> {
    (text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_as_people_write_them() {
        let out = clean
            .options(options! {})
            .test(rows! { sku: ["a", "b", "c", "d"], price: ["12.99", " 7 ", "$1,299.00", "0.5"] });
        let want = [1_299, 700, 129_900, 50].map(Decimal::<12, 2>);
        assert_eq!(out.main(), &rows! { sku: ["a", "b", "c", "d"], price: want });
        assert!(out.rejected().is_empty());
    }

    #[test]
    fn what_is_no_price_is_rejected_with_the_reason() {
        let prices = ["", "n/a", "0.00", "-4.50", "1,29", "12.999", "+5", "$", "2000000"];
        let out = clean.options(options! {}).test(rows! { price: prices });
        assert!(out.main().is_empty());
        let want = [
            (0, "the price is missing"),
            (1, "`n/a` is not a price"),
            (2, "a price must be above 0, not 0.00"),
            (3, "a price must be above 0, not -4.50"),
            (4, "`1,29` is not a price"),
            (5, "`12.999` is not a price"),
            (6, "`+5` is not a price"),
            (7, "`$` is not a price"),
            (8, "2000000 is more than the maximum of 1000000"),
        ];
        assert_eq!(out.rejected(), want);
    }
}
