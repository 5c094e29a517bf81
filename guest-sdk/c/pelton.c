/* The glue between an author's functions and the engine: the canonical ABI of `pelton:operator@0.1.0`, by hand. What a kind exports is in
 * a file of its own, included at the end: a module has one kind, which the build says (PELTON_KIND_AGGREGATE, PELTON_KIND_KEYED, PELTON_KIND_COGROUP,
 * PELTON_KIND_ENRICH).
 *
 * The engine lowers arguments through `cabi_realloc` into an arena, calls, reads the answer, and calls `cabi_post_…`,
 * which empties the arena: nothing that a call allocates outlives it. Structures named `abi_…` have the layout of the
 * records of `wit/types.wit` in 32-bit memory; results of several values are returned by pointer.
 */
#include "pelton.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wasm_simd128.h>

#define EXPORT(name) __attribute__((export_name(name)))
#define IMPORT(module, name) __attribute__((import_module(module), import_name(name)))

/* ---- the arena ---- */

typedef struct chunk {
    struct chunk *before;
    size_t size, used;
    _Alignas(16) char bytes[];
} chunk;

static chunk *arena;
enum { CHUNK_BYTES = 256 << 10 };

void *pelton_alloc(size_t size) {
    size = (size + 15) & ~(size_t)15;
    if (!arena || arena->size - arena->used < size) {
        size_t room = size > CHUNK_BYTES ? size : CHUNK_BYTES;
        chunk *next = aligned_alloc(16, (sizeof(chunk) + room + 15) & ~(size_t)15);
        if (!next) pelton_trap(__FILE__, __LINE__, "out of memory");
        next->before = arena, next->size = room, next->used = 0;
        arena = next;
    }
    void *at = arena->bytes + arena->used;
    arena->used += size;
    return at;
}

/* Keeps one chunk, large enough for another call like this one. */
static void arena_empty(void) {
    size_t total = 0;
    for (chunk *at = arena; at; at = at->before) total += at->used;
    if (!arena || !arena->before) {
        if (arena) arena->used = 0;
        return;
    }
    while (arena) {
        chunk *before = arena->before;
        free(arena);
        arena = before;
    }
    pelton_alloc(total);
    arena->used = 0;
}

EXPORT("cabi_realloc") void *cabi_realloc(void *old, size_t old_size, size_t align, size_t new_size) {
    (void)align;
    void *at = pelton_alloc(new_size);
    if (old) memcpy(at, old, old_size < new_size ? old_size : new_size);
    return at;
}

/* ---- the rows that are kept ---- */

/* For each set of four flags, the positions of its ones. */
static const uint32_t ones_of[16][4] = {
    {0}, {0}, {1}, {0, 1}, {2}, {0, 2}, {1, 2}, {0, 1, 2}, {3}, {0, 3}, {1, 3}, {0, 1, 3}, {2, 3}, {0, 2, 3}, {1, 2, 3}, {0, 1, 2, 3},
};

uint32_t pelton_where(const bool *keep, uint32_t rows, uint32_t *origin) {
    uint32_t kept = 0, row = 0;
    for (; rows - row >= 16; row += 16) {
        uint32_t set = wasm_i8x16_bitmask(wasm_i8x16_neg(wasm_v128_load(keep + row)));
        for (uint32_t from = 0; from < 16; from += 4) {
            uint32_t four = set >> from & 15;
            /* At most `row + from` rows were kept before, so four more fit; what is no row that is kept is written over. */
            wasm_v128_store(origin + kept, wasm_i32x4_add(wasm_v128_load(ones_of[four]), wasm_u32x4_splat(row + from)));
            kept += (uint32_t)__builtin_popcount(four);
        }
    }
    for (; row < rows; row++) {
        origin[kept] = row;
        kept += keep[row];
    }
    return kept;
}

/* ---- the records of wit/types.wit ---- */

typedef struct { const char *data; size_t size; } abi_string;
typedef struct { const void *data; size_t count; } abi_list;
typedef struct { abi_string name, format; bool nullable; uint32_t children; } abi_field;
typedef struct { uint8_t some; abi_string value; } abi_option_string;
typedef struct { uint8_t some; abi_list value; } abi_option_buffer;
typedef struct {
    abi_string name;
    abi_list fields, key;
    abi_option_string event_time;
    abi_string mode;
    abi_list properties;
} abi_input;
typedef struct {
    uint8_t kind; /* 0 pass, 1 computed */
    union { struct { abi_string column, name; } pass; abi_field computed; } of;
} abi_output_field;
typedef struct { abi_string name; abi_list fields; abi_option_string event_time; } abi_port;
typedef struct { abi_string name; abi_list subkey, values; } abi_state_table;
typedef struct { abi_list reads, ports, tables, state; uint32_t state_version; abi_list properties; } abi_contract;
typedef struct { uint32_t rows; abi_list nodes; } abi_table;
typedef struct { uint32_t rows; abi_list buffers; } abi_node;
typedef struct { uint32_t port; abi_option_buffer origin; abi_table computed; } abi_emitted;
typedef struct { uint32_t row; abi_string reason; } abi_rejection;
typedef struct { uint8_t failed; union { abi_contract contract; abi_string reason; } of; } abi_open_result;
typedef struct {
    uint8_t failed;
    union {
        struct { abi_list emitted, rejected; } output;
        struct { uint8_t kind; abi_string reason; } failure;
    } of;
} abi_process_result;

_Static_assert(sizeof(abi_field) == 24 && sizeof(abi_input) == 52 && sizeof(abi_output_field) == 28, "wit/types.wit");
/* guest-sdk/zig/runtime.zig has them as they are in 32-bit memory. */
_Static_assert(sizeof(pelton_operator) == 56 && sizeof(pelton_struct) == 24 && sizeof(pelton_option) == 16, "runtime.zig");
_Static_assert(sizeof(pelton_fold) == 40 && sizeof(pelton_keyed) == 84 && sizeof(pelton_table) == 20 && sizeof(pelton_call) == 32, "runtime.zig");
_Static_assert(sizeof(pelton_out) == 28 && sizeof(pelton_port) == 28 && sizeof(pelton_ports) == 8, "runtime.zig");
_Static_assert(sizeof(pelton_room) == 16 && sizeof(pelton_view) == 12, "runtime.zig");

