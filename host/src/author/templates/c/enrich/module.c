/* Bids priced in euro, by the rate that the endpoint `rates` has for their currency. All other columns pass through untouched. */
#include "pelton.h"

#define BID(COLUMN) COLUMN(f64, price) COLUMN(text, currency)
#define PRICED(COLUMN) COLUMN(f64, euro)

PELTON_ROW(bid, BID)
PELTON_ROW(priced, PRICED)
PELTON_NO_OPTIONS(none)

static bool is_euro(const struct bid *bid) { return pelton_text_equal(bid->currency, pelton_text_of("EUR")); }

/* What a bid needs to know; bids in euro need nothing, and a path is made of nothing but a currency. */
static bool ask(const struct bid *bid, pelton_request *request, const struct none *options) {
    (void)options;
    if (is_euro(bid) || bid->currency.size != 3) return false;
    for (size_t i = 0; i < 3; i++)
        if (bid->currency.data[i] < 'A' || bid->currency.data[i] > 'Z') return false;
    pelton_request_get(request, "rates", "/latest/");
    pelton_request_encoded(request, bid->currency);
    return true;
}

static pelton_verdict answer(const struct bid *bid, const pelton_reply *reply, struct priced *priced, const struct none *options) {
    (void)options;
    pelton_text text;
    double rate = 1;
    if (!reply && !is_euro(bid)) return pelton_reject("this is no currency");
    if (reply && !pelton_reply_text(reply, &text)) return pelton_reject_reply(reply);
    if (reply && !pelton_to_f64(pelton_trimmed(text), &rate)) return pelton_reject("the rate is no number");
    priced->euro = bid->price * rate;
    return PELTON_KEEP;
}
PELTON_ENRICH(ask, answer, bid, priced, none)
