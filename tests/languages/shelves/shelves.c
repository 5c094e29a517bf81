/* A list and a map that grow for many rounds, changed and read by numbers that look like chance: what is read must be the same everywhere. */
#include "pelton.h"

#include <stdio.h>
#include <string.h>

#define BEGIN(COLUMN) COLUMN(s64, start)
#define DRAWN(COLUMN) COLUMN(s64, round) COLUMN(u64, drawn)
#define QUEUED(COLUMN) COLUMN(s32, n) COLUMN(f64_or_null, x)
#define PLACE(COLUMN) COLUMN(boolean, late) COLUMN(u32, id) COLUMN(text, name)
#define BOOK(COLUMN) COLUMN(s64, n) COLUMN(text_or_null, note)
#define TOLD(COLUMN) COLUMN(u64, sum) COLUMN(s64, length) COLUMN(s64, books)
#define TABLES(TABLE) TABLE(queue) TABLE(shelf)

PELTON_ROW(none, PELTON_NO_COLUMNS)
PELTON_ROW(begin, BEGIN)
PELTON_ROW(drawn, DRAWN)
PELTON_ROW(queued, QUEUED)
PELTON_ROW(place, PLACE)
PELTON_ROW(book, BOOK)
PELTON_ROW(told, TOLD)
PELTON_NO_OPTIONS(options)

PELTON_LIST(queue, queued)
PELTON_MAP(shelf, place, book)

enum { NEXT = 0, ROUNDS = 12 };

static const pelton_text NAMES[4] = {{"", 0}, {"a", 1}, {"a\0", 2}, {"ü", 2}};

static uint64_t last, sum;

static uint64_t pick(uint64_t below) {
    last = last * 6364136223846793005u + 1442695040888963407u;
    return (last >> 33) % below;
}

static void mix(uint64_t value) { sum = sum * 31 + value; }

static void mix_book(const struct place *place, const struct book *book) {
    uint64_t name = 0;
    mix((place->late ? 1000u : 0u) + place->id);
    while (!pelton_text_equal(NAMES[name], place->name)) name++;
    mix(name);
    mix((uint64_t)book->n);
    mix(book->note.valid ? book->note.value.size : 7);
}

static struct place a_place(void) {
    struct place place;
    place.late = pick(2) == 1;
    place.id = (uint32_t)pick(60);
    place.name = NAMES[pick(4)];
    return place;
}

/* Changes what is gone through: each book comes once. */
static void grow(void) {
    struct place place;
    struct book book;
    for (pelton_cursor *all = shelf_all(); shelf_next(all, &place, &book);) {
        book.n++;
        shelf_put(&place, &book);
    }
}

static void step(void) {
    struct queued queued;
    struct book book;
    uint64_t what = pick(16);
    if (what < 5) {
        struct place place = a_place();
        char text[16];
        book.n = (int64_t)pick(1000) - 500;
        uint64_t number = pick(300);
        int size = snprintf(text, sizeof text, "n%d", (int)number);
        book.note.valid = number >= 100;
        book.note.value = (pelton_text){text, (size_t)size};
        shelf_put(&place, &book);
    } else if (what == 5) {
        struct place place = a_place();
        shelf_remove(&place);
    } else if (what == 6) {
        struct place place = a_place();
        if (shelf_get(&place, &book)) mix_book(&place, &book);
        else mix(1);
    } else if (what < 9) {
        for (uint64_t left = pick(6) + 1; left; left--) {
            queued.n = (int32_t)pick(1000);
            queued.x.valid = queued.n % 2 != 0;
            queued.x.value = queued.n / 4.0;
            queue_push(&queued);
        }
    } else if (what == 9) {
        for (uint64_t left = pick(4); left; left--) mix(queue_pop(&queued) ? (uint64_t)queued.n : 3);
    } else if (what == 10) {
        mix(queue_at((size_t)pick(60), &queued) ? (uint64_t)queued.n : 5);
    } else if (what == 11 || what == 12) {
        struct place from = a_place(), to = a_place(), place;
        pelton_cursor *through = what == 11 ? shelf_range(&from, &to) : shelf_range_backward(&from, &to);
        for (uint64_t left = pick(50); left && shelf_next(through, &place, &book); left--) mix_book(&place, &book);
    } else if (what == 13) {
        size_t from = (size_t)pick(50);
        pelton_cursor *through = queue_range(from, from + (size_t)pick(50));
        while (queue_next(through, &queued)) mix(queued.x.valid ? (uint64_t)(queued.x.value * 4) + 9 : (uint64_t)queued.n);
    } else if (what == 14) {
        pelton_cursor *through = queue_backward();
        for (uint64_t left = pick(40); left && queue_next(through, &queued); left--) mix((uint64_t)queued.n);
    } else {
        uint64_t rare = pick(20);
        if (rare == 0) shelf_clear();
        else if (rare == 1) queue_keep_last(10);
        else if (rare == 2) queue_clear();
        else if (rare < 5) grow();
        else mix(queue_length());
    }
}

static void shelves(pelton_call *call, const struct none *key, struct drawn *state, const struct begin *rows, const struct options *options) {
    (void)key, (void)options;
    for (uint32_t row = 0; row < call->rows; row++) {
        call->has_state = true;
        *state = (struct drawn){0, (uint64_t)rows[row].start};
        pelton_set_timer(call, NEXT, 0);
    }
    while (pelton_due(call)) {
        struct place place;
        struct book book;
        struct told told = {0};
        last = state->drawn, sum = 0;
        for (int i = 0; i < 200; i++) step();
        for (pelton_cursor *all = shelf_all(); shelf_next(all, &place, &book); told.books++) mix_book(&place, &book);
        state->drawn = last;
        state->round++;
        told.sum = sum;
        told.length = (int64_t)queue_length();
        told_emit(pelton_from_none(call), &told);
        if (state->round < ROUNDS) pelton_set_timer(call, NEXT, 0);
    }
}
PELTON_KEYED_TABLES(shelves, TABLES, none, drawn, begin, told, options)