_Static_assert(sizeof(abi_port) == 28 && sizeof(abi_contract) == 44 && sizeof(abi_emitted) == 28, "wit/types.wit");

/* ---- log ---- */

IMPORT("pelton:operator/log@0.1.0", "log") void host_log(int32_t level, const char *message, size_t size);
IMPORT("pelton:operator/log@0.1.0", "counter") void host_counter(const char *name, size_t size, int64_t delta);
IMPORT("pelton:operator/log@0.1.0", "gauge") void host_gauge(const char *name, size_t size, double value);

static abi_string formatted(const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, arguments);
    if (size < 0) size = 0;
    char *text = pelton_alloc((size_t)size + 1);
    vsnprintf(text, (size_t)size + 1, format, again);
    va_end(again);
    return (abi_string){text, (size_t)size};
}

__attribute__((format(printf, 1, 2))) static abi_string worded(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    abi_string text = formatted(format, arguments);
    va_end(arguments);
    return text;
}

void pelton_log(pelton_level level, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    abi_string line = formatted(format, arguments);
    va_end(arguments);
    host_log((int32_t)level, line.data, line.size);
}

void pelton_log_text(pelton_level level, const char *line, size_t size) { host_log((int32_t)level, line, size); }

void pelton_counter(const char *name, uint64_t delta) { host_counter(name, strlen(name), (int64_t)delta); }
void pelton_gauge(const char *name, double value) { host_gauge(name, strlen(name), value); }

void pelton_trap(const char *file, int line, const char *message) {
    /* Not in the arena: it may be what is full. */
    char text[512];
    int size = snprintf(text, sizeof text, "%s:%d: %s", file, line, message);
    host_log(PELTON_ERROR, text, size < 0 ? 0 : (size_t)size < sizeof text ? (size_t)size : sizeof text - 1);
    __builtin_trap();
}

/* What libc's printf, abort and assert write goes to the log line by line. Defined here, these functions are no imports:
 * the module touches no WASI for its standard streams. */
typedef struct { const char *data; size_t size; } io_vector;
static struct { char text[1024]; size_t used; } streams[2];

static void stream_flush(int32_t level, size_t at) {
    if (streams[at].used) host_log(level, streams[at].text, streams[at].used);
    streams[at].used = 0;
}

int32_t __imported_wasi_snapshot_preview1_fd_write(int32_t fd, int32_t vectors, int32_t count, int32_t written) {
    const io_vector *parts = (const io_vector *)vectors;
    size_t at = fd == 2, total = 0;
    int32_t level = fd == 2 ? PELTON_ERROR : PELTON_INFO;
    for (int32_t part = 0; part < count; part++) {
        for (size_t i = 0; i < parts[part].size; i++) {
            char c = parts[part].data[i];
            if (c != '\n') streams[at].text[streams[at].used++] = c;
            if (c == '\n' || streams[at].used == sizeof streams[at].text) stream_flush(level, at);
        }
        total += parts[part].size;
    }
    *(size_t *)written = total;
    return 0;
}

int32_t __imported_wasi_snapshot_preview1_fd_seek(int32_t fd, int64_t offset, int32_t whence, int32_t at) {
    (void)fd, (void)offset, (void)whence, (void)at;
    return 70; /* not seekable */
}

int32_t __imported_wasi_snapshot_preview1_fd_close(int32_t fd) {
    (void)fd;
    return 0;
}

/* A terminal, so that libc writes whole lines at once. */
int32_t __imported_wasi_snapshot_preview1_fd_fdstat_get(int32_t fd, int32_t at) {
    if (fd < 0 || fd > 2) return 8;
    memset((void *)at, 0, 24);
    *(uint8_t *)at = 2;
    return 0;
}

/* ---- text ---- */

pelton_text pelton_text_of(const char *terminated) { return (pelton_text){terminated, strlen(terminated)}; }

bool pelton_text_equal(pelton_text left, pelton_text right) {
    return left.size == right.size && !memcmp(left.data, right.data, left.size);
}

static abi_string string_of(const char *terminated) { return (abi_string){terminated, strlen(terminated)}; }
static bool is(abi_string text, const char *terminated) {
    return text.size == strlen(terminated) && !memcmp(text.data, terminated, text.size);
}

/* Levenshtein's distance of short names; the letters to insert, delete or replace. */
static size_t distance(abi_string left, abi_string right) {
    size_t row[65];
    if (left.size > 64 || right.size > 64) return 64;
    for (size_t i = 0; i <= right.size; i++) row[i] = i;
    for (size_t line = 0; line < left.size; line++) {
        size_t diagonal = row[0];
        row[0] = line + 1;
        for (size_t i = 0; i < right.size; i++) {
            size_t replaced = diagonal + ((left.data[line] | 32) != (right.data[i] | 32)), above = row[i + 1];
            size_t least = above + 1 < row[i] + 1 ? above + 1 : row[i] + 1;
            diagonal = above;
            row[i + 1] = replaced < least ? replaced : least;
        }
    }
    return row[right.size];
}

/* A sentence that names the nearest of `names`, or the first few. */
static abi_string suggest(abi_string wanted, const abi_string *names, size_t count) {
    size_t best = SIZE_MAX, at = 0;
    for (size_t i = 0; i < count; i++) {
        size_t longer = wanted.size > names[i].size ? wanted.size : names[i].size, edits = distance(wanted, names[i]);
        if (edits <= (longer + 2) / 3 && edits < best) best = edits, at = i;
    }
    if (best != SIZE_MAX) return worded("did you mean `%.*s`?", (int)names[at].size, names[at].data);
    if (!count) return string_of("there are none");
    abi_string list = worded("there is `%.*s`", (int)names[0].size, names[0].data);
    for (size_t i = 1; i < count && i < 20; i++) {
        const char *joint = i + 1 == count ? " and" : ",";
        list = worded("%.*s%s `%.*s`", (int)list.size, list.data, joint, (int)names[i].size, names[i].data);
    }
    if (count > 20) list = worded("%.*s and %zu more", (int)list.size, list.data, count - 20);
    return list;
}

