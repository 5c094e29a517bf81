/* Narrower numbers and coarser times, read as wider ones. */
#include "pelton.h"

#define READ(COLUMN) COLUMN(f64, small) COLUMN(s64, count) COLUMN(timestamp, at)
#define MADE(COLUMN) COLUMN(f64, twice, "double") COLUMN(s64, next) COLUMN(s64, micros)

PELTON_ROW(row, READ)
PELTON_ROW(made, MADE)
PELTON_NO_OPTIONS(none)

static pelton_verdict widen(const struct row *in, struct made *out, const struct none *options) {
    (void)options;
    out->twice = in->small * 2.0, out->next = in->count + 1, out->micros = in->at;
    return PELTON_KEEP;
}
PELTON_TRANSFORM(widen, row, made, none)
