/* Visits of users: rows made from rows and by timers, rows refused, timers moved and cleared, state with text and nulls. */
#include "pelton.h"

#define USER(COLUMN) COLUMN(text, user)
#define CLICK(COLUMN) COLUMN(timestamp, at) COLUMN(text_or_null, page)
#define VISIT(COLUMN) COLUMN(s64, clicks) COLUMN(text_or_null, last)
#define EVENT(COLUMN) COLUMN(text, event) COLUMN(s64, clicks) COLUMN(text_or_null, page)
#define OPTIONS(NEEDED, OPTIONAL) OPTIONAL(s64, gap, 30)

PELTON_ROW(user, USER)
PELTON_ROW(click, CLICK)
PELTON_ROW(visit, VISIT)
PELTON_ROW(event, EVENT)
PELTON_OPTIONS(options, OPTIONS)

enum { END = 7 };

static bool is(pelton_text_or_null page, const char *name) {
    return page.valid && pelton_text_equal(page.value, pelton_text_of(name));
}

static void visits(pelton_call *call, const struct user *key, struct visit *visit, const struct click *clicks,
                   const struct options *options) {
    for (uint32_t i = 0; i < call->rows; i++) {
        if (is(clicks[i].page, "bad")) {
            pelton_reject_row(call, i, "%.*s was on a bad page", (int)key->user.size, key->user.data);
            continue;
        }
        if (!call->has_state) {
            struct event begin = {pelton_text_of("begin"), 1, clicks[i].page};
            event_emit(pelton_from(call, i), &begin);
            visit->clicks = 0;
        }
        call->has_state = true;
        visit->clicks++;
        visit->last = clicks[i].page;
        pelton_set_timer(call, END, clicks[i].at + options->gap * 1000000);
        if (is(clicks[i].page, "exit")) {
            struct event left = {pelton_text_of("exit"), visit->clicks, {false, {"", 0}}};
            event_emit(pelton_from(call, i), &left);
            call->has_state = false;
            pelton_clear_timer(call, END);
        }
    }
    while (pelton_due(call)) {
        struct event ended = {pelton_text_of("end"), visit->clicks, visit->last};
        if (call->has_state) event_emit(pelton_from_none(call), &ended);
        call->has_state = false;
    }
}
PELTON_KEYED(visits, user, visit, click, event, options)