/* ---- types ---- */

static const struct type { const char *format, *name, *wider; size_t size; } types[] = {
    /* `wider`: formats of narrower numbers whose every value fits */
    [PELTON_TYPE_boolean] = {"b", "bool", "", 1},
    [PELTON_TYPE_s8] = {"c", "s8", "", 1},
    [PELTON_TYPE_s16] = {"s", "s16", "cC", 2},
    [PELTON_TYPE_s32] = {"i", "s32", "cCsS", 4},
    [PELTON_TYPE_s64] = {"l", "s64", "cCsSiI", 8},
    [PELTON_TYPE_u8] = {"C", "u8", "", 1},
    [PELTON_TYPE_u16] = {"S", "u16", "C", 2},
    [PELTON_TYPE_u32] = {"I", "u32", "CS", 4},
    [PELTON_TYPE_u64] = {"L", "u64", "CSI", 8},
    [PELTON_TYPE_f32] = {"f", "f32", "cCsS", 4},
    [PELTON_TYPE_f64] = {"g", "f64", "cCsSiIf", 8},
    [PELTON_TYPE_date] = {"tdD", "date", "", 4},
    [PELTON_TYPE_timestamp] = {"tsu:", "timestamp", "", 8},
    [PELTON_TYPE_text] = {"u", "utf8", "", 0},
    [PELTON_TYPE_bytes] = {"z", "binary", "", 0},
};

static const struct type *type_of(int type) { return &types[type & (PELTON_NULLABLE - 1)]; }
static bool is_text(int type) { return type_of(type)->size == 0; }
static bool is_timestamp(abi_string format) { return format.size >= 4 && !memcmp(format.data, "ts", 2); }

static bool accepts(int type, abi_string format) {
    const struct type *wanted = type_of(type);
    if (is(format, wanted->format)) return true;
    if ((type & 31) == PELTON_TYPE_timestamp) return is_timestamp(format);
    if ((type & 31) == PELTON_TYPE_text) return is(format, "U");
    if ((type & 31) == PELTON_TYPE_bytes) return is(format, "Z");
    return format.size == 1 && strchr(wanted->wider, format.data[0]);
}

/* As a job file has it. */
static abi_string type_name(abi_string format) {
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (is(format, types[i].format)) return string_of(i == PELTON_TYPE_timestamp ? "timestamp[us]" : types[i].name);
    if (is_timestamp(format)) {
        const char *unit = format.data[2] == 'm' ? "ms" : format.data[2] == 'u' ? "us" : format.data[2] == 'n' ? "ns" : "s";
        bool zoned = format.size > 4;
        return worded("timestamp[%s%s%.*s]", unit, zoned ? ", " : "", (int)(format.size - 4), format.data + 4);
    }
    if (is(format, "U")) return string_of("utf8");
    if (is(format, "Z")) return string_of("binary");
    if (format.size > 2 && format.data[0] == 'd') return worded("decimal(%.*s)", (int)(format.size - 2), format.data + 2);
    return is(format, "+l") ? string_of("list") : is(format, "+s") ? string_of("struct") : format;
}

/* ---- options: a JSON object of numbers, texts and truth values ---- */

typedef struct { const char *at, *end; } json;

static void json_space(json *in) {
    while (in->at < in->end && strchr(" \t\r\n", *in->at)) in->at++;
}

static bool json_char(json *in, char c) {
    json_space(in);
    if (in->at == in->end || *in->at != c) return false;
    in->at++;
    return true;
}

static size_t utf8(uint32_t point, char *out) {
    if (point < 0x80) return out[0] = (char)point, 1;
    if (point < 0x800) return out[0] = (char)(0xc0 | point >> 6), out[1] = (char)(0x80 | (point & 63)), 2;
    if (point < 0x10000) {
        out[0] = (char)(0xe0 | point >> 12), out[1] = (char)(0x80 | (point >> 6 & 63)), out[2] = (char)(0x80 | (point & 63));
        return 3;
    }
    out[0] = (char)(0xf0 | point >> 18), out[1] = (char)(0x80 | (point >> 12 & 63));
    out[2] = (char)(0x80 | (point >> 6 & 63)), out[3] = (char)(0x80 | (point & 63));
    return 4;
}

static uint32_t json_hex(json *in) {
    uint32_t value = 0;
    for (int i = 0; i < 4 && in->at < in->end; i++, in->at++) {
        char c = *in->at | 32;
        value = value << 4 | (uint32_t)(c <= '9' ? (c - '0') & 15 : c - 'a' + 10);
    }
    return value;
}

static bool json_string(json *in, abi_string *out) {
    if (!json_char(in, '"')) return false;
    char *text = pelton_alloc((size_t)(in->end - in->at) + 4);
    size_t size = 0;
    while (in->at < in->end && *in->at != '"') {
        char c = *in->at++;
        if (c != '\\' || in->at == in->end) {
            text[size++] = c;
            continue;
        }
        c = *in->at++;
        if (c != 'u') {
            const char *from = "bfnrt", *found = strchr(from, c);
            text[size++] = found ? "\b\f\n\r\t"[found - from] : c;
            continue;
        }
        uint32_t point = json_hex(in);
        if (point >= 0xd800 && point < 0xdc00 && in->end - in->at >= 6 && in->at[0] == '\\' && in->at[1] == 'u') {
            in->at += 2;
            point = 0x10000 + ((point - 0xd800) << 10) + (json_hex(in) - 0xdc00);
        }
        size += utf8(point, text + size);
    }
    *out = (abi_string){text, size};
    return json_char(in, '"');
}

