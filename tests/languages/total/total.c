/* Sums, means and the first word of each group: nulls, text and numbers that are kept; groups that are dropped and refused. */
#include "pelton.h"

#include <string.h>

#define ROW(COLUMN) COLUMN(s64_or_null, n) COLUMN(f64, x) COLUMN(text_or_null, word)
#define TOTAL(COLUMN) COLUMN(s64, rows) COLUMN(s64, sum) COLUMN(s64, numbers) COLUMN(f64, total) COLUMN(text_or_null, word)
#define RESULT(COLUMN) COLUMN(s64, sum) COLUMN(f64_or_null, mean) COLUMN(f64, total) COLUMN(text_or_null, word)
#define OPTIONS(NEEDED, OPTIONAL) OPTIONAL(s64, scale, 1)

PELTON_ROW(row, ROW)
PELTON_ROW(total, TOTAL)
PELTON_ROW(result, RESULT)
PELTON_OPTIONS(options, OPTIONS)

static bool is_before(pelton_text a, pelton_text b) {
    int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);
    return order < 0 || (order == 0 && a.size < b.size);
}

static void keep(struct total *total, pelton_text_or_null word) {
    if (word.valid && (!total->word.valid || is_before(word.value, total->word.value))) total->word = word;
}

static void add(struct total *total, const struct row *row, const struct options *options) {
    total->rows++;
    total->total += row->x;
    if (row->n.valid) total->sum += row->n.value * options->scale, total->numbers++;
    keep(total, row->word);
}

static void merge(struct total *total, const struct total *later, const struct options *options) {
    (void)options;
    total->rows += later->rows;
    total->sum += later->sum;
    total->numbers += later->numbers;
    total->total += later->total;
    keep(total, later->word);
}

static pelton_verdict finish(const struct total *total, const pelton_window *window, struct result *result,
                             const struct options *options) {
    (void)window, (void)options;
    if (total->sum < 0) return pelton_reject("%lld is less than nothing", (long long)total->sum);
    result->sum = total->sum;
    result->mean.valid = total->numbers > 0;
    if (result->mean.valid) result->mean.value = (double)total->sum / (double)total->numbers;
    result->total = total->total;
    result->word = total->word;
    return total->rows ? PELTON_KEEP : PELTON_DROP;
}
PELTON_AGGREGATE(total, row, result, options, add, merge, finish)
