/* Each row of a key on the left with each on the right: sides without rows, nulls, and rows of both sides that are refused. */
#include "pelton.h"

#define USER(COLUMN) COLUMN(text, user)
#define NUMBER(COLUMN) COLUMN(s64_or_null, n)
#define WORD(COLUMN) COLUMN(text, word) COLUMN(f64_or_null, x)
#define TOLD(COLUMN) COLUMN(s64, n) COLUMN(text, word) COLUMN(f64_or_null, x)
#define OPTIONS(NEEDED, OPTIONAL) OPTIONAL(s64, most, 100)

PELTON_ROW(user, USER)
PELTON_ROW(number, NUMBER)
PELTON_ROW(word, WORD)
PELTON_ROW(told, TOLD)
PELTON_OPTIONS(options, OPTIONS)

static bool is_bad(const struct word *word) { return pelton_text_equal(word->word, pelton_text_of("bad")); }

static void pairs(pelton_pair *pair, const struct user *user, const struct number *numbers, const struct word *words,
                  const struct options *options) {
    int size = (int)user->user.size;
    int64_t sum = 0, made = 0;
    for (uint32_t i = 0; i < pair->right; i++)
        if (is_bad(&words[i])) pelton_reject_right(pair, i, "%.*s is bad", size, user->user.data);
    for (uint32_t i = 0; i < pair->left; i++) {
        if (!numbers[i].n.valid) {
            pelton_reject_left(pair, i, "%.*s has no number", size, user->user.data);
            continue;
        }
        sum += numbers[i].n.value;
        for (uint32_t j = 0; j < pair->right; j++) {
            if (is_bad(&words[j]) || made == options->most) continue;
            struct told told = {numbers[i].n.value, words[j].word, words[j].x};
            told_emit(pelton_of_key(pair), &told);
            made++;
        }
    }
    if (pair->right && pair->left) return;
    struct told told = {sum, pelton_text_of(pair->right ? "right alone" : "left alone"), {false, 0}};
    told_emit(pelton_of_key(pair), &told);
}
PELTON_COGROUP(pairs, user, number, word, told, options)
