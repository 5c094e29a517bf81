/* The bids of each bidder, as long as they are less than `gap` seconds apart. */
#include "pelton.h"

#define BID(COLUMN) COLUMN(f64, price) COLUMN(timestamp, at)
#define ENDED(COLUMN) COLUMN(s64, bids) COLUMN(f64, spent)
#define OPTIONS(NEEDED, OPTIONAL) NEEDED(s64, gap)
/* What is kept for each bidder. */
#define SESSION(COLUMN) ENDED(COLUMN) COLUMN(timestamp, ends)

PELTON_ROW(none, PELTON_NO_COLUMNS)
PELTON_ROW(session, SESSION)
PELTON_ROW(bid, BID)
PELTON_ROW(ended, ENDED)
PELTON_OPTIONS(options, OPTIONS)

/* The number of the timer: a bidder has one. */
enum { END = 0 };

static void end(pelton_call *call, struct session *session) {
    struct ended ended = {session->bids, session->spent};
    if (call->has_state) ended_emit(pelton_from_none(call), &ended);
    __builtin_memset(session, 0, sizeof *session);
    call->has_state = false;
}

static void {{id}}(pelton_call *call, const struct none *key, struct session *session, const struct bid *bids,
                   const struct options *options) {
    (void)key;
    for (uint32_t i = 0; i < call->rows; i++) {
        if (bids[i].price < 0) {
            pelton_reject_row(call, i, "%g is no price", bids[i].price);
            continue;
        }
        /* The gap is over, though the timer has not told yet. */
        if (call->has_state && bids[i].at >= session->ends) end(call, session);
        call->has_state = true;
        session->bids++;
        session->spent += bids[i].price;
        session->ends = bids[i].at + options->gap * 1000000;
        pelton_set_timer(call, END, session->ends);
    }
    while (pelton_due(call)) end(call, session);
}
PELTON_KEYED({{id}}, none, session, bid, ended, options)
