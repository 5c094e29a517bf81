/* Prints, and then fails: the log has the line, and the trap the place. */
#include "pelton.h"

#include <stdio.h>

#define ROW(COLUMN) COLUMN(s64, n)

PELTON_ROW(none, PELTON_NO_COLUMNS)
PELTON_ROW(row, ROW)
PELTON_NO_OPTIONS(options)

static void fails(pelton_call *call, const struct none *key, struct row *state, const struct row *rows,
                  const struct options *options) {
    (void)key, (void)options;
    printf("said before\n");
    for (uint32_t i = 0; i < call->rows; i++) {
        PELTON_ASSERT(rows[i].n != 2); /* HERE */
        *state = rows[i];
        call->has_state = true;
    }
}
PELTON_KEYED(fails, none, row, row, none, options)
