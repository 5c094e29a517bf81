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
        (bid.currency != "EUR").then(|| Request::get("rates", format!("/latest/{}", encode(bid.currency))))
    }

    fn answer(bid: Bid<'_>, reply: Option<&Reply>) -> Result<Priced, String> {
        let Some(reply) = reply else { return Ok(Priced { euro: bid.price }) };
        let rate: f64 = reply.text()?.trim().parse().map_err(|_| "the rate is no number")?;
        Ok(Priced { euro: bid.price * rate })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bids_are_priced_by_the_rate_of_their_currency() {
        let out = InEuro::replies(|request| match request.path() {
            "/latest/USD" => Reply::new(200, "0.5\n"),
            "/latest/odd%20one" => Reply::new(200, "much"),
            _ => Reply::new(404, "no such file"),
        })
        .test(rows! { price: [8.0, 3.0, 1.0, 1.0, 2.0], currency: ["USD", "EUR", "XXX", "odd one", "USD"] });
        assert_eq!(out.main().column::<f64>("euro"), [4.0, 3.0, 1.0]);
        assert_eq!(out.rejected(), [(2, "status 404"), (3, "the rate is no number")]);
    }

    #[test]
    fn each_currency_is_asked_for_once() {
        let rows = rows! { price: [8.0, 3.0, 2.0], currency: ["USD", "EUR", "USD"] };
        let requests = InEuro::replies(|_| Reply::none("nobody is asked")).requests(&rows);
        assert_eq!(requests, [Request::get("rates", "/latest/USD")]);
    }
}
