/* Prices in euro; currencies that the options have no rate for are refused. */
#include "pelton.h"

#define BID(COLUMN) COLUMN(f64, price) COLUMN(text, currency)
#define PRICED(COLUMN) COLUMN(f64, euro)
#define OPTIONS(NEEDED, OPTIONAL) NEEDED(f64, usd) NEEDED(f64, gbp)

PELTON_ROW(bid, BID)
PELTON_ROW(priced, PRICED)
PELTON_OPTIONS(options, OPTIONS)

static pelton_verdict in_euro(const struct bid *bid, struct priced *priced, const struct options *options) {
    double rate;
    if (pelton_text_equal(bid->currency, pelton_text_of("EUR"))) {
        rate = 1.0;
    } else if (pelton_text_equal(bid->currency, pelton_text_of("USD"))) {
        rate = options->usd;
    } else if (pelton_text_equal(bid->currency, pelton_text_of("GBP"))) {
        rate = options->gbp;
    } else {
        return pelton_reject("no rate for %.*s", (int)bid->currency.size, bid->currency.data);
    }
    priced->euro = bid->price * rate;
    return PELTON_KEEP;
}
PELTON_TRANSFORM(in_euro, bid, priced, options, PELTON_LEAVE_OUT("price"), PELTON_LEAVE_OUT("currency"))
