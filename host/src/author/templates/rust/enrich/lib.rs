//! Bids priced in euro, by the rate that the endpoint `rates` has for their currency. All other columns pass through untouched.

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

struct {{pascal}};

#[enrich]
impl {{pascal}} {
    /// What a bid needs to know; bids in euro need nothing, and a path is made of nothing but a currency.
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
            _ => Reply::new(404, "no such file"),
        })
        .test(rows! { price: [8.0, 3.0, 1.0], currency: ["USD", "EUR", "XXX"] });
        assert_eq!(out.main().column::<f64>("euro"), [4.0, 3.0]);
        assert_eq!(out.rejected(), [(2, "status 404")]);
    }

    #[test]
    fn each_currency_is_asked_for_once() {
        let rows = rows! { price: [8.0, 3.0, 2.0], currency: ["USD", "EUR", "USD"] };
        let requests = {{pascal}}::replies(|_| Reply::none("nobody is asked")).requests(&rows);
        assert_eq!(requests, [Request::get("rates", "/latest/USD")]);
    }
}
