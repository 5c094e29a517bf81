//! What is still to be paid of each order, if it is `least` or more.

use pelton_guest::prelude::*;

#[derive(Options)]
struct Options {
    least: f64,
}

#[derive(Row)]
struct Order {
    order: i64,
}

#[derive(Row)]
struct Item {
    price: f64,
}

#[derive(Row)]
struct Payment {
    euro: f64,
}

#[derive(Row)]
struct Unpaid {
    unpaid: f64,
}

#[cogroup]
fn {{id}}(
    order: Order,
    items: Group<Item>,
    payments: Group<Payment>,
    out: &mut Joined<Unpaid>,
    options: &Options,
) {
    if items.is_empty() {
        payments.for_each(|payment| out.reject(&payment, format!("there is no order {}", order.order)));
        return;
    }
    let due: f64 = items.map(|item| item.price).sum();
    let paid: f64 = payments.map(|payment| payment.euro).sum();
    if due - paid >= options.least {
        out.emit(Unpaid { unpaid: due - paid });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_still_to_be_paid() {
        let items = rows! { order: [1_i64, 2, 1], price: [5.0, 8.0, 6.0] };
        let payments = rows! { order: [2_i64, 1, 4], euro: [8.0, 4.0, 9.0] };
        let out = {{id}}.key(["order"]).options(Options { least: 1.0 }).test(items, payments);
        assert_eq!(out.main(), &rows! { order: [1], unpaid: [7.0] });
        assert_eq!(out.rejected(), [(5, "there is no order 4")]);
    }
}
