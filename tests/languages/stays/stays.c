/* Stays of users: rows made from rows by one output, rows made by timers by another, and a third that nothing is computed for. */
#include "pelton.h"

#define USER(COLUMN) COLUMN(text, user)
#define CLICK(COLUMN) COLUMN(timestamp, at) COLUMN(text, page)
#define STAY(COLUMN) COLUMN(s64, clicks)
#define BEGIN(COLUMN) COLUMN(text, page)

PELTON_ROW(user, USER)
PELTON_ROW(click, CLICK)
PELTON_ROW(stay, STAY)
PELTON_ROW(begin, BEGIN)
PELTON_ROW(none, PELTON_NO_COLUMNS)
PELTON_NO_OPTIONS(options)

PELTON_PORT(begun, begin, PELTON_PASS("user"), PELTON_PASS("at"), PELTON_RENAME("at", "since"))
PELTON_PORT(again, none, PELTON_PASS_ALL)
#define PORTS(PORT) PORT(begun) PORT(again)
PELTON_PORTS(PORTS)

enum { END = 1 };

static void stays(pelton_call *call, const struct user *user, struct stay *stay, const struct click *clicks, const struct options *options) {
    (void)options;
    for (uint32_t i = 0; i < call->rows; i++) {
        const struct click *click = &clicks[i];
        if (pelton_text_equal(click->page, pelton_text_of("bad"))) {
            pelton_reject_row(call, i, "%.*s was on a bad page", (int)user->user.size, user->user.data);
            continue;
        }
        if (!call->has_state) {
            struct begin begin = {click->page};
            begun_emit(pelton_from(call, i), &begin);
        } else {
            struct none none;
            again_emit(pelton_from(call, i), &none);
        }
        stay->clicks = (call->has_state ? stay->clicks : 0) + 1;
        call->has_state = true;
        pelton_set_timer(call, END, click->at + 60000000);
    }
    while (pelton_due(call)) {
        if (call->has_state) stay_emit(pelton_from_none(call), stay);
        call->has_state = false;
    }
}
PELTON_KEYED(stays, user, stay, click, stay, options)
