/* Bids priced in euro, by the rate that the endpoint `rates` has for their currency. All other columns pass through untouched. */
#include "pelton.h"

#define BID(COLUMN) COLUMN(f64, price) COLUMN(text, currency)
#define PRICED(COLUMN) COLUMN(f64, euro)

PELTON_ROW(bid, BID)
PELTON_ROW(priced, PRICED)
PELTON_NO_OPTIONS(none)

/* What a bid needs to know; bids in euro need nothing. */
static bool ask(const struct bid *bid, pelton_request *request, const struct none *options) {
    (void)options;
    if (pelton_text_equal(bid->currency, pelton_text_of("EUR"))) return false;
    pelton_request_get(request, "rates", "/latest/");
    pelton_request_encoded(request, bid->currency);
    return true;
}

static pelton_verdict answer(const struct bid *bid, const pelton_reply *reply, struct priced *priced, const struct none *options) {
    (void)options;
    pelton_text text;
    double rate = 1;
    if (reply && !pelton_reply_text(reply, &text)) return pelton_reject_reply(reply);
    if (reply && !pelton_to_f64(pelton_trimmed(text), &rate)) return pelton_reject("the rate is no number");
    priced->euro = bid->price * rate;
    return PELTON_KEEP;
}
PELTON_ENRICH(ask, answer, bid, priced, none)
