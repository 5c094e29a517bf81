//! Bids priced in euro, by the rate that an endpoint has for their currency.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Bid<'a> {
    price: f64,
    currency: &'a str,
}

#[derive(Row)]
struct Priced {
    euro: f64,
}

struct InEuro;

/// All other columns pass through untouched. Bids in a currency that the endpoint does not know are rejected, with what it said.
#[enrich]
impl InEuro {
    /// What a bid needs to know; bids in euro need nothing.
    fn ask(bid: Bid<'_>) -> Option<Request> {
        is_foreign(bid.currency).then(|| Request::get("rates", format!("/latest/{}", bid.currency)))
    }

    fn answer(bid: Bid<'_>, reply: Option<&Reply>) -> Result<Priced, String> {
        let rate = match reply {
            Some(reply) => reply.text()?.trim().parse().map_err(|_| "the rate is no number")?,
            None if bid.currency == "EUR" => 1.0,
            None => return Err("this is no currency".to_owned()),
        };
        Ok(Priced { euro: bid.price * rate })
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
        let out = InEuro::replies(|request| match request.path() {
            "/latest/USD" => Reply::new(200, "0.5\n"),
            "/latest/ODD" => Reply::new(200, "much"),
            _ => Reply::new(404, "no such file"),
        })
        .test(rows! { price: [8.0, 3.0, 1.0, 1.0, 2.0, 1.0], currency: ["USD", "EUR", "XXX", "ODD", "USD", "../"] });
        assert_eq!(out.main().column::<f64>("euro"), [4.0, 3.0, 1.0]);
        assert_eq!(out.rejected(), [(2, "status 404"), (3, "the rate is no number"), (5, "this is no currency")]);
    }

    #[test]
    fn each_currency_is_asked_for_once() {
        let rows = rows! { price: [8.0, 3.0, 2.0], currency: ["USD", "EUR", "USD"] };
        let requests = InEuro::replies(|_| Reply::none("nobody is asked")).requests(&rows);
        assert_eq!(requests, [Request::get("rates", "/latest/USD")]);
    }
}
