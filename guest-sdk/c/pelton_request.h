/* Enrich operators: what is asked of endpoints, and what they reply; pelton.h includes it, within `extern "C"`.
 *
 *     static bool ask(const struct bid *bid, pelton_request *request, const struct none *options) {
 *         if (pelton_text_equal(bid->currency, pelton_text_of("EUR"))) return false;
 *         pelton_request_get(request, "rates", "/latest/");
 *         pelton_request_encoded(request, bid->currency);
 *         return true;
 *     }
 *
 *     static pelton_verdict answer(const struct bid *bid, const pelton_reply *reply, struct priced *priced, const struct none *options) {
 *         pelton_text text;
 *         double rate = 1;
 *         if (reply && !pelton_reply_text(reply, &text)) return pelton_reject_reply(reply);
 *         if (reply && !pelton_to_f64(pelton_trimmed(text), &rate)) return pelton_reject("the rate is no number");
 *         priced->euro = bid->price * rate;
 *         return PELTON_KEEP;
 *     }
 *     PELTON_ENRICH(ask, answer, bid, priced, none)
 */
#ifndef PELTON_REQUEST_H
#define PELTON_REQUEST_H

typedef struct {
    pelton_text name, value;
} pelton_header;

/* ---- requests ---- */

/* What is asked of an endpoint, by the name that the job file gives it. The engine sends it: it adds the endpoint's URL and its secrets. It may be
 * sent more than once: it should ask, and change nothing. All texts live until the call ends. */
typedef struct {
    pelton_text endpoint, method, path; /* the path with the query */
    const pelton_header *headers;
    uint32_t headers_count;
    pelton_bytes body;
    /* the SDK's */
    size_t path_capacity;
    uint32_t headers_capacity;
} pelton_request;

/* Asks for what is at `path`, which is appended to the endpoint's URL. */
void pelton_request_get(pelton_request *request, const char *endpoint, const char *path);
/* Asks by `body`, at `path`. */
void pelton_request_post(pelton_request *request, const char *endpoint, const char *path, pelton_bytes body);
/* Appends to the path: as it is, or encoded, so that it may stand within a segment of a path: all but letters, digits, `-`, `_`, `.` and `~` becomes
 * `%41`. The engine refuses a segment that is `.` or `..`, however it is written: a row that may have one is for `false`. */
void pelton_request_path(pelton_request *request, const char *format, ...) __attribute__((format(printf, 2, 3)));
void pelton_request_encoded(pelton_request *request, pelton_text text);
/* Adds `name=value` to the query, both encoded: `pelton_request_query(request, "n", "%d", n)`, or with a text of a row. */
void pelton_request_query(pelton_request *request, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));
void pelton_request_query_text(pelton_request *request, const char *name, pelton_text value);
/* Adds a header. Those that the job file sets, and those that say how the request is sent, are not a module's to set. */
void pelton_request_header(pelton_request *request, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));
void pelton_request_header_text(pelton_request *request, const char *name, pelton_text value);

/* ---- replies ---- */

/* What an endpoint replied, or why there is no reply. Statuses such as 404 and 500 are replies; a refused connection, a timeout, or a body over the
 * endpoint's `max-reply` is an error. By then the engine has sent the request as often as the endpoint's `retries` allow, if it got no reply or
 * 429, 502, 503 or 504. */
typedef struct {
    uint16_t status; /* 0 if there is no reply */
    const pelton_header *headers;
    uint32_t headers_count;
    pelton_bytes body;
    bool failed;       /* there is no reply */
    pelton_text error; /* why, if it failed */
} pelton_reply;

/* A status from 200 to 299. */
bool pelton_reply_ok(const pelton_reply *reply);
/* The body of a reply that is ok, as text (UTF-8); false if it is none: pelton_reject_reply says what came instead. */
bool pelton_reply_text(const pelton_reply *reply, pelton_text *text);
/* The first header of this name, whatever its case. */
pelton_text_or_null pelton_reply_header(const pelton_reply *reply, const char *name);
/* Refuses the row, because of what came in the place of a text: the error, `status 404`, or that it is not UTF-8. */
pelton_verdict pelton_reject_reply(const pelton_reply *reply);
/* Has the whole batch asked again, after a while: replies that are errors, or all if there are none such. If that was done as often as the endpoint
 * allows, the job fails. `return pelton_reply_again(reply, "not ready yet");` */
