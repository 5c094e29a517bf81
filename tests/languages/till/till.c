/* What a till took and gave back: rows that leave a window are taken back, one by one, and nothing of them is left. */
#include "pelton.h"

#define PAID(COLUMN) COLUMN(s64, cents) COLUMN(s64_or_null, tip)
#define TILL(COLUMN) COLUMN(s64, rows) COLUMN(s64, took) COLUMN(s64, gave) COLUMN(s64, tips)
#define MADE(COLUMN) COLUMN(s64, took) COLUMN(s64, gave) COLUMN(f64_or_null, tip)
#define OPTIONS(NEEDED, OPTIONAL) OPTIONAL(s64, scale, 1)

PELTON_ROW(paid, PAID)
PELTON_ROW(till, TILL)
PELTON_ROW(made, MADE)
PELTON_OPTIONS(options, OPTIONS)

static void count(struct till *till, const struct paid *paid, int64_t times) {
    till->rows += times;
    *(paid->cents < 0 ? &till->gave : &till->took) += paid->cents * times;
    if (!paid->tip.valid) return;
    till->took += paid->tip.value * times;
    till->tips += times;
}

static void add(struct till *till, const struct paid *paid, const struct options *options) { count(till, paid, options->scale); }

static void retract(struct till *till, const struct paid *paid, const struct options *options) { count(till, paid, -options->scale); }

static void merge(struct till *till, const struct till *later, const struct options *options) {
    (void)options;
    till->rows += later->rows;
    till->took += later->took;
    till->gave += later->gave;
    till->tips += later->tips;
}

static pelton_verdict finish(const struct till *till, const pelton_window *window, struct made *made, const struct options *options) {
    (void)window, (void)options;
    made->took = till->took;
    made->gave = till->gave;
    made->tip.valid = till->tips != 0;
    if (made->tip.valid) made->tip.value = (double)till->took / (double)till->tips;
    return till->rows ? PELTON_KEEP : PELTON_DROP;
}
PELTON_RETRACTABLE_AGGREGATE(till, paid, made, options, add, retract, merge, finish)