/* Passes over a value; answers its text. */
static abi_string json_value(json *in) {
    json_space(in);
    const char *start = in->at;
    int depth = 0;
    while (in->at < in->end) {
        char c = *in->at;
        if (c == '"') {
            abi_string passed;
            if (!json_string(in, &passed)) break;
            if (!depth) break;
            continue;
        }
        if (c == '[' || c == '{') depth++;
        if (c == ']' || c == '}') {
            if (!depth) break;
            depth--;
            if (!depth) {
                in->at++;
                break;
            }
        }
        if (!depth && (c == ',' || c == ' ' || c == '\n')) break;
        in->at++;
    }
    return (abi_string){start, (size_t)(in->at - start)};
}

static bool option_set(const pelton_option *option, char *options, abi_string value) {
    char *at = options + option->offset, *end;
    char *text = pelton_alloc(value.size + 1);
    memcpy(text, value.data, value.size), text[value.size] = 0;
    bool is_number = value.size && (text[0] == '-' || (text[0] >= '0' && text[0] <= '9'));
    switch (option->type) {
    case PELTON_TYPE_boolean:
        *(bool *)at = !strcmp(text, "true");
        return !strcmp(text, "true") || !strcmp(text, "false");
    case PELTON_TYPE_f64:
        *(double *)at = strtod(text, &end);
        return is_number && !*end;
    case PELTON_TYPE_s64:
        *(int64_t *)at = strtoll(text, &end, 10);
        return is_number && !*end;
    case PELTON_TYPE_text: {
        json in = {value.data, value.data + value.size};
        abi_string read;
        if (!json_string(&in, &read)) return false;
        /* Options live as long as the instance. */
        char *kept = malloc(read.size + 1);
        if (!kept) pelton_trap(__FILE__, __LINE__, "out of memory");
        memcpy(kept, read.data, read.size);
        *(pelton_text *)at = (pelton_text){kept, read.size};
        return true;
    }
    default: return false;
    }
}

static const char *option_words(int type) {
    switch (type) {
    case PELTON_TYPE_boolean: return "true or false";
    case PELTON_TYPE_s64: return "an integer";
    case PELTON_TYPE_f64: return "a number";
    default: return "a text";
    }
}

/* NULL, or what is wrong. */
static const abi_string *options_read(abi_string text, char *options) {
    static abi_string wrong;
    const pelton_operator *operator = &pelton_the_operator;
    bool *given = pelton_alloc(operator->options_count + 1);
    memset(given, 0, operator->options_count + 1);
    operator->defaults(options);
    json in = {text.data, text.data + text.size};
    if (!json_char(&in, '{')) return wrong = string_of("the options must be a table of names and values"), &wrong;
    while (!json_char(&in, '}')) {
        abi_string name;
        if (!json_string(&in, &name) || !json_char(&in, ':')) return wrong = string_of("the options are not JSON"), &wrong;
        abi_string value = json_value(&in);
        json_char(&in, ',');
        size_t at = 0;
        while (at < operator->options_count && !is(name, operator->options[at].name)) at++;
        if (at == operator->options_count) {
            abi_string *names = pelton_alloc(at * sizeof *names);
            for (size_t i = 0; i < at; i++) names[i] = string_of(operator->options[i].name);
            abi_string hint = at ? suggest(name, names, at) : string_of("this module has no options");
            wrong = worded("there is no option `%.*s`: %.*s", (int)name.size, name.data, (int)hint.size, hint.data);
            return &wrong;
        }
        const pelton_option *option = &operator->options[at];
        given[at] = true;
        if (!option_set(option, options, value)) {
            wrong = worded("option `%s` must be %s, not %.*s", option->name, option_words(option->type),
                           (int)(value.size < 200 ? value.size : 200), value.data);
            return &wrong;
        }
    }
    for (size_t at = 0; at < operator->options_count; at++) {
        const pelton_option *option = &operator->options[at];
        if (option->needed && !given[at]) {
            wrong = worded("option `%s` is missing: it must be %s", option->name, option_words(option->type));
            return &wrong;
        }
    }
    return NULL;
}

/* ---- open ---- */

/* What `open` agreed on. */
static struct {
    abi_string *formats;
    uint32_t *order;
    char *options;
    abi_list key; /* names of columns; while `open` runs */
} opened;

/* What is kept has one version until a module says otherwise. */
enum { STATE_VERSION = 1 };

#if defined PELTON_KIND_AGGREGATE
#define KIND "aggregate"
#elif defined PELTON_KIND_KEYED
#define KIND "keyed"
#elif defined PELTON_KIND_COGROUP
#define KIND "cogroup"
#elif defined PELTON_KIND_ENRICH
#define KIND "enrich"
#else
#define KIND "transform"
#endif

static void *kept(size_t size) {
    void *at = malloc(size ? size : 1);
    if (!at) pelton_trap(__FILE__, __LINE__, "out of memory");
    return at;
}

static abi_open_result *refused(abi_string reason) {
    abi_open_result *result = pelton_alloc(sizeof *result);
    result->failed = 1;
    result->of.reason = reason;
    return result;
}

static bool in_key(abi_string column) {
    const abi_string *names = opened.key.data;
    for (size_t i = 0; i < opened.key.count; i++)
        if (names[i].size == column.size && !memcmp(names[i].data, column.data, column.size)) return true;
    return false;
}

/* Without an author's own there is one output. */
__attribute__((weak)) const pelton_ports pelton_the_ports = {NULL, 0};

typedef struct { const pelton_rule *list; uint32_t count; } rules;

static bool rules_say(rules of, const pelton_rule_kind *kinds, size_t count) {
    for (uint32_t i = 0; i < of.count; i++)
        for (size_t at = 0; at < count; at++)
            if (of.list[i].kind == kinds[at]) return true;
    return false;
}

