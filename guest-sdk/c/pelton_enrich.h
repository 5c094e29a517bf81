/* What an enrich operator exports; pelton.c includes it. */

typedef struct { abi_string endpoint, method, path; abi_list headers; abi_list body; } abi_request;
typedef struct {
    uint8_t failed;
    union {
        struct { abi_list requests, wanted; } asked;
        struct { uint8_t kind; abi_string reason; } failure;
    } of;
} abi_ask_result;

_Static_assert(sizeof(abi_request) == 40 && sizeof(abi_ask_result) == 20, "wit/enrich.wit");
/* Requests are copied; headers and replies are read where they lie. */
_Static_assert(sizeof(pelton_header) == 16 && sizeof(pelton_reply) == 32 && offsetof(pelton_reply, headers) == 4, "wit/enrich.wit");
_Static_assert(offsetof(pelton_reply, body) == 12 && offsetof(pelton_reply, failed) == 20 && offsetof(pelton_reply, error) == 24, "wit/enrich.wit");
_Static_assert(sizeof(pelton_request) == 48 && sizeof(pelton_asking) == 4, "runtime.zig");

/* Without an author's own `open` says of which kind the operator is. */
__attribute__((weak)) const pelton_asking pelton_the_asking = {NULL};

/* What a row waits for that waits for nothing. */
static const uint32_t no_request = UINT32_MAX;

/* ---- what is asked ---- */

/* Each different request once: `slots` has the number of a request, from 1, or 0. */
struct pelton_asked {
    abi_request *requests;
    uint32_t count, capacity;
    uint32_t *slots, mask;
    uint32_t *wanted;
};

static uint64_t hash_more(uint64_t hash, const void *bytes, size_t size) { return mix(hash ^ pelton_hash(bytes, size)) + size; }

static uint64_t request_hash(const pelton_request *request) {
    uint64_t hash = pelton_hash(request->endpoint.data, request->endpoint.size);
    hash = hash_more(hash, request->method.data, request->method.size);
    hash = hash_more(hash, request->path.data, request->path.size);
    for (uint32_t i = 0; i < request->headers_count; i++) {
        hash = hash_more(hash, request->headers[i].name.data, request->headers[i].name.size);
        hash = hash_more(hash, request->headers[i].value.data, request->headers[i].value.size);
    }
    return hash_more(hash, request->body.data, request->body.size);
}

static bool same_text(abi_string left, pelton_text right) { return pelton_text_equal((pelton_text){left.data, left.size}, right); }

static bool same_request(const abi_request *known, const pelton_request *request) {
    const pelton_header *headers = known->headers.data;
    if (known->headers.count != request->headers_count) return false;
    for (uint32_t i = 0; i < request->headers_count; i++)
        if (!pelton_text_equal(headers[i].name, request->headers[i].name) || !pelton_text_equal(headers[i].value, request->headers[i].value))
            return false;
    abi_string body = {known->body.data, known->body.count};
    return same_text(known->endpoint, request->endpoint) && same_text(known->method, request->method) &&
           same_text(known->path, request->path) && same_text(body, request->body);
}

static abi_string shown(pelton_text text) { return (abi_string){text.data ? text.data : "", text.size}; }

void pelton_asks(pelton_asked *asked, uint32_t row, const pelton_request *request) {
    if (!request->endpoint.data) {
        abi_string why = worded("`ask` answered true for row %u of the batch, but made no request: call pelton_request_get or pelton_request_post",
                                (unsigned)row);
        pelton_trap(pelton_the_operator.function, 0, why.data);
    }
    uint32_t at = (uint32_t)request_hash(request) & asked->mask;
    while (asked->slots[at] && !same_request(&asked->requests[asked->slots[at] - 1], request)) at = (at + 1) & asked->mask;
    if (!asked->slots[at]) {
        if (asked->count == asked->capacity) {
            uint32_t capacity = asked->capacity ? 2 * asked->capacity : 64;
            asked->requests = grown(asked->requests, asked->count * sizeof *asked->requests, capacity * sizeof *asked->requests);
            asked->capacity = capacity;
        }
        asked->requests[asked->count] = (abi_request){
            shown(request->endpoint), shown(request->method), shown(request->path), {request->headers, request->headers_count},
            {request->body.data, request->body.size}};
        asked->slots[at] = ++asked->count;
    }
    asked->wanted[row] = asked->slots[at] - 1;
}

