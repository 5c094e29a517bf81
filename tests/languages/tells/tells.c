/* The words that an endpoint makes of a line, one row for each; lines that it does not know, and empty ones, leave by outputs of their own; a `!` among the
 * words refuses the line as a whole. */
#include "pelton.h"

#define OPTIONS(NEEDED, OPTIONAL) OPTIONAL(text, separator, ",")
#define LINE(COLUMN) COLUMN(text, line)
#define WORD(COLUMN) COLUMN(text, word) COLUMN(s32, place)
#define STATUS(COLUMN) COLUMN(s32, status)

PELTON_OPTIONS(options, OPTIONS)
PELTON_ROW(line, LINE)
PELTON_ROW(word, WORD)
PELTON_ROW(status, STATUS)
PELTON_ROW(blank, PELTON_NO_COLUMNS)

PELTON_PORT(unknown, status, PELTON_PASS("id"), PELTON_RENAME("id", "row"))
PELTON_PORT(blanks, blank, PELTON_PASS_ALL)
#define PORTS(PORT) PORT(unknown) PORT(blanks)
PELTON_PORTS(PORTS)

static bool ask(const struct line *line, pelton_request *request, const struct options *options) {
    (void)options;
    if (!line->line.size) return false;
    pelton_request_post(request, "words", "/split", line->line);
    pelton_request_query(request, "as", "%s/%s", "text", "plain");
    pelton_request_query_text(request, "all", pelton_text_of(""));
    pelton_request_header(request, "x-of", "tells");
    return true;
}

static pelton_verdict answer(const struct line *line, const pelton_reply *reply, pelton_out *out, const struct options *options) {
    struct blank blank;
    pelton_text rest;
    if (!reply) {
        blanks_emit(out, &blank);
        blanks_emit(out, &blank);
        return PELTON_KEEP;
    }
    struct status status = {reply->status};
    if (reply->status == 404) {
        unknown_emit(out, &status);
        return PELTON_KEEP;
    }
    if (!pelton_reply_text(reply, &rest)) return pelton_reject_reply(reply);
    struct word word = {{rest.data, 0}, 0};
    for (size_t at = 0; at <= rest.size; at++) {
        if (at < rest.size && rest.data[at] != *options->separator.data) {
            word.word.size++;
            continue;
        }
        if (pelton_text_equal(word.word, pelton_text_of("!"))) return pelton_reject("`%.*s` is a shout", (int)line->line.size, line->line.data);
        if (pelton_text_equal(word.word, pelton_text_of("?"))) unknown_emit(out, &status);
        else word_emit(out, &word);
        word.place++;
        word.word.data = rest.data + at + 1, word.word.size = 0;
    }
    return PELTON_KEEP;
}
PELTON_ENRICH_FLAT_MAP(ask, answer, line, word, options, PELTON_LEAVE_OUT("line"))
