/* Lists and maps of state: read and changed in the call of the rows, and again, from the engine, in the calls of timers. */
#include "pelton.h"

#include <stdio.h>
#include <string.h>

#define USER(COLUMN) COLUMN(text, user)
#define PLAY(COLUMN) COLUMN(text, song) COLUMN(timestamp, at)
#define ROUND(COLUMN) COLUMN(s64, round)
#define PLAYED(COLUMN) COLUMN(text, song) COLUMN(timestamp_or_null, at)
#define SONG(COLUMN) COLUMN(text, song)
#define TIMES(COLUMN) COLUMN(s64, value)
#define PLACE(COLUMN) COLUMN(s32, times) COLUMN(text, song)
#define HALF(COLUMN) COLUMN(f64, value)
#define TOLD(COLUMN) COLUMN(text, what) COLUMN(text, text) COLUMN(s64, n)
#define TABLES(TABLE) TABLE(recent) TABLE(songs) TABLE(places)

PELTON_ROW(user, USER)
PELTON_ROW(play, PLAY)
PELTON_ROW(round_of, ROUND)
PELTON_ROW(played, PLAYED)
PELTON_ROW(song, SONG)
PELTON_ROW(times, TIMES)
PELTON_ROW(place, PLACE)
PELTON_ROW(half, HALF)
PELTON_ROW(told, TOLD)
PELTON_NO_OPTIONS(none)

PELTON_LIST(recent, played)
PELTON_MAP(songs, song, times)
PELTON_MAP(places, place, half)

enum { TELL = 0 };

static char words[1 << 16];
static size_t used;

static void word(pelton_text text) {
    if (used) words[used++] = ',';
    memcpy(words + used, text.data, text.size);
    used += text.size;
}

static void say(pelton_call *call, const char *what, int64_t n) {
    struct told told = {pelton_text_of(what), {words, used}, n};
    told_emit(pelton_from_none(call), &told);
    used = 0;
}

static void tell(pelton_call *call) {
    struct played played;
    struct song song;
    struct times times;
    struct place place;
    struct half half;
    int64_t dated = 0, sum = 0, quarters = 0;
    for (pelton_cursor *all = recent_all(); recent_next(all, &played);) word(played.song), dated += played.at.valid;
    say(call, "recent", (int64_t)recent_length());
    pelton_cursor *last = recent_backward();
    for (int i = 0; i < 3 && recent_next(last, &played); i++) word(played.song);
    say(call, "last", dated);
    for (pelton_cursor *some = recent_range(5, 8); recent_next(some, &played);) word(played.song);
    say(call, "some", recent_at(30, &played));
    for (pelton_cursor *all = songs_all(); songs_next(all, &song, &times); sum += times.value) {
        char text[64];
        int size = snprintf(text, sizeof text, "%.*s=%lld", (int)song.song.size, song.song.data, (long long)times.value);
        word((pelton_text){text, (size_t)size});
    }
    say(call, "songs", sum);
    struct song end = {pelton_text_of("s12")}, once = {pelton_text_of("s01")};
    pelton_cursor *below = songs_range_backward(NULL, &end);
    for (int i = 0; i < 3 && songs_next(below, &song, NULL); i++) word(song.song);
    say(call, "below", songs_get(&once, &times) ? times.value : -1);
    struct place from = {2, {"", 0}}, to = {3, {"", 0}};
    for (pelton_cursor *twice = places_range(&from, &to); places_next(twice, &place, NULL);) word(place.song);
    for (pelton_cursor *all = places_all(); places_next(all, NULL, &half);) quarters += (int64_t)(half.value * 4);
    say(call, "twice", quarters);
}

static void plays(pelton_call *call, const struct user *user, struct round_of *state, const struct play *rows, const struct none *options) {
    (void)user, (void)options;
    for (uint32_t row = 0; row < call->rows; row++) {
        struct song song = {rows[row].song};
        struct times times = {0};
        songs_get(&song, &times);
        times.value++;
        songs_put(&song, &times);
        struct played played = {song.song, {times.value > 1, rows[row].at}};
        recent_push(&played);
        struct place place = {(int32_t)times.value, song.song}, before = {(int32_t)times.value - 1, song.song};
        struct half half = {(double)times.value / 2};
        places_put(&place, &half);
        if (times.value > 1) places_remove(&before);
        struct told told = {pelton_text_of("play"), song.song, times.value};
        told_emit(pelton_from(call, row), &told);
        pelton_set_timer(call, TELL, rows[row].at);
    }
    while (pelton_due(call)) {
        struct played played;
        call->has_state = true;
        state->round++;
        tell(call);
        for (int i = 0; i < 2 && recent_pop(&played); i++) word(played.song);
        say(call, "popped", state->round);
        recent_keep_last(20);
        struct played last = {pelton_text_of("last"), {false, 0}};
        recent_push(&last);
        struct song gone = {pelton_text_of("s01")}, put = {pelton_text_of("zz")};
        struct times times = {state->round};
        songs_remove(&gone);
        songs_put(&put, &times);
        struct place place = {-1, pelton_text_of("ü")};
        struct half half = {0.25};
        places_put(&place, &half);
        tell(call);
        if (state->round == 2) places_clear();
        if (state->round < 3) pelton_set_timer(call, TELL, 0);
    }
}
PELTON_KEYED_TABLES(plays, TABLES, user, round_of, play, told, none)
