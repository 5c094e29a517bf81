//! What is still to be paid of each order, and payments for orders that nobody knows: the tests' cogroup.
//!
//! Built with the SDK; `tests/modules.rs` runs it in the host, and the SDK's `tests/component.rs` looks at its exports.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Order {
    order: i64,
}

#[derive(Row)]
struct Item<'a> {
    item: &'a str,
    price: f64,
}

#[derive(Row)]
struct Payment {
    euro: f64,
}

#[derive(Row)]
struct Open<'a> {
    first: &'a str,
    open: f64,
}

#[derive(Row)]
struct Stray {
    euro: f64,
}

#[derive(Ports)]
enum Left<'a> {
    Open(Open<'a>),
    #[port("stray", rename(order = "unknown"))]
    Stray(Stray),
}

#[derive(Options)]
struct Options {
    #[default(0.0)]
    tolerance: f64,
}

/// Orders that are not paid up to `tolerance`; payments without an order go to `stray`.
#[cogroup]
fn unpaid(
    order: Order,
    items: Group<Item<'_>>,
    payments: Group<Payment>,
    out: &mut Joined<Left<'_>>,
    options: &Options,
) {
    let mut first = None;
    let mut open = 0.0;
    for item in items {
        if item.price < 0.0 {
            out.reject(&item, format!("order {} has a negative price", order.order));
            continue;
        }
        first.get_or_insert(item.item);
        open += item.price;
    }
    for payment in payments {
        if !payment.euro.is_finite() {
            out.reject(&payment, "not an amount");
        } else if first.is_some() {
            open -= payment.euro;
        } else {
            out.emit(Left::Stray(Stray { euro: payment.euro }));
        }
    }
    if let Some(first) = first.filter(|_| open > options.tolerance) {
        out.emit(Left::Open(Open { first, open }));
    }
}