pelton_verdict pelton_reply_again(const pelton_reply *reply, const char *format, ...) __attribute__((format(printf, 2, 3)));
pelton_verdict pelton_reply_again_text(const pelton_reply *reply, const char *why, size_t size);

/* A text without the white space around it; and as a number, all of it, in decimal. */
pelton_text pelton_trimmed(pelton_text text);
bool pelton_to_f64(pelton_text text, double *number);
bool pelton_to_s64(pelton_text text, int64_t *number);

/* ---- enrich operators ---- */

/* Takes what a row asks. */
typedef struct pelton_asked pelton_asked;
void pelton_asks(pelton_asked *asked, uint32_t row, const pelton_request *request);
/* The reply that the row waits for, at which the function looks; NULL if it waits for none. */
const pelton_reply *pelton_told(void);

typedef struct {
    void (*ask)(const pelton_batch *batch, pelton_asked *asked);
} pelton_asking;

extern const pelton_asking pelton_the_asking;

/* Two functions of one row:
 *
 *     bool ask(const struct IN *, pelton_request *, const struct OPTIONS *)      says what the row needs, or false
 *     pelton_verdict answer(const struct IN *, const pelton_reply *, struct OUT *, const struct OPTIONS *)
 *
 * The engine sends each different request of a batch once, to an endpoint that the job file allows. The reply is NULL where nothing was asked. */
#define PELTON_ENRICH(ask_fn, answer_fn, in, made, options_name, ...)                                                         \
    static inline pelton_verdict answer_fn##_told(const struct in *row, struct made *one, const struct options_name *options) { \
        return answer_fn(row, pelton_told(), one, options);                                                                   \
    }                                                                                                                         \
    PELTON_MAP_LOOP(answer_fn##_told, in, made, options_name)                                                                 \
    PELTON_ASK_LOOP(ask_fn, in, options_name)                                                                                 \
    PELTON_EXPORT_AS("enrich", answer_fn, in, made##_list, PELTON_COUNT(made##_list), options_name, answer_fn##_told_run, false, \
                     ##__VA_ARGS__)

/* The same with any number of rows, and with several outputs: `pelton_verdict answer(const struct IN *, const pelton_reply *, pelton_out *, const
 * struct OPTIONS *)` calls `OUT_emit(out, &row)` and `PORT_emit(out, &row)` as often as it likes; what it emitted before it rejects is forgotten. */
#define PELTON_ENRICH_FLAT_MAP(ask_fn, answer_fn, in, made, options_name, ...)                                                \
    static inline pelton_verdict answer_fn##_told(const struct in *row, pelton_out *out, const struct options_name *options) { \
        return answer_fn(row, pelton_told(), out, options);                                                                   \
    }                                                                                                                         \
    PELTON_FLAT_MAP_LOOP(answer_fn##_told, in, options_name)                                                                  \
    PELTON_ASK_LOOP(ask_fn, in, options_name)                                                                                 \
    PELTON_EXPORT_AS("enrich", answer_fn, in, made##_list, PELTON_COUNT(made##_list), options_name, answer_fn##_told_run, false, \
                     ##__VA_ARGS__)

#define PELTON_ASK_LOOP(ask_fn, in, options_name)                                                                             \
    static void ask_fn##_all(const pelton_batch *batch, pelton_asked *asked) {                                                \
        const struct in##_columns columns = *(const struct in##_columns *)batch->views;                                       \
        for (uint32_t row = 0; row < batch->rows; row++) {                                                                    \
            if (batch->refused && batch->refused[row]) continue;                                                              \
            pelton_at = row;                                                                                                  \
            struct in read = in##_get(&columns, row);                                                                         \
            pelton_request request;                                                                                           \
            __builtin_memset(&request, 0, sizeof request);                                                                    \
            bool needs = ask_fn(&read, &request, (const struct options_name *)batch->options);                                \
            if (needs) pelton_asks(asked, row, &request);                                                                     \
        }                                                                                                                     \
    }                                                                                                                         \
    const pelton_asking pelton_the_asking = {ask_fn##_all};

#endif
