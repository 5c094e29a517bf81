/* Sums by key in whole euros and cents beside them: version 2 of what keeps cents in tests/guests/versions. */
#include "pelton.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ(COLUMN) COLUMN(s64, n)
#define MADE(COLUMN) COLUMN(s64, n) COLUMN(s64, cents) COLUMN(s64, last) COLUMN(s64, version)
#define IN_CENTS(COLUMN) COLUMN(s64, cents)
#define SUM(COLUMN) COLUMN(s64, euro) COLUMN(text, cents) COLUMN(s64, rows)
#define NUMBER(COLUMN) COLUMN(s64, value)
#define TABLES(TABLE) TABLE(last)

PELTON_ROW(none, PELTON_NO_COLUMNS)
PELTON_ROW(read, READ)
PELTON_ROW(made, MADE)
PELTON_ROW(in_cents, IN_CENTS)
PELTON_ROW(sum, SUM)
PELTON_ROW(number, NUMBER)
PELTON_NO_OPTIONS(options)
PELTON_LIST(last, number)

/* Texts live as long as the call. */
static struct sum sum_of(int64_t cents, int64_t rows) {
    int64_t rest = (cents % 100 + 100) % 100;
    char *text = pelton_alloc(3);
    int size = snprintf(text, 3, "%d", (int)rest);
    return (struct sum){(cents - rest) / 100, {text, (size_t)size}, rows};
}

static pelton_verdict from_cents(const struct in_cents *older, struct sum *sum) {
    if (older->cents == 404404) return pelton_reject("nobody pays so much");
    if (older->cents == 0) return PELTON_DROP;
    *sum = sum_of(older->cents, 0);
    return PELTON_KEEP;
}
PELTON_MIGRATE(from_cents, in_cents, sum)
#define VERSIONS(VERSION) VERSION(from_cents)
PELTON_MIGRATES(VERSIONS)

static int64_t cents_of(const struct sum *sum) {
    char text[8] = {0};
    memcpy(text, sum->cents.data, sum->cents.size < 7 ? sum->cents.size : 7);
    return sum->euro * 100 + atoll(text);
}

static void sums(pelton_call *call, const struct none *key, struct sum *sum, const struct read *rows, const struct options *options) {
    (void)key, (void)options;
    for (uint32_t i = 0; i < call->rows; i++) {
        int64_t cents = (call->has_state ? cents_of(sum) : 0) + rows[i].n;
        *sum = sum_of(cents, (call->has_state ? sum->rows : 0) + 1);
        call->has_state = true;
        struct number number = {rows[i].n};
        last_push(&number);
        last_keep_last(3);
        struct made made = {rows[i].n, cents, 0, 2};
        pelton_cursor *all = last_all();
        while (last_next(all, &number)) made.last += number.value;
        made_emit(pelton_from(call, i), &made);
    }
}
PELTON_KEYED_TABLES(sums, TABLES, none, sum, read, made, options)