static bool rule_passes(rules of, abi_string column) {
    static const pelton_rule_kind says_all[] = {PELTON_RULE_PASS, PELTON_RULE_PASS_NONE, PELTON_RULE_PASS_ALL};
    bool only = !strcmp(KIND, "aggregate"), named = false;
    bool is_key_usual = !strcmp(KIND, "keyed") || !strcmp(KIND, "cogroup");
    if (is_key_usual && !rules_say(of, says_all, 3) && !in_key(column)) return false;
    for (uint32_t i = 0; i < of.count; i++) {
        const pelton_rule *rule = &of.list[i];
        if (rule->kind == PELTON_RULE_PASS_NONE) only = true;
        if (rule->kind == PELTON_RULE_PASS) only = true, named |= is(column, rule->column);
        if (rule->kind == PELTON_RULE_DROP && is(column, rule->column)) return false;
    }
    return !only || named;
}

static abi_string rule_name(rules of, abi_string column) {
    for (uint32_t i = 0; i < of.count; i++) {
        const pelton_rule *rule = &of.list[i];
        if (rule->kind == PELTON_RULE_RENAME && is(column, rule->column)) return string_of(rule->name);
    }
    return column;
}

static abi_output_field computed_field(const pelton_column *made) {
    abi_output_field field = {.kind = 1};
    field.of.computed.name = string_of(made->name);
    field.of.computed.format = string_of(type_of(made->type)->format);
    field.of.computed.nullable = made->type & PELTON_NULLABLE;
    return field;
}

/* A rule that names a column which is not among `names`, or NULL. */
static const pelton_rule *rule_amiss(rules of, const abi_string *names, size_t count) {
    for (uint32_t i = 0; i < of.count; i++) {
        const pelton_rule *rule = &of.list[i];
        bool names_column = rule->kind == PELTON_RULE_PASS || rule->kind == PELTON_RULE_DROP || rule->kind == PELTON_RULE_RENAME;
        size_t at = 0;
        while (names_column && at < count && !is(names[at], rule->column)) at++;
        if (names_column && at == count) return rule;
    }
    return NULL;
}

/* The columns of an output: passed ones in the input's order, a computed one in the place of the passed one of its name, then the others.
 * `order` gets the order of the computed ones. */
static abi_port port_of(const char *name, rules of, const pelton_column *makes, uint32_t makes_count, const abi_string *names, size_t count,
                        uint32_t *order) {
    abi_output_field *out = pelton_alloc((count + makes_count + 1) * sizeof *out);
    bool *taken = pelton_alloc(makes_count + 1);
    memset(taken, 0, makes_count + 1);
    size_t out_count = 0, order_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!rule_passes(of, names[i])) continue;
        abi_string its = rule_name(of, names[i]);
        uint32_t at = 0;
        while (at < makes_count && !is(its, makes[at].name)) at++;
        if (at < makes_count) {
            if (taken[at]) continue;
            taken[at] = true, order[order_count++] = at, out[out_count++] = computed_field(&makes[at]);
        } else {
            out[out_count++] = (abi_output_field){.kind = 0, .of.pass = {names[i], its}};
        }
    }
    for (uint32_t at = 0; at < makes_count; at++)
        if (!taken[at]) order[order_count++] = at, out[out_count++] = computed_field(&makes[at]);
    return (abi_port){.name = string_of(name), .fields = {out, out_count}};
}

static abi_option_string event_time_of(rules of) {
    abi_option_string event_time = {0};
    for (uint32_t i = 0; i < of.count; i++)
        if (of.list[i].kind == PELTON_RULE_TIME) event_time = (abi_option_string){1, string_of(of.list[i].column)};
    return event_time;
}

/* The answer to open; `state` is what the kind keeps, if it keeps anything. */
static abi_open_result *open_as(const abi_input *inputs, size_t inputs_count, abi_string text, abi_list state, abi_list properties) {
    const pelton_operator *operator = &pelton_the_operator;
    if (strcmp(operator->kind, KIND)) {
        abi_string why = worded("the operator is of the kind `%s`, but pelton-module.toml says kind = \"%s\"", operator->kind, KIND);
        pelton_trap(operator->function, 0, why.data);
    }
    opened.options = kept(operator->options_size);
    const abi_string *wrong = options_read(text, opened.options);
    if (wrong) return refused(*wrong);
    if (inputs_count != 1) return refused(worded("this module has one input, but the operator has %zu", inputs_count));
    opened.key = inputs->key;

    /* Top-level columns, without the children of lists and structs. */
    const abi_field *fields = inputs->fields.data;
    const abi_field **columns = pelton_alloc(inputs->fields.count * sizeof *columns);
    abi_string *names = pelton_alloc(inputs->fields.count * sizeof *names);
    size_t count = 0;
    for (size_t i = 0, skip = 0; i < inputs->fields.count; i++) {
        if (skip) {
            skip += fields[i].children - 1;
        } else {
            names[count] = fields[i].name, columns[count++] = &fields[i];
            skip = fields[i].children;
        }
    }

    abi_string *reads = pelton_alloc(operator->reads_count * sizeof *reads);
    opened.formats = kept(operator->reads_count * sizeof *opened.formats);
    for (uint32_t i = 0; i < operator->reads_count; i++) {
        const pelton_column *read = &operator->reads[i];
        const char *wants = type_of(read->type)->name, *optional = read->type & PELTON_NULLABLE ? "?" : "";
        size_t at = 0;
        while (at < count && !is(names[at], read->name)) at++;
        if (at == count) {
            abi_string hint = suggest(string_of(read->name), names, count);
            return refused(worded("the input has no column `%s`, which `%s` reads as %s%s: %.*s", read->name,
                                  operator->function, wants, optional, (int)hint.size, hint.data));
        }
        abi_string format = columns[at]->format;
        if (!accepts(read->type, format)) {
            abi_string have = type_name(format);
            return refused(worded("column `%s` is %.*s, but `%s` reads it as %s%s", read->name, (int)have.size, have.data,
                                  operator->function, wants, optional));
        }
        char *copy = kept(format.size);
        memcpy(copy, format.data, format.size);
        opened.formats[i] = (abi_string){copy, format.size};
        reads[i] = string_of(read->name);
    }

    rules all = {operator->rules, operator->rules_count};
    abi_port *ports = pelton_alloc((pelton_the_ports.count + 1) * sizeof *ports);
    opened.order = kept(operator->makes_count * sizeof *opened.order);
    ports[0] = port_of("out", all, operator->makes, operator->makes_count, names, count, opened.order);
    ports[0].event_time = event_time_of(all);
    const pelton_rule *amiss = rule_amiss(all, names, count);
    for (uint32_t i = 0; i < pelton_the_ports.count; i++) {
        static const pelton_rule_kind says[] = {
            PELTON_RULE_PASS, PELTON_RULE_PASS_NONE, PELTON_RULE_PASS_ALL, PELTON_RULE_DROP, PELTON_RULE_RENAME};
        pelton_port *port = pelton_the_ports.list[i];
        rules own = {port->rules, port->rules_count};
        port->order = kept(port->makes_count * sizeof *port->order);
        ports[i + 1] = port_of(port->name, rules_say(own, says, 5) ? own : all, port->makes, port->makes_count, names, count, port->order);
        ports[i + 1].event_time = event_time_of(own);
        if (!amiss) amiss = rule_amiss(own, names, count);
    }
    if (amiss) {
        abi_string hint = suggest(string_of(amiss->column), names, count);
        return refused(worded("the input has no column `%s`, which a rule of `%s` names: %.*s", amiss->column, operator->function,
                              (int)hint.size, hint.data));
    }
    abi_list *read_lists = pelton_alloc(sizeof *read_lists);
    *read_lists = (abi_list){reads, operator->reads_count};
    abi_open_result *result = pelton_alloc(sizeof *result);
    memset(result, 0, sizeof *result);
    result->of.contract.reads = (abi_list){read_lists, 1};
    result->of.contract.ports = (abi_list){ports, pelton_the_ports.count + 1};
    result->of.contract.state = state;
    result->of.contract.state_version = state.count ? STATE_VERSION : 0;
    result->of.contract.properties = properties;
    return result;
}

