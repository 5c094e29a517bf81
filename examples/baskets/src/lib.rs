//! What customers buy again and again: how often each product, and how much they spent lately.
//!
//! The engine keeps a map and a list for each customer. Neither comes with a call: the module reads one row of the map for each
//! purchase, and the last few elements of the list.

use pelton_guest::prelude::*;

/// Purchases that count as "lately".
const LATELY: usize = 3;

#[derive(Row)]
struct Customer<'a> {
    customer: &'a str,
}

#[derive(Row)]
struct Purchase<'a> {
    product: &'a str,
    euro: f64,
}

/// What is kept of a purchase.
#[derive(State, Clone)]
struct Bought {
    product: String,
    euro: f64,
}

#[derive(Row)]
struct Insight {
    /// How often the customer has bought this product, this time included.
    times: i64,
    /// What the customer has bought most often; of several the first by name.
    favourite: String,
    /// For the last three purchases.
    spent_lately: f64,
}

/// A row for each purchase.
#[keyed(pass = ["customer", "product", "time"])]
fn baskets(
    _customer: Customer<'_>,
    purchases: Group<Purchase<'_>>,
    counts: &mut Map<String, i64>,
    recent: &mut List<Bought>,
    out: &mut Out<Insight>,
) {
    for purchase in purchases {
        let times = counts.get(purchase.product).unwrap_or_default() + 1;
        counts.put(purchase.product.to_owned(), times);
        recent.push(Bought { product: purchase.product.to_owned(), euro: purchase.euro });
        recent.truncate_front(LATELY);

        // In the order of their names, so of several the last in reverse is the first.
        let favourite = counts.iter().rev().max_by_key(|(_, times)| *times);
        let favourite = favourite.map(|(product, _)| product).unwrap_or_default();
        let spent_lately = recent.iter().map(|bought| bought.euro).sum();
        out.emit_from(&purchase, Insight { times, favourite, spent_lately });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purchases(customers: &[&'static str], products: &[&'static str], euro: &[f64]) -> Rows {
        rows! {
            customer: customers.to_vec(),
            product: products.to_vec(),
            euro: euro.to_vec(),
            time: (0..customers.len() as i64).map(Timestamp),
        }
    }

    #[test]
    fn counts_and_recent_purchases_are_kept_between_epochs() {
        let mut test = baskets.key(["customer"]).start();
        let out = test.rows(purchases(&["ada", "ada", "bob"], &["tea", "milk", "tea"], &[4.0, 1.0, 8.0]));
        assert_eq!(out.main().column::<String>("favourite"), ["tea", "milk", "tea"], "of two the first by name");
        let out = test.rows(purchases(&["ada", "ada"], &["tea", "tea"], &[3.0, 2.0]));
        assert_eq!(out.main().column::<i64>("times"), [2, 3]);
        assert_eq!(out.main().column::<String>("favourite"), ["tea", "tea"]);
        assert_eq!(out.main().column::<f64>("spent_lately"), [8.0, 6.0]);
        let keys = ["ada", "ada", "bob"];
        assert_eq!(test.table("counts"), rows! { customer: keys, key: ["milk", "tea", "tea"], value: [1, 3, 1] });
        let recent = test.table("recent");
        assert_eq!(recent.column::<i64>("position"), [1, 2, 3, 0], "the first purchase is gone");
        assert_eq!(recent.column::<String>("product"), ["milk", "tea", "tea", "tea"]);
    }
}