void pelton_request_get(pelton_request *request, const char *endpoint, const char *path) {
    memset(request, 0, sizeof *request);
    request->endpoint = pelton_text_of(endpoint), request->method = pelton_text_of("GET");
    pelton_request_path(request, "%s", path);
}

void pelton_request_post(pelton_request *request, const char *endpoint, const char *path, pelton_bytes body) {
    pelton_request_get(request, endpoint, path);
    request->method = pelton_text_of("POST"), request->body = body;
}

/* Appends to the path, of which nothing else has seen the memory. */
static void path_append(pelton_request *request, const char *data, size_t size) {
    size_t used = request->path.size;
    if (request->path_capacity < used + size) {
        size_t capacity = 2 * request->path_capacity > used + size ? 2 * request->path_capacity : used + size + 48;
        request->path.data = grown(request->path.data, used, capacity);
        request->path_capacity = capacity;
    }
    if (size) memcpy((char *)request->path.data + used, data, size);
    request->path.size = used + size;
}

void pelton_request_path(pelton_request *request, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    abi_string text = formatted(format, arguments);
    va_end(arguments);
    path_append(request, text.data, text.size);
}

void pelton_request_encoded(pelton_request *request, pelton_text text) {
    for (size_t at = 0; at < text.size; at++) {
        char letter = text.data[at];
        bool is_kept = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9') ||
                       letter == '-' || letter == '_' || letter == '.' || letter == '~';
        char escaped[3] = {'%', "0123456789ABCDEF"[(uint8_t)letter >> 4], "0123456789ABCDEF"[letter & 15]};
        path_append(request, is_kept ? &letter : escaped, is_kept ? 1 : 3);
    }
}

void pelton_request_query_text(pelton_request *request, const char *name, pelton_text value) {
    bool is_first = !request->path.size || !memchr(request->path.data, '?', request->path.size);
    path_append(request, is_first ? "?" : "&", 1);
    pelton_request_encoded(request, pelton_text_of(name));
    path_append(request, "=", 1);
    pelton_request_encoded(request, value);
}

void pelton_request_query(pelton_request *request, const char *name, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    abi_string value = formatted(format, arguments);
    va_end(arguments);
    pelton_request_query_text(request, name, (pelton_text){value.data, value.size});
}

void pelton_request_header_text(pelton_request *request, const char *name, pelton_text value) {
    uint32_t count = request->headers_count;
    if (count == request->headers_capacity) {
        uint32_t capacity = count ? 2 * count : 4;
        request->headers = grown(request->headers, count * sizeof *request->headers, capacity * sizeof *request->headers);
        request->headers_capacity = capacity;
    }
    pelton_header *header = (pelton_header *)request->headers + count;
    *header = (pelton_header){pelton_text_of(name), {shown(value).data, value.size}};
    request->headers_count++;
}

void pelton_request_header(pelton_request *request, const char *name, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    abi_string value = formatted(format, arguments);
    va_end(arguments);
    pelton_request_header_text(request, name, (pelton_text){value.data, value.size});
}

/* ---- what was answered ---- */

/* What came with the call of `answer` that is under way, and why it is to be asked again, if it is. */
static struct {
    const uint32_t *wanted;
    const pelton_reply *replies;
    uint32_t count;
    bool asks_again;
    abi_string again;
} told;