/* What is kept, as a table of state. Every column is nullable: a row of nulls stands for nothing. */
static __attribute__((unused)) abi_list state_table(const char *name, const pelton_column *columns, uint32_t count) {
    abi_field *fields = pelton_alloc((count + 1) * sizeof *fields);
    for (uint32_t i = 0; i < count; i++) {
        abi_string format = string_of(type_of(columns[i].type)->format);
        fields[i] = (abi_field){string_of(columns[i].name), format, true, 0};
    }
    abi_state_table *table = pelton_alloc(sizeof *table);
    *table = (abi_state_table){string_of(name), {NULL, 0}, {fields, count}};
    return (abi_list){table, 1};
}

/* ---- process ---- */

uint32_t pelton_at;
static pelton_context context;
static struct { uint32_t row, number; } drawn;
static struct { abi_rejection *list; size_t count, capacity; } rejections;
static abi_string pending;

const pelton_context *pelton_current(void) { return &context; }
uint64_t pelton_row_number(void) { return context.first_row + pelton_at; }

/* The finaliser of SplitMix64 (Steele, Lea and Flood, 2014). */
static uint64_t mix(uint64_t bits) {
    bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9;
    bits = (bits ^ bits >> 27) * 0x94d049bb133111eb;
    return bits ^ bits >> 31;
}

/* FNV-1a, with the finaliser of SplitMix64 behind it. */
uint64_t pelton_hash(const void *bytes, size_t size) {
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < size; i++) hash = (hash ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3;
    return mix(hash);
}

uint64_t pelton_random_u64(void) {
    const uint64_t golden = 0x9e3779b97f4a7c15;
    if (drawn.row != pelton_at) drawn.row = pelton_at, drawn.number = 0;
    uint64_t of_row = mix(context.seed + mix(pelton_row_number() + golden));
    return mix(of_row + ++drawn.number * golden);
}

double pelton_random(void) { return (double)(pelton_random_u64() >> 11) / (double)(1ull << 53); }

pelton_verdict pelton_reject(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    pending = formatted(format, arguments);
    va_end(arguments);
    return PELTON_REJECT;
}

pelton_verdict pelton_reject_text(const char *reason, size_t size) {
    pending = (abi_string){reason, size};
    return PELTON_REJECT;
}

static void reject(uint32_t row, abi_string reason) {
    if (rejections.count == rejections.capacity) {
        rejections.capacity = rejections.capacity ? 2 * rejections.capacity : 64;
        abi_rejection *list = pelton_alloc(rejections.capacity * sizeof *list);
        if (rejections.count) memcpy(list, rejections.list, rejections.count * sizeof *list);
        rejections.list = list;
    }
    rejections.list[rejections.count++] = (abi_rejection){row, reason};
}

void pelton_rejected(uint32_t row) {
    reject(row, pending);
    pending = (abi_string){"", 0};
}

static bool bit(const uint8_t *bits, size_t at) { return bits[at >> 3] >> (at & 7) & 1; }

static uint8_t *bytes_of_bits(const uint8_t *bits, uint32_t rows) {
    uint8_t *bytes = pelton_alloc(rows);
    for (uint32_t row = 0; row < rows; row++) bytes[row] = bit(bits, row);
    return bytes;
}

#define WIDEN(from, to)                                                                                                       \
    for (uint32_t row = 0; row < rows; row++) ((to *)out)[row] = (to)((const from *)values)[row];                             \
    return out

#define WIDEN_FROM(to)                                                                                                        \
    switch (format.data[0]) {                                                                                                 \
    case 'c': WIDEN(int8_t, to);                                                                                              \
    case 'C': WIDEN(uint8_t, to);                                                                                             \
    case 's': WIDEN(int16_t, to);                                                                                             \
    case 'S': WIDEN(uint16_t, to);                                                                                            \
    case 'i': WIDEN(int32_t, to);                                                                                             \
    case 'I': WIDEN(uint32_t, to);                                                                                            \
    case 'f': WIDEN(float, to);                                                                                               \
    default: pelton_trap(__FILE__, __LINE__, "no such widening");                                                             \
    }

