/* What is still to be paid of each order, if it is `least` or more. */
#include "pelton.h"

#define ORDER(COLUMN) COLUMN(s64, order)
#define ITEM(COLUMN) COLUMN(f64, price)
#define PAYMENT(COLUMN) COLUMN(f64, euro)
#define UNPAID(COLUMN) COLUMN(f64, unpaid)
#define OPTIONS(NEEDED, OPTIONAL) NEEDED(f64, least)

PELTON_ROW(order, ORDER)
PELTON_ROW(item, ITEM)
PELTON_ROW(payment, PAYMENT)
PELTON_ROW(unpaid, UNPAID)
PELTON_OPTIONS(options, OPTIONS)

static void {{id}}(pelton_pair *pair, const struct order *order, const struct item *items, const struct payment *payments,
                   const struct options *options) {
    if (!pair->left) {
        for (uint32_t i = 0; i < pair->right; i++) pelton_reject_right(pair, i, "there is no order %lld", (long long)order->order);
        return;
    }
    struct unpaid unpaid = {0};
    for (uint32_t i = 0; i < pair->left; i++) unpaid.unpaid += items[i].price;
    for (uint32_t i = 0; i < pair->right; i++) unpaid.unpaid -= payments[i].euro;
    if (unpaid.unpaid >= options->least) unpaid_emit(pelton_of_key(pair), &unpaid);
}
PELTON_COGROUP({{id}}, order, item, payment, unpaid, options)