const pelton_reply *pelton_told(void) {
    uint32_t wanted = told.wanted[pelton_at];
    if (wanted == no_request) return NULL;
    if (wanted >= told.count) pelton_trap(__FILE__, __LINE__, "the engine has no reply for a row that waits for one");
    return &told.replies[wanted];
}

bool pelton_reply_ok(const pelton_reply *reply) { return !reply->failed && reply->status >= 200 && reply->status < 300; }

/* Whether bytes are UTF-8, as the Unicode standard has it: in the shortest form, without surrogates, up to U+10FFFF. */
static bool is_utf8(pelton_bytes bytes) {
    const uint8_t *at = (const uint8_t *)bytes.data, *end = at + bytes.size;
    while (at < end) {
        uint8_t first = *at++;
        if (first < 0x80) continue;
        size_t more = first >= 0xc2 && first < 0xe0 ? 1 : first >= 0xe0 && first < 0xf0 ? 2 : first >= 0xf0 && first < 0xf5 ? 3 : 0;
        if (!more || (size_t)(end - at) < more) return false;
        uint8_t least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80, most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
        if (*at < least || *at > most) return false;
        for (at++; --more; at++)
            if ((*at & 0xc0) != 0x80) return false;
    }
    return true;
}

bool pelton_reply_text(const pelton_reply *reply, pelton_text *text) {
    bool is_text = pelton_reply_ok(reply) && is_utf8(reply->body);
    *text = is_text ? reply->body : (pelton_text){"", 0};
    return is_text;
}

pelton_text_or_null pelton_reply_header(const pelton_reply *reply, const char *name) {
    size_t size = strlen(name);
    for (uint32_t i = 0; i < reply->headers_count; i++) {
        pelton_text its = reply->headers[i].name;
        size_t at = 0;
        while (at < size && at < its.size) {
            char a = its.data[at], b = name[at];
            if (a >= 'A' && a <= 'Z') a |= 32;
            if (b >= 'A' && b <= 'Z') b |= 32;
            if (a != b) break;
            at++;
        }
        if (at == size && at == its.size) return (pelton_text_or_null){true, reply->headers[i].value};
    }
    return (pelton_text_or_null){false, {"", 0}};
}

pelton_verdict pelton_reject_reply(const pelton_reply *reply) {
    if (reply->failed) return pelton_reject_text(reply->error.data, reply->error.size);
    if (!pelton_reply_ok(reply)) return pelton_reject("status %u", (unsigned)reply->status);
    return pelton_reject(is_utf8(reply->body) ? "the reply is of no use" : "the reply is not UTF-8");
}

pelton_verdict pelton_reply_again_text(const pelton_reply *reply, const char *why, size_t size) {
    (void)reply;
    if (!told.asks_again) told.again = (abi_string){why, size};
    told.asks_again = true;
    return pelton_reject_text(why, size);
}

pelton_verdict pelton_reply_again(const pelton_reply *reply, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    abi_string why = formatted(format, arguments);
    va_end(arguments);
    return pelton_reply_again_text(reply, why.data, why.size);
}

pelton_text pelton_trimmed(pelton_text text) {
    while (text.size && memchr(" \t\r\n\v\f", text.data[0], 6)) text.data++, text.size--;
    while (text.size && memchr(" \t\r\n\v\f", text.data[text.size - 1], 6)) text.size--;
    return text;
}

/* A number's text, terminated; NULL if it is of other signs than `signs`. */
static const char *number_text(pelton_text text, const char *signs) {
    char *copy = pelton_alloc(text.size + 1);
    for (size_t at = 0; at < text.size; at++) {
        if (!text.data[at] || !strchr(signs, text.data[at])) return NULL;
        copy[at] = text.data[at];
    }
    copy[text.size] = 0;
    return text.size ? copy : NULL;
}

bool pelton_to_f64(pelton_text text, double *number) {
    const char *from = number_text(text, "0123456789+-.eE");
    char *end;
    if (!from) return false;
    double read = strtod(from, &end);
    if (*end) return false;
    *number = read;
    return true;
}

