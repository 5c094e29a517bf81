/* The words of a line, its numbers and empty lines, each by an output of its own; a line with `!` is refused as a whole. */
#include "pelton.h"

#define LINE(COLUMN) COLUMN(text, line)
#define NUMBER(COLUMN) COLUMN(s64, n)
#define WORD(COLUMN) COLUMN(text, word) COLUMN(s32, place)

PELTON_ROW(line, LINE)
PELTON_ROW(number, NUMBER)
PELTON_ROW(word, WORD)
PELTON_ROW(blank, PELTON_NO_COLUMNS)
PELTON_NO_OPTIONS(options)

PELTON_PORT(words, word, PELTON_PASS("id"), PELTON_RENAME("id", "row"))
PELTON_PORT(blanks, blank, PELTON_PASS_ALL)
#define PORTS(PORT) PORT(words) PORT(blanks)
PELTON_PORTS(PORTS)

static bool is_number(pelton_text token, int64_t *n) {
    *n = 0;
    for (size_t at = 0; at < token.size; at++) {
        if (token.data[at] < '0' || token.data[at] > '9') return false;
        *n = *n * 10 + (token.data[at] - '0');
    }
    return true;
}

static pelton_verdict route(const struct line *line, pelton_out *out, const struct options *options) {
    (void)options;
    pelton_text rest = line->line;
    if (!rest.size) {
        struct blank blank;
        blanks_emit(out, &blank);
    }
    struct word word = {{rest.data, 0}, 0};
    struct number number;
    for (size_t at = 0; at <= rest.size; at++) {
        if (at < rest.size && rest.data[at] != ' ') {
            word.word.size++;
            continue;
        }
        if (word.word.size == 1 && *word.word.data == '!') return pelton_reject("`%.*s` is a shout", (int)rest.size, rest.data);
        if (word.word.size && is_number(word.word, &number.n)) number_emit(out, &number);
        else if (word.word.size) words_emit(out, &word);
        word.place += word.word.size != 0;
        word.word.data = rest.data + at + 1, word.word.size = 0;
    }
    return PELTON_KEEP;
}
PELTON_FLAT_MAP(route, line, number, options, PELTON_LEAVE_OUT("line"))
