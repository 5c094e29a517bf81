/* The reference operator by columns: prices over 100, in euro. */
#include "pelton.h"

#define BID(COLUMN) COLUMN(f64, price)
#define PRICED(COLUMN) COLUMN(f64, euro)

PELTON_ROW(bid, BID)
PELTON_ROW(priced, PRICED)
PELTON_NO_OPTIONS(none)

static uint32_t reference(const struct bid_columns *bids, uint32_t rows, struct priced_rooms *priced, uint32_t *origin,
                          const struct none *options) {
    (void)options;
    const double *price = pelton_values_f64(&bids->price);
    double *euro = pelton_room_f64(&priced->euro);
    uint32_t kept = PELTON_WHERE(row, rows, origin, price[row] > 100.0);
    for (uint32_t at = 0; at < kept; at++) euro[at] = price[origin[at]] * 0.908;
    return kept;
}
PELTON_COLUMNS(reference, bid, priced, none)
