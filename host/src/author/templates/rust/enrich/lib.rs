//! Bids over `min`, priced in euro by the rate that an endpoint has for their currency. All other columns pass through untouched.

use pelton_guest::prelude::*;

#[derive(Options)]
struct Options {
    #[default(0.0)]
    min: f64,
}

#[derive(Row)]
struct Bid<'a> {
    price: f64,
    currency: &'a str,
}

#[derive(Row)]
struct Priced {
    euro: f64,
}

struct {{pascal}};

#[enrich]
impl {{pascal}} {
    /// What is to be fetched for a bid; nothing for those in euro, and for those that are left out.
    fn ask(bid: Bid<'_>, options: &Options) -> Option<Request> {
        let is_needed = bid.price > options.min && is_foreign(bid.currency);
        is_needed.then(|| Request::get("rates", format!("/latest/{}", bid.currency)))
    }

    /// What becomes of the bid, with the reply if something was asked. An error rejects it.
    fn answer(bid: Bid<'_>, reply: Option<&Reply>, options: &Options) -> Result<Option<Priced>, String> {
        if bid.price <= options.min {
            return Ok(None);
        }
        let rate = match reply {
            Some(reply) => reply.text()?.trim().parse().map_err(|_| "the rate is no number")?,
            None if bid.currency == "EUR" => 1.0,
            None => return Err("this is no currency".to_owned()),
        };
        Ok(Some(Priced { euro: bid.price * rate }))
    }
}

/// What a row says is asked for only if it may stand in a path.
fn is_foreign(currency: &str) -> bool {
    currency.len() == 3 && currency.bytes().all(|letter| letter.is_ascii_uppercase()) && currency != "EUR"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bids_are_priced_by_the_rate_of_their_currency() {
        let out = {{pascal}}::replies(|request| match request.path() {
            "/latest/USD" => Reply::new(200, "0.5\n"),
            _ => Reply::new(404, ""),
        })
        .options(Options { min: 10.0 })
        .test(rows! { price: [100.0, 80.0, 7.0, 30.0, 30.0], currency: ["USD", "EUR", "GBP", "XAU", "../"] });
        assert_eq!(out.main(), &rows! { price: [100.0, 80.0], currency: ["USD", "EUR"], euro: [50.0, 80.0] });
        assert_eq!(out.rejected(), [(3, "status 404"), (4, "this is no currency")]);
    }

    #[test]
    fn each_currency_is_asked_for_once() {
        let rows = rows! { price: [8.0, 3.0, 2.0], currency: ["USD", "EUR", "USD"] };
        let requests = {{pascal}}::replies(|_| Reply::none("nobody is asked")).options(Options { min: 0.0 }).requests(&rows);
        assert_eq!(requests, [Request::get("rates", "/latest/USD")]);
    }
}