/* Numbers of a narrower type, or of another unit, as `type`. */
static const void *converted(const void *values, abi_string format, int type, uint32_t rows) {
    void *out = pelton_alloc(rows * type_of(type)->size);
    switch (type & (PELTON_NULLABLE - 1)) {
    case PELTON_TYPE_s16: WIDEN_FROM(int16_t)
    case PELTON_TYPE_s32: WIDEN_FROM(int32_t)
    case PELTON_TYPE_s64: WIDEN_FROM(int64_t)
    case PELTON_TYPE_u16: WIDEN_FROM(uint16_t)
    case PELTON_TYPE_u32: WIDEN_FROM(uint32_t)
    case PELTON_TYPE_u64: WIDEN_FROM(uint64_t)
    case PELTON_TYPE_f32: WIDEN_FROM(float)
    case PELTON_TYPE_f64: WIDEN_FROM(double)
    default: break;
    }
    int64_t scale = format.data[2] == 's' ? 1000000 : 1000;
    bool divides = format.data[2] == 'n';
    for (uint32_t row = 0; row < rows; row++) {
        int64_t value = ((const int64_t *)values)[row];
        /* Nanoseconds are rounded down. What does not fit wraps. */
        ((int64_t *)out)[row] = divides ? value / 1000 - (value % 1000 < 0) : (int64_t)((uint64_t)value * (uint64_t)scale);
    }
    return out;
}

static pelton_view view_of(const abi_node *node, abi_string format, int type, uint32_t rows) {
    const abi_list *buffers = node->buffers.data;
    pelton_view view = {buffers[1].data, NULL, NULL};
    if (buffers[0].count) view.valid = bytes_of_bits(buffers[0].data, rows);
    if (is_text(type)) {
        view.values = buffers[2].data, view.offsets = buffers[1].data;
        if (format.data[0] < 'a') {
            int32_t *offsets = pelton_alloc(((size_t)rows + 1) * sizeof *offsets);
            for (uint32_t row = 0; row <= rows; row++) offsets[row] = (int32_t)((const int64_t *)buffers[1].data)[row];
            view.offsets = offsets;
        }
    } else if ((type & 31) == PELTON_TYPE_boolean) {
        view.values = bytes_of_bits(buffers[1].data, rows);
    } else if (!is(format, type_of(type)->format) && !((type & 31) == PELTON_TYPE_timestamp && format.data[2] == 'u')) {
        view.values = converted(view.values, format, type, rows);
    }
    return view;
}

/* Rejects rows with a null where the function takes none; answers which, a byte for each row, or NULL if there is none. */
static __attribute__((unused)) uint8_t *refuse_nulls(const pelton_view *views, uint32_t rows) {
    const pelton_operator *operator = &pelton_the_operator;
    const char **reasons = NULL;
    for (uint32_t i = 0; i < operator->reads_count; i++) {
        if (operator->reads[i].type & PELTON_NULLABLE || !views[i].valid) continue;
        if (!reasons) {
            reasons = pelton_alloc(rows * sizeof *reasons);
            memset(reasons, 0, rows * sizeof *reasons);
        }
        for (uint32_t row = 0; row < rows; row++)
            if (!views[i].valid[row] && !reasons[row]) reasons[row] = operator->reads[i].name;
    }
    if (!reasons) return NULL;
    uint8_t *refuses = pelton_alloc(rows);
    for (uint32_t row = 0; row < rows; row++) {
        refuses[row] = reasons[row] != NULL;
        if (reasons[row]) reject(row, worded("`%s` is null", reasons[row]));
    }
    return refuses;
}

void pelton_room_for_text(pelton_room *room, size_t used, size_t more) {
    if (more > INT32_MAX - used) pelton_trap(__FILE__, __LINE__, "a column of text is longer than 2 GiB");
    /* The first text has room for itself alone: rows of lists and maps are copied one by one. */
    size_t least = used + more + (used ? 4096 : 0), capacity = room->capacity * 2 > least ? room->capacity * 2 : least;
    char *values = pelton_alloc(capacity);
    if (used) memcpy(values, room->values, used);
    room->values = values, room->capacity = capacity;
}

static void *grown(const void *old, size_t used, size_t size) {
    void *out = pelton_alloc(size);
    if (used) memcpy(out, old, used);
    return out;
}

/* Makes rooms of columns larger, which hold so many rows. */
static void grow_rooms(pelton_room *rooms, const pelton_column *columns, uint32_t count, uint32_t rows, uint32_t capacity) {
    for (uint32_t i = 0; i < count; i++) {
        pelton_room *room = &rooms[i];
        int type = columns[i].type;
        size_t size = type_of(type)->size;
        if (type & PELTON_NULLABLE) room->valid = grown(room->valid, rows, capacity);
        if (size) {
            room->values = grown(room->values, rows * size, (size_t)capacity * size);
        } else {
            bool is_new = !room->offsets;
            size_t used = is_new ? 0 : ((size_t)rows + 1) * sizeof(int32_t);
            room->offsets = grown(room->offsets, used, ((size_t)capacity + 1) * sizeof(int32_t));
            if (is_new) room->offsets[0] = 0;
        }
    }
}

static void rooms_for(pelton_out *out, uint32_t capacity) {
    out->origin = grown(out->origin, out->rows * sizeof *out->origin, ((size_t)capacity + 1) * sizeof *out->origin);
    grow_rooms(out->rooms, out->columns, out->columns_count, out->rows, capacity);
    out->capacity = capacity;
}

void pelton_out_grow(pelton_out *out) {
    if (out->capacity > UINT32_MAX / 4) pelton_trap(__FILE__, __LINE__, "too many rows");
    rooms_for(out, out->capacity ? 2 * out->capacity : 64);
}

