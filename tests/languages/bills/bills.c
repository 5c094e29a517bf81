/* Orders and what was paid for them, each by an output of its own: what is owed, what is paid, and the payments of what is paid twice. */
#include "pelton.h"

#define ORDER(COLUMN) COLUMN(s64, order)
#define ITEM(COLUMN) COLUMN(f64, price)
#define PAYMENT(COLUMN) COLUMN(f64, euro)
#define OWED(COLUMN) COLUMN(f64, rest)

PELTON_ROW(order, ORDER)
PELTON_ROW(item, ITEM)
PELTON_ROW(payment, PAYMENT)
PELTON_ROW(owed, OWED)
PELTON_ROW(none, PELTON_NO_COLUMNS)
PELTON_NO_OPTIONS(options)

PELTON_PORT(paid, none)
PELTON_PORT(over, payment, PELTON_RENAME("order", "bill"))
#define PORTS(PORT) PORT(paid) PORT(over)
PELTON_PORTS(PORTS)

static void bills(pelton_pair *pair, const struct order *order, const struct item *items, const struct payment *payments,
                  const struct options *options) {
    (void)options;
    struct owed owed = {0};
    struct none none;
    double euro = 0;
    for (uint32_t i = 0; i < pair->left; i++) owed.rest += items[i].price;
    for (uint32_t i = 0; i < pair->right; i++) euro += payments[i].euro;
    owed.rest -= euro;
    for (uint32_t i = 0; i < pair->right; i++) {
        if (!pair->left) pelton_reject_right(pair, i, "there is no order %lld", (long long)order->order);
        else if (owed.rest < 0) over_emit(pelton_of_key(pair), &payments[i]);
    }
    if (!pair->left || owed.rest < 0) return;
    if (owed.rest > 0) owed_emit(pelton_of_key(pair), &owed);
    else paid_emit(pelton_of_key(pair), &none);
}
PELTON_COGROUP(bills, order, item, payment, owed, options)
