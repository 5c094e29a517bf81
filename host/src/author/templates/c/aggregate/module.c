/* How far apart prices are, those under `min` left out. */
#include "pelton.h"

#define BID(COLUMN) COLUMN(f64, price)
#define RANGE(COLUMN) COLUMN(f64, range)
#define OPTIONS(NEEDED, OPTIONAL) OPTIONAL(f64, min, 0.0)
/* What the engine keeps for each group; all of it is zero for no rows. */
#define SPREAD(COLUMN) COLUMN(boolean, known) COLUMN(f64, least) COLUMN(f64, most)

PELTON_ROW(bid, BID)
PELTON_ROW(range, RANGE)
PELTON_ROW(spread, SPREAD)
PELTON_OPTIONS(options, OPTIONS)

static void merge(struct spread *spread, const struct spread *later, const struct options *options) {
    (void)options;
    if (!later->known) return;
    if (!spread->known || later->least < spread->least) spread->least = later->least;
    if (!spread->known || later->most > spread->most) spread->most = later->most;
    spread->known = true;
}

static void add(struct spread *spread, const struct bid *bid, const struct options *options) {
    struct spread one = {true, bid->price, bid->price};
    if (bid->price >= options->min) merge(spread, &one, options);
}

static pelton_verdict finish(const struct spread *spread, const pelton_window *window, struct range *range,
                             const struct options *options) {
    (void)window, (void)options;
    range->range = spread->most - spread->least;
    return spread->known ? PELTON_KEEP : PELTON_DROP;
}
PELTON_AGGREGATE(spread, bid, range, options, add, merge, finish)
