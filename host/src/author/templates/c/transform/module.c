/* Bids over `min`, priced in euro. All other columns pass through untouched. */
#include "pelton.h"

#define BID(COLUMN) COLUMN(f64, price)
#define PRICED(COLUMN) COLUMN(f64, euro)
#define OPTIONS(NEEDED, OPTIONAL) NEEDED(f64, rate) OPTIONAL(f64, min, 0.0)

PELTON_ROW(bid, BID)
PELTON_ROW(priced, PRICED)
PELTON_OPTIONS(options, OPTIONS)

static pelton_verdict {{id}}(const struct bid *bid, struct priced *priced, const struct options *options) {
    if (bid->price < 0) return pelton_reject("%g is no price", bid->price);
    priced->euro = bid->price * options->rate;
    return bid->price > options->min ? PELTON_KEEP : PELTON_DROP;
}
PELTON_TRANSFORM({{id}}, bid, priced, options)
