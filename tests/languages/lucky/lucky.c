/* What the context tells of a row. */
#include "pelton.h"

#define READ(COLUMN) COLUMN(s64, id)
#define MADE(COLUMN) COLUMN(u64, row) COLUMN(f64, first) COLUMN(f64, second)

PELTON_ROW(read, READ)
PELTON_ROW(made, MADE)
PELTON_NO_OPTIONS(none)

static pelton_verdict lucky(const struct read *in, struct made *out, const struct none *options) {
    (void)options;
    out->row = pelton_row_number();
    out->first = pelton_random();
    out->second = pelton_random();
    return in->id != 3 ? PELTON_KEEP : PELTON_DROP;
}
PELTON_TRANSFORM(lucky, read, made, none)
