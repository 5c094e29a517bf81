//! Orders and what was paid for them, each by an output of its own: what is owed, what is paid, and the payments of what is paid twice.
use pelton_guest::prelude::*;

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
struct Owed {
    rest: f64,
}

#[derive(Ports)]
enum Bill {
    #[port("owed")]
    Owed(Owed),
    #[port("paid")]
    Paid,
    #[port("over", rename(order = "bill"))]
    Over(Payment),
}

#[cogroup]
fn bills(order: Order, items: Group<Item>, payments: Group<Payment>, out: &mut Joined<Bill>) {
    let (items, payments): (Vec<_>, Vec<_>) = (items.collect(), payments.collect());
    let price: f64 = items.iter().map(|item| item.price).sum();
    let rest = price - payments.iter().map(|payment| payment.euro).sum::<f64>();
    for payment in &payments {
        if items.is_empty() {
            out.reject(payment, format!("there is no order {}", order.order));
        } else if rest < 0.0 {
            out.emit(Bill::Over(Payment { euro: payment.euro }));
        }
    }
    if !items.is_empty() && rest >= 0.0 {
        out.emit(if rest > 0.0 { Bill::Owed(Owed { rest }) } else { Bill::Paid });
    }
}