bool pelton_to_s64(pelton_text text, int64_t *number) {
    const char *from = number_text(text, "0123456789+-");
    char *end;
    if (!from) return false;
    errno = 0;
    int64_t read = strtoll(from, &end, 10);
    if (*end || errno) return false;
    *number = read;
    return true;
}

/* ---- the exports ---- */

EXPORT("pelton:operator/enrich@0.1.0#open")
abi_open_result *abi_open(const abi_input *inputs, size_t inputs_count, const char *options, size_t options_size) {
    abi_list none = {NULL, 0};
    return open_as(inputs, inputs_count, (abi_string){options, options_size}, none, none);
}

EXPORT("cabi_post_pelton:operator/enrich@0.1.0#open") void abi_post_open(void *result) {
    (void)result;
    arena_empty();
}

static pelton_batch batch_of(pelton_context now, uint32_t rows, const abi_node *nodes) {
    enter(now);
    pelton_view *views = views_of(nodes, rows);
    return (pelton_batch){rows, views, refuse_nulls(views, rows), opened.options};
}

EXPORT("pelton:operator/enrich@0.1.0#ask")
abi_ask_result *abi_ask(uint64_t epoch, uint64_t first_row, int64_t now, int64_t watermark, uint64_t seed, uint32_t rows, const abi_node *nodes,
                        size_t nodes_count) {
    (void)nodes_count;
    pelton_batch batch = batch_of((pelton_context){epoch, first_row, now, watermark, seed}, rows, nodes);
    size_t slots = 4, size = rows * sizeof(uint32_t);
    while (slots < 2 * (size_t)rows) slots *= 2;
    pelton_asked asked = {NULL, 0, 0, pelton_alloc(slots * sizeof(uint32_t)), (uint32_t)(slots - 1), pelton_alloc(size)};
    memset(asked.slots, 0, slots * sizeof *asked.slots);
    /* No request, for each. */
    memset(asked.wanted, 0xff, size);
    pelton_the_asking.ask(&batch, &asked);
    stream_flush(PELTON_INFO, 0);
    abi_ask_result *result = pelton_alloc(sizeof *result);
    result->failed = 0;
    result->of.asked.requests = (abi_list){asked.requests, asked.count};
    result->of.asked.wanted = (abi_list){asked.wanted, size};
    return result;
}

EXPORT("cabi_post_pelton:operator/enrich@0.1.0#ask") void abi_post_ask(void *result) {
    (void)result;
    arena_empty();
}

EXPORT("pelton:operator/enrich@0.1.0#answer")
abi_process_result *abi_answer(uint64_t epoch, uint64_t first_row, int64_t now, int64_t watermark, uint64_t seed, uint32_t rows,
                               const abi_node *nodes, size_t nodes_count, const uint32_t *wanted, size_t wanted_size,
                               const pelton_reply *replies, size_t replies_count) {
    (void)nodes_count, (void)wanted_size;
    pelton_batch batch = batch_of((pelton_context){epoch, first_row, now, watermark, seed}, rows, nodes);
    told.wanted = wanted, told.replies = replies, told.count = (uint32_t)replies_count, told.asks_again = false;
    pelton_out out = out_for(rows);
    pelton_the_operator.run(&batch, &out);
    stream_flush(PELTON_INFO, 0);
    if (rejections.count) qsort(rejections.list, rejections.count, sizeof *rejections.list, by_row);
    abi_process_result *result = output_of(&out, rows);
    if (told.asks_again) {
        result->failed = 1;
        result->of.failure.kind = 0; /* retry */
        result->of.failure.reason = told.again;
    }
    return result;
}

EXPORT("cabi_post_pelton:operator/enrich@0.1.0#answer") void abi_post_answer(void *result) {
    (void)result;
    arena_empty();
}
