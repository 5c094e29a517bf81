/* What an endpoint knows of words: asked by a path, or by a body; what it does not know is left out. */
#include "pelton.h"

#define OPTIONS(NEEDED, OPTIONAL) NEEDED(s64, least)
#define ASKED(COLUMN) COLUMN(text_or_null, what) COLUMN(s64, n)
#define KNOWN(COLUMN) COLUMN(s32, status) COLUMN(text_or_null, answer) COLUMN(text_or_null, of)

PELTON_OPTIONS(options, OPTIONS)
PELTON_ROW(asked, ASKED)
PELTON_ROW(known, KNOWN)

static bool ask(const struct asked *row, pelton_request *request, const struct options *options) {
    if (!row->what.valid || row->n < options->least) return false;
    pelton_text what = row->what.value, count = pelton_text_of("count ");
    pelton_text start = {what.data, what.size < count.size ? what.size : count.size};
    if (pelton_text_equal(start, count)) {
        pelton_bytes text = {what.data + count.size, what.size - count.size};
        pelton_request_post(request, "words", "/count", text);
        pelton_request_header(request, "accept", "text/plain");
    } else {
        pelton_request_get(request, "words", "/words/");
        pelton_request_encoded(request, what);
        pelton_request_query(request, "n", "%lld", (long long)row->n);
    }
    return true;
}

static pelton_verdict answer(const struct asked *row, const pelton_reply *reply, struct known *known, const struct options *options) {
    (void)row, (void)options;
    if (!reply) return PELTON_KEEP;
    if (reply->failed) return pelton_reject("nobody answers");
    if (reply->status == 202) return pelton_reply_again(reply, "not ready yet");
    if (reply->status == 404) return PELTON_DROP;
    if (!pelton_reply_text(reply, &known->answer.value)) return pelton_reject_reply(reply);
    known->answer.valid = true;
    known->status = reply->status;
    known->of = pelton_reply_header(reply, "X-Of");
    return PELTON_KEEP;
}
PELTON_ENRICH(ask, answer, asked, known, options)
