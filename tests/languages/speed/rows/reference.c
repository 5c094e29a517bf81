/* The reference operator by rows: prices over 100, in euro. */
#include "pelton.h"

#define BID(COLUMN) COLUMN(f64, price)
#define PRICED(COLUMN) COLUMN(f64, euro)

PELTON_ROW(bid, BID)
PELTON_ROW(priced, PRICED)
PELTON_NO_OPTIONS(none)

static pelton_verdict reference(const struct bid *bid, struct priced *priced, const struct none *options) {
    (void)options;
    priced->euro = bid->price * 0.908;
    return bid->price > 100.0 ? PELTON_KEEP : PELTON_DROP;
}
PELTON_TRANSFORM(reference, bid, priced, none)