static abi_list bits_of_bytes(const uint8_t *bytes, uint32_t rows) {
    size_t size = ((size_t)rows + 7) / 8;
    uint8_t *bits = pelton_alloc(size);
    memset(bits, 0, size);
    for (uint32_t row = 0; row < rows; row++) bits[row >> 3] |= (uint8_t)((bytes[row] != 0) << (row & 7));
    return (abi_list){bits, size};
}

static abi_node node_of(const pelton_room *room, int type, uint32_t rows) {
    abi_list *buffers = pelton_alloc(3 * sizeof *buffers);
    buffers[0] = (abi_list){"", 0};
    if (room->valid && memchr(room->valid, 0, rows)) buffers[0] = bits_of_bytes(room->valid, rows);
    size_t size = type_of(type)->size;
    if (!size) {
        buffers[1] = (abi_list){room->offsets, ((size_t)rows + 1) * sizeof(int32_t)};
        buffers[2] = (abi_list){room->values ? room->values : "", (size_t)room->offsets[rows]};
        return (abi_node){rows, {buffers, 3}};
    }
    bool packs = (type & 31) == PELTON_TYPE_boolean;
    buffers[1] = packs ? bits_of_bytes(room->values, rows) : (abi_list){room->values, rows * size};
    return (abi_node){rows, {buffers, 2}};
}

/* Rows come with rejections in order. */
static __attribute__((unused)) int by_row(const void *left, const void *right) {
    uint32_t a = ((const abi_rejection *)left)->row, b = ((const abi_rejection *)right)->row;
    return a < b ? -1 : a > b;
}

/* Begins a call. */
static void enter(pelton_context now) {
    context = now;
    rejections.list = NULL, rejections.count = rejections.capacity = 0;
    drawn.row = UINT32_MAX, drawn.number = 0;
}

static __attribute__((unused)) pelton_view *views_of(const abi_node *nodes, uint32_t rows) {
    const pelton_operator *operator = &pelton_the_operator;
    pelton_view *views = pelton_alloc((operator->reads_count + 1) * sizeof *views);
    for (uint32_t i = 0; i < operator->reads_count; i++)
        views[i] = view_of(&nodes[i], opened.formats[i], operator->reads[i].type, rows);
    return views;
}

static pelton_out out_of(const pelton_column *columns, uint32_t count, uint32_t rows) {
    pelton_out out = {0, 0, NULL, pelton_alloc((count + 1) * sizeof(pelton_room)), 0, columns, count};
    memset(out.rooms, 0, (count + 1) * sizeof(pelton_room));
    rooms_for(&out, rows ? rows : 1);
    return out;
}

/* Room for the rows that a call makes, of the main output and of the others. */
static pelton_out out_for(uint32_t rows) {
    enum { FIRST = 64 };
    for (uint32_t i = 0; i < pelton_the_ports.count; i++) {
        pelton_port *port = pelton_the_ports.list[i];
        port->out = pelton_alloc(sizeof *port->out);
        *port->out = out_of(port->makes, port->makes_count, rows < FIRST ? rows : FIRST);
    }
    return out_of(pelton_the_operator.makes, pelton_the_operator.makes_count, rows);
}

pelton_out *pelton_port_out(uint32_t at, uint32_t row) {
    pelton_out *out = pelton_the_ports.list[at]->out;
    out->row = row;
    return out;
}

void pelton_ports_forget(uint32_t row) {
    for (uint32_t i = 0; i < pelton_the_ports.count; i++) {
        pelton_out *out = pelton_the_ports.list[i]->out;
        while (out->rows && out->origin[out->rows - 1] == row) out->rows--;
    }
}

/* What was made, its columns in the contract's order. */
static abi_table made_table(const pelton_out *out, const uint32_t *order) {
    abi_node *made = pelton_alloc((out->columns_count + 1) * sizeof *made);
    for (uint32_t i = 0; i < out->columns_count; i++) {
        uint32_t at = order[i];
        made[i] = node_of(&out->rooms[at], out->columns[at].type, out->rows);
    }
    return (abi_table){out->rows, {made, out->columns_count}};
}

static abi_list rejected_list(void) { return (abi_list){rejections.list ? rejections.list : (void *)16, rejections.count}; }

static __attribute__((unused)) abi_emitted emitted_of(const pelton_out *out, const uint32_t *order, uint32_t port, uint32_t rows) {
    bool row_for_row = out->rows == rows;
    for (uint32_t i = 0; row_for_row && i < rows; i++) row_for_row = out->origin[i] == i;
    abi_emitted emitted = {.port = port, .computed = made_table(out, order)};
    if (!row_for_row) emitted.origin = (abi_option_buffer){1, {out->origin, out->rows * sizeof *out->origin}};
    return emitted;
}

/* The output of a transform, of a cogroup, or of an aggregate's finish, from so many rows, keys or groups. */
static __attribute__((unused)) abi_process_result *output_of(const pelton_out *out, uint32_t rows) {
    abi_emitted *emitted = pelton_alloc((pelton_the_ports.count + 1) * sizeof *emitted);
    size_t count = 0;
    emitted[count++] = emitted_of(out, opened.order, 0, rows);
    for (uint32_t i = 0; i < pelton_the_ports.count; i++) {
        const pelton_port *port = pelton_the_ports.list[i];
        if (port->out->rows) emitted[count++] = emitted_of(port->out, port->order, i + 1, rows);
    }
    abi_process_result *result = pelton_alloc(sizeof *result);
    result->failed = 0;
    result->of.output.emitted = (abi_list){emitted, count};
    result->of.output.rejected = rejected_list();
    return result;
}

/* ---- what one kind of operator exports ---- */

#if defined PELTON_KIND_AGGREGATE
#include "pelton_aggregate.h"
#elif defined PELTON_KIND_KEYED
#include "pelton_keyed.h"
#elif defined PELTON_KIND_COGROUP
#include "pelton_cogroup.h"
#elif defined PELTON_KIND_ENRICH
#include "pelton_enrich.h"
#else
#include "pelton_transform.h"
#endif
