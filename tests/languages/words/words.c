/* Words of a line with their places; drops the line. */
#include "pelton.h"

#define LINE(COLUMN) COLUMN(text, line)
#define WORD(COLUMN) COLUMN(text, word) COLUMN(s32, place)

PELTON_ROW(line, LINE)
PELTON_ROW(word, WORD)
PELTON_NO_OPTIONS(none)

static pelton_verdict words(const struct line *in, pelton_out *out, const struct none *options) {
    (void)options;
    pelton_text line = in->line;
    int32_t place = 0;
    for (size_t start = 0; start < line.size;) {
        size_t end = start;
        while (end < line.size && line.data[end] != ' ') end++;
        if (end > start) {
            struct word made;
            made.word.data = line.data + start, made.word.size = end - start, made.place = place++;
            word_emit(out, &made);
        }
        start = end + 1;
    }
    if (line.size && line.data[line.size - 1] == '?') {
        return pelton_reject("`%.*s` is a question", (int)line.size, line.data);
    }
    return PELTON_KEEP;
}
PELTON_FLAT_MAP(words, line, word, none, PELTON_LEAVE_OUT("line"))
