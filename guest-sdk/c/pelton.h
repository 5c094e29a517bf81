/* Write Pelton operators in C or C++: a function of one row becomes a WebAssembly component.
 *
 *     #define BID(COLUMN)     COLUMN(f64, price)
 *     #define PRICED(COLUMN)  COLUMN(f64, euro)
 *     #define OPTIONS(NEEDED, OPTIONAL) NEEDED(f64, rate) OPTIONAL(f64, min, 0.0)
 *
 *     PELTON_ROW(bid, BID)
 *     PELTON_ROW(priced, PRICED)
 *     PELTON_OPTIONS(options, OPTIONS)
 *
 *     static pelton_verdict to_euro(const struct bid *bid, struct priced *priced, const struct options *options) {
 *         priced->euro = bid->price * options->rate;
 *         return bid->price > options->min ? PELTON_KEEP : PELTON_DROP;
 *     }
 *     PELTON_TRANSFORM(to_euro, bid, priced, options)
 *
 * The list BID names the columns that are read, PRICED those that are made; the engine carries all others past. The types of
 * columns are boolean, s8 … s64, u8 … u64, f32, f64, date (days since 1970), timestamp (microseconds since 1970), text and
 * bytes, and each with `_or_null`. A row with a null in a column without `_or_null` is rejected. A third word of COLUMN is the
 * column's name, if it is not the field's: COLUMN(text, user, "user-id").
 *
 * Compile it with pelton.c; `pelton build` does. Everything that `pelton_alloc` gives lives until the call ends.
 */
#ifndef PELTON_H
#define PELTON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- what a function answers and may use ---- */

typedef enum { PELTON_DROP, PELTON_KEEP, PELTON_REJECT } pelton_verdict;

/* Refuses the row, which goes to `operator.rejected` with the reason: `return pelton_reject("%g is no price", price);` */
pelton_verdict pelton_reject(const char *format, ...) __attribute__((format(printf, 1, 2)));

typedef enum { PELTON_TRACE, PELTON_DEBUG, PELTON_INFO, PELTON_WARN, PELTON_ERROR } pelton_level;

/* The same with the reason as it is; it must live until the call ends. SDKs of other languages call it. */
pelton_verdict pelton_reject_text(const char *reason, size_t size);

/* A line for the job's log; printf reaches it too. */
void pelton_log(pelton_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
void pelton_log_text(pelton_level level, const char *line, size_t size);
/* Adds to the counter, or sets the gauge, `operator.name` of the job's metrics. */
void pelton_counter(const char *name, uint64_t delta);
void pelton_gauge(const char *name, double value);
/* Stops the job, with the message in the trap. */
void pelton_trap(const char *file, int line, const char *message) __attribute__((noreturn));
#define PELTON_ASSERT(condition) ((condition) ? (void)0 : pelton_trap(__FILE__, __LINE__, #condition))

/* Memory that lives until the call ends, 16-byte aligned. Traps when there is none left. */
void *pelton_alloc(size_t size);

/* What a call may know about the world. Times in microseconds since 1970. */
typedef struct {
    uint64_t epoch, first_row;
    int64_t now, watermark; /* INT64_MIN: there is none yet */
    uint64_t seed;
} pelton_context;
const pelton_context *pelton_current(void);
/* The row's number: no other row of this operator's input has it, and a replay gives it again. */
uint64_t pelton_row_number(void);
/* Random numbers: another with each call, the same ones for the same row. The first is 0 <= x < 1. */
double pelton_random(void);
uint64_t pelton_random_u64(void);

/* ---- values ---- */

typedef struct {
    const char *data; /* not terminated */
    size_t size;
} pelton_text;
typedef pelton_text pelton_bytes;

pelton_text pelton_text_of(const char *terminated);
bool pelton_text_equal(pelton_text left, pelton_text right);

typedef bool pelton_boolean;
typedef int8_t pelton_s8;
typedef int16_t pelton_s16;
typedef int32_t pelton_s32;
typedef int64_t pelton_s64;
typedef uint8_t pelton_u8;
typedef uint16_t pelton_u16;
typedef uint32_t pelton_u32;
typedef uint64_t pelton_u64;
typedef float pelton_f32;
typedef double pelton_f64;
typedef int32_t pelton_date;
typedef int64_t pelton_timestamp;

/* ---- columns ---- */

typedef enum {
    PELTON_TYPE_boolean, PELTON_TYPE_s8, PELTON_TYPE_s16, PELTON_TYPE_s32, PELTON_TYPE_s64, PELTON_TYPE_u8, PELTON_TYPE_u16,
    PELTON_TYPE_u32, PELTON_TYPE_u64, PELTON_TYPE_f32, PELTON_TYPE_f64, PELTON_TYPE_date, PELTON_TYPE_timestamp,
    PELTON_TYPE_text, PELTON_TYPE_bytes,
    PELTON_NULLABLE = 32
} pelton_type;

/* A column that is read. Booleans have a byte for each row here. */
typedef struct {
    const void *values;     /* numbers, or the bytes of all texts */
    const int32_t *offsets; /* of texts */
    const uint8_t *valid;   /* a byte for each row, or NULL when there is no null */
} pelton_view;

/* A column that is made, with room for rows. */
typedef struct {
    void *values;
    int32_t *offsets;
    uint8_t *valid;
    size_t capacity; /* bytes of text that there is room for */
} pelton_room;

void pelton_room_for_text(pelton_room *room, size_t used, size_t more);

#define PELTON_NUMBER_TYPE(type)                                                                                              \
    static inline pelton_##type pelton_get_##type(const pelton_view *view, size_t row) {                                     \
        return ((const pelton_##type *)view->values)[row];                                                                    \
    }                                                                                                                         \
    static inline void pelton_put_##type(pelton_room *room, size_t row, pelton_##type value) {                               \
        ((pelton_##type *)room->values)[row] = value;                                                                         \
    }                                                                                                                         \
    /* At column level: all values, as an array. */                                                                           \
    static inline const pelton_##type *pelton_values_##type(const pelton_view *view) {                                       \
        return (const pelton_##type *)view->values;                                                                           \
    }                                                                                                                         \
    static inline pelton_##type *pelton_room_##type(pelton_room *room) { return (pelton_##type *)room->values; }             \
    static inline bool pelton_same_##type(pelton_##type left, pelton_##type right) {                                         \
        return !__builtin_memcmp(&left, &right, sizeof left);                                                                 \
    }                                                                                                                         \
    PELTON_NULLABLE_TYPE(type)

#define PELTON_TEXT_TYPE(type)                                                                                                \
    static inline pelton_##type pelton_get_##type(const pelton_view *view, size_t row) {                                     \
        int32_t start = view->offsets[row];                                                                                   \
        pelton_##type text = {(const char *)view->values + start, (size_t)(view->offsets[row + 1] - start)};                 \
        return text;                                                                                                          \
    }                                                                                                                         \
    static inline void pelton_put_##type(pelton_room *room, size_t row, pelton_##type value) {                               \
        size_t start = (size_t)room->offsets[row];                                                                            \
        if (room->capacity - start < value.size) pelton_room_for_text(room, start, value.size);                              \
        __builtin_memcpy((char *)room->values + start, value.data, value.size);                                              \
        room->offsets[row + 1] = (int32_t)(start + value.size);                                                               \
    }                                                                                                                         \
    static inline bool pelton_same_##type(pelton_##type left, pelton_##type right) {                                         \
        return pelton_text_equal(left, right);                                                                                \
    }                                                                                                                         \
    PELTON_NULLABLE_TYPE(type)

#define PELTON_NULLABLE_TYPE(type)                                                                                            \
    typedef struct {                                                                                                          \
        bool valid;                                                                                                           \
        pelton_##type value;                                                                                                  \
    } pelton_##type##_or_null;                                                                                                \
    static inline pelton_##type##_or_null pelton_get_##type##_or_null(const pelton_view *view, size_t row) {                 \
        pelton_##type##_or_null read = {!view->valid || view->valid[row], pelton_get_##type(view, row)};                     \
        return read;                                                                                                          \
    }                                                                                                                         \
    static inline void pelton_put_##type##_or_null(pelton_room *room, size_t row, pelton_##type##_or_null made) {            \
        pelton_##type nothing;                                                                                                \
        __builtin_memset(&nothing, 0, sizeof nothing);                                                                        \
        pelton_put_##type(room, row, made.valid ? made.value : nothing);                                                      \
        room->valid[row] = made.valid;                                                                                        \
    }                                                                                                                         \
    static inline bool pelton_same_##type##_or_null(pelton_##type##_or_null left, pelton_##type##_or_null right) {           \
        return left.valid == right.valid && (!left.valid || pelton_same_##type(left.value, right.value));                     \
    }                                                                                                                         \
    enum { PELTON_TYPE_##type##_or_null = (int)PELTON_TYPE_##type | (int)PELTON_NULLABLE };

PELTON_NUMBER_TYPE(boolean)
PELTON_NUMBER_TYPE(s8)
PELTON_NUMBER_TYPE(s16)
PELTON_NUMBER_TYPE(s32)
PELTON_NUMBER_TYPE(s64)
PELTON_NUMBER_TYPE(u8)
PELTON_NUMBER_TYPE(u16)
PELTON_NUMBER_TYPE(u32)
PELTON_NUMBER_TYPE(u64)
PELTON_NUMBER_TYPE(f32)
PELTON_NUMBER_TYPE(f64)
PELTON_NUMBER_TYPE(date)
PELTON_NUMBER_TYPE(timestamp)
PELTON_TEXT_TYPE(text)
PELTON_TEXT_TYPE(bytes)

/* At column level: the numbers of the rows (of `rows`, each called `row`) of which a condition is true, in order, into `origin`,
 * which has room for all; how many.
 *
 *     uint32_t kept = PELTON_WHERE(row, rows, origin, price[row] > 100.0);
 *
 * There is no branch on the condition, which nobody could foresee, and sixteen rows are looked at together where the compiler can. */
#define PELTON_WHERE(row, rows, origin, ...)                                                                                  \
    (__extension__({                                                                                                          \
        const uint32_t pelton_rows_here = (rows);                                                                             \
        bool *__restrict pelton_keep = (bool *)pelton_alloc(pelton_rows_here);                                                \
        _Pragma("clang loop vectorize_width(16)") for (uint32_t row = 0; row < pelton_rows_here; row++)                       \
            pelton_keep[row] = (__VA_ARGS__);                                                                                 \
        pelton_where(pelton_keep, pelton_rows_here, (origin));                                                                \
    }))

/* The same of flags. */
uint32_t pelton_where(const bool *keep, uint32_t rows, uint32_t *origin);

/* ---- row types ---- */

typedef struct {
    const char *name;
    int type; /* a pelton_type, with PELTON_NULLABLE where nulls are taken */
} pelton_column;

/* The rows that a call makes, of one output. */
typedef struct {
    uint32_t rows, capacity;
    uint32_t *origin;   /* the input row of each row made */
    pelton_room *rooms; /* one for each column */
    uint32_t row;       /* the input row that the function looks at */
    const pelton_column *columns;
    uint32_t columns_count;
} pelton_out;

void pelton_out_grow(pelton_out *out);

#define PELTON_COUNT(list) (uint32_t)(sizeof(list) / sizeof((list)[0]))
#define PELTON_SECOND(first, second, ...) second
#define PELTON_NAME_OF(name, ...) PELTON_SECOND(~, ##__VA_ARGS__, #name, ~)
#define PELTON_FIELD(type, name, ...) pelton_##type name;
#define PELTON_COLUMN_OF(type, name, ...) {PELTON_NAME_OF(name, ##__VA_ARGS__), PELTON_TYPE_##type},
#define PELTON_VIEW_OF(type, name, ...) pelton_view name;
#define PELTON_ROOM_OF(type, name, ...) pelton_room name;
#define PELTON_GET_FIELD(type, name, ...) row.name = pelton_get_##type(&columns->name, at);
#define PELTON_PUT_FIELD(type, name, ...) pelton_put_##type(&columns->name, at, row->name);
#define PELTON_SAME_FIELD(type, name, ...) same &= pelton_same_##type(a->name, b->name);

/* A struct of columns, for what the SDK does with it without knowing it. */
typedef struct {
    const pelton_column *columns;
    uint32_t count;
    size_t size;
    void (*load)(const pelton_view *views, uint32_t rows, void *to);
    void (*store)(const void *from, uint32_t rows, pelton_room *rooms);
    bool (*same)(const void *left, const void *right);
} pelton_struct;

#define PELTON_STRUCT(name) {name##_list, PELTON_COUNT(name##_list), sizeof(struct name), name##_load, name##_store, name##_same}

/* Declares `struct ROW` with the fields of LIST, and for column level `struct ROW_columns` (views of what is read) and
 * `struct ROW_rooms` (room for what is made). */
#define PELTON_ROW(row_name, LIST)                                                                                            \
    struct row_name { LIST(PELTON_FIELD) };                                                                                   \
    struct row_name##_columns { LIST(PELTON_VIEW_OF) };                                                                       \
    struct row_name##_rooms { LIST(PELTON_ROOM_OF) };                                                                         \
    static const pelton_column row_name##_list[] = {LIST(PELTON_COLUMN_OF)};                                                  \
    static inline __attribute__((unused)) struct row_name row_name##_get(const struct row_name##_columns *columns, size_t at) { \
        struct row_name row;                                                                                                  \
        LIST(PELTON_GET_FIELD)                                                                                                \
        return row;                                                                                                           \
    }                                                                                                                         \
    static inline __attribute__((unused)) void row_name##_put(                                                                \
        struct row_name##_rooms *columns, size_t at, const struct row_name *row) {                                            \
        (void)columns, (void)at, (void)row;                                                                                   \
        LIST(PELTON_PUT_FIELD)                                                                                                \
    }                                                                                                                         \
    static inline __attribute__((unused)) void row_name##_emit(pelton_out *out, const struct row_name *row) {                 \
        if (out->rows == out->capacity) pelton_out_grow(out);                                                                 \
        row_name##_put((struct row_name##_rooms *)out->rooms, out->rows, row);                                                \
        out->origin[out->rows++] = out->row;                                                                                  \
    }                                                                                                                         \
    static __attribute__((unused)) void row_name##_load(const pelton_view *views, uint32_t rows, void *to) {                  \
        const struct row_name##_columns columns = *(const struct row_name##_columns *)views;                                  \
        for (uint32_t at = 0; at < rows; at++) ((struct row_name *)to)[at] = row_name##_get(&columns, at);                    \
    }                                                                                                                         \
    static __attribute__((unused)) void row_name##_store(const void *from, uint32_t rows, pelton_room *rooms) {               \
        for (uint32_t at = 0; at < rows; at++)                                                                                \
            row_name##_put((struct row_name##_rooms *)rooms, at, &((const struct row_name *)from)[at]);                       \
    }                                                                                                                         \
    static __attribute__((unused)) bool row_name##_same(const void *left, const void *right) {                                \
        const struct row_name *a = (const struct row_name *)left, *b = (const struct row_name *)right;                        \
        bool same = true;                                                                                                     \
        (void)a, (void)b;                                                                                                     \
        LIST(PELTON_SAME_FIELD)                                                                                               \
        return same;                                                                                                          \
    }

/* ---- options ---- */

typedef struct {
    const char *name;
    int type; /* boolean, s64, f64 or text */
    bool needed;
    size_t offset;
} pelton_option;

#define PELTON_OPTION_FIELD(type, name, ...) pelton_##type name;
#define PELTON_OPTION_NOTHING(type, name, ...)
#define PELTON_OPTION_DEFAULT(type, name, fallback) options->name = PELTON_FROM_##type(fallback);
#define PELTON_FROM_boolean(fallback) fallback
#define PELTON_FROM_s64(fallback) fallback
#define PELTON_FROM_f64(fallback) fallback
#define PELTON_FROM_text(fallback) pelton_text_of(fallback)

/* An option has one of these types; of another one the compiler says that it is not among them. */
enum {
    PELTON_OPTION_IS_boolean = PELTON_TYPE_boolean, PELTON_OPTION_IS_s64 = PELTON_TYPE_s64, PELTON_OPTION_IS_f64 = PELTON_TYPE_f64,
    PELTON_OPTION_IS_text = PELTON_TYPE_text
};

#define PELTON_OPTION_NEEDED(type, name, ...) {#name, PELTON_OPTION_IS_##type, true, offsetof(pelton_options_here, name)},
#define PELTON_OPTION_OPTIONAL(type, name, ...) {#name, PELTON_OPTION_IS_##type, false, offsetof(pelton_options_here, name)},

/* Declares `struct NAME` of options: LIST(NEEDED, OPTIONAL) has NEEDED(type, name) and OPTIONAL(type, name, fallback). */
#define PELTON_OPTIONS(options_name, LIST)                                                                                    \
    struct options_name { LIST(PELTON_OPTION_FIELD, PELTON_OPTION_FIELD) };                                                   \
    typedef struct options_name pelton_options_here;                                                                          \
    static void options_name##_defaults(void *at) {                                                                           \
        struct options_name *options = (struct options_name *)at;                                                             \
        (void)options;                                                                                                        \
        LIST(PELTON_OPTION_NOTHING, PELTON_OPTION_DEFAULT)                                                                    \
    }                                                                                                                         \
    static const pelton_option options_name##_list[] = {                                                                      \
        LIST(PELTON_OPTION_NEEDED, PELTON_OPTION_OPTIONAL){NULL, 0, false, 0}};

/* The options of an operator that has none. */
#define PELTON_NO_OPTIONS(options_name)                                                                                       \
    struct options_name { char none; };                                                                                       \
    static void options_name##_defaults(void *at) { (void)at; }                                                               \
    static const pelton_option options_name##_list[] = {{NULL, 0, false, 0}};

/* ---- operators ---- */

typedef enum {
    PELTON_RULE_NONE, PELTON_RULE_PASS_NONE, PELTON_RULE_PASS_ALL, PELTON_RULE_PASS, PELTON_RULE_DROP, PELTON_RULE_RENAME,
    PELTON_RULE_TIME, PELTON_RULE_ORDERED
} pelton_rule_kind;

typedef struct {
    pelton_rule_kind kind;
    const char *column, *name;
} pelton_rule;

/* Behind the arguments of PELTON_TRANSFORM and its kin: which columns of the input leave besides the computed ones. */
#define PELTON_PASS_NONE {PELTON_RULE_PASS_NONE, NULL, NULL}
/* As transforms do without a rule; of keyed operators only the columns of the key leave. */
#define PELTON_PASS_ALL {PELTON_RULE_PASS_ALL, NULL, NULL}
#define PELTON_PASS(column) {PELTON_RULE_PASS, column, NULL}
#define PELTON_LEAVE_OUT(column) {PELTON_RULE_DROP, column, NULL}
#define PELTON_RENAME(column, name) {PELTON_RULE_RENAME, column, name}
/* The column that is the output's event time. */
#define PELTON_EVENT_TIME(column) {PELTON_RULE_TIME, column, NULL}

/* The merge of an aggregate needs to know which side is earlier. */
#define PELTON_ORDERED {PELTON_RULE_ORDERED, NULL, NULL}

#include "pelton_ports.h"
#include "pelton_side.h"

/* A batch as the loops see it. */
typedef struct {
    uint32_t rows;
    const pelton_view *views;
    const uint8_t *refused; /* a byte for each row, 1 if it is rejected already; NULL if none is */
    const void *options;
} pelton_batch;

typedef struct {
    const char *kind, *function;
    const pelton_column *reads, *makes;
    uint32_t reads_count, makes_count;
    const pelton_option *options;
    uint32_t options_count;
    size_t options_size;
    void (*defaults)(void *options);
    const pelton_rule *rules;
    uint32_t rules_count;
    void (*run)(const pelton_batch *batch, pelton_out *out);
    bool by_column; /* rows with nulls that it does not take are left out before it runs */
} pelton_operator;

extern const pelton_operator pelton_the_operator;
extern uint32_t pelton_at; /* the row that the function looks at */
void pelton_rejected(uint32_t row);

/* `pelton build` says the kind of the project's manifest. */
#if defined PELTON_KIND_AGGREGATE
#define PELTON_SAID "aggregate"
#elif defined PELTON_KIND_KEYED
#define PELTON_SAID "keyed"
#elif defined PELTON_KIND_COGROUP
#define PELTON_SAID "cogroup"
#elif defined PELTON_KIND_ENRICH
#define PELTON_SAID "enrich"
#elif defined PELTON_KIND_TRANSFORM
#define PELTON_SAID "transform"
#endif
#if !defined PELTON_SAID
#define PELTON_CHECK_KIND(kind)
#elif defined __cplusplus
#define PELTON_CHECK_KIND(kind) static_assert(!__builtin_strcmp(kind, PELTON_SAID), "the operator is of another kind than pelton-module.toml says");
#else
#define PELTON_CHECK_KIND(kind) _Static_assert(!__builtin_strcmp(kind, PELTON_SAID), "the operator is of another kind than pelton-module.toml says");
#endif

#define PELTON_EXPORT(fn, in, made_list, makes_n, options_name, by_column, ...)                                               \
    PELTON_EXPORT_AS("transform", fn, in, made_list, makes_n, options_name, fn##_run, by_column, ##__VA_ARGS__)
#define PELTON_EXPORT_AS(kind, fn, in, made_list, makes_n, options_name, run, by_column, ...)                                 \
    PELTON_CHECK_KIND(kind)                                                                                                   \
    static const pelton_rule fn##_rules[] = {{PELTON_RULE_NONE, NULL, NULL}, ##__VA_ARGS__};                                  \
    const pelton_operator pelton_the_operator = {                                                                             \
        kind, #fn, in##_list, made_list, PELTON_COUNT(in##_list), makes_n, options_name##_list,                                     \
        PELTON_COUNT(options_name##_list) - 1, sizeof(struct options_name), options_name##_defaults, fn##_rules,              \
        PELTON_COUNT(fn##_rules), run, by_column};

/* A map and filter: `pelton_verdict fn(const struct IN *, struct OUT *, const struct OPTIONS *)`. */
#define PELTON_TRANSFORM(fn, in, made, options_name, ...)                                                                     \
    PELTON_MAP_LOOP(fn, in, made, options_name)                                                                               \
    PELTON_EXPORT(fn, in, made##_list, PELTON_COUNT(made##_list), options_name, false, ##__VA_ARGS__)

#define PELTON_MAP_LOOP(fn, in, made, options_name)                                                                           \
    static inline __attribute__((always_inline)) void fn##_rows(const pelton_batch *batch, pelton_out *out, bool refuses) {   \
        const struct in##_columns columns = *(const struct in##_columns *)batch->views;                                       \
        struct made##_rooms rooms = *(struct made##_rooms *)out->rooms;                                                       \
        const struct options_name options = *(const struct options_name *)batch->options;                                     \
        uint32_t *origin = out->origin;                                                                                       \
        uint32_t made_rows = 0;                                                                                               \
        for (uint32_t row = 0; row < batch->rows; row++) {                                                                    \
            if (refuses && batch->refused[row]) continue;                                                                     \
            pelton_at = row;                                                                                                  \
            struct in read = in##_get(&columns, row);                                                                         \
            struct made one;                                                                                                  \
            __builtin_memset(&one, 0, sizeof one);                                                                            \
            pelton_verdict verdict = fn(&read, &one, &options);                                                               \
            if (verdict == PELTON_REJECT) {                                                                                   \
                pelton_rejected(row);                                                                                         \
                continue;                                                                                                     \
            }                                                                                                                 \
            made##_put(&rooms, made_rows, &one);                                                                              \
            origin[made_rows] = row;                                                                                          \
            made_rows += verdict == PELTON_KEEP;                                                                              \
        }                                                                                                                     \
        *(struct made##_rooms *)out->rooms = rooms;                                                                           \
        out->rows = made_rows;                                                                                                \
    }                                                                                                                         \
    static void fn##_run(const pelton_batch *batch, pelton_out *out) {                                                        \
        if (batch->refused) fn##_rows(batch, out, true);                                                                      \
        else fn##_rows(batch, out, false);                                                                                    \
    }

/* A filter: `pelton_verdict fn(const struct IN *, const struct OPTIONS *)`. */
#define PELTON_FILTER(fn, in, options_name, ...)                                                                              \
    static void fn##_run(const pelton_batch *batch, pelton_out *out) {                                                        \
        const struct in##_columns columns = *(const struct in##_columns *)batch->views;                                       \
        for (uint32_t row = 0; row < batch->rows; row++) {                                                                    \
            if (batch->refused && batch->refused[row]) continue;                                                              \
            pelton_at = row;                                                                                                  \
            struct in read = in##_get(&columns, row);                                                                         \
            pelton_verdict verdict = fn(&read, (const struct options_name *)batch->options);                                  \
            if (verdict == PELTON_REJECT) pelton_rejected(row);                                                               \
            out->origin[out->rows] = row;                                                                                     \
            out->rows += verdict == PELTON_KEEP;                                                                              \
        }                                                                                                                     \
    }                                                                                                                         \
    PELTON_EXPORT(fn, in, NULL, 0, options_name, false, ##__VA_ARGS__)

/* A flat-map: `pelton_verdict fn(const struct IN *, pelton_out *, const struct OPTIONS *)` calls `OUT_emit(out, &row)` as often
 * as it likes, and with several outputs `PORT_emit(out, &row)`; what it emitted before it rejects is forgotten. */
#define PELTON_FLAT_MAP(fn, in, made, options_name, ...)                                                                      \
    PELTON_FLAT_MAP_LOOP(fn, in, options_name)                                                                                \
    PELTON_EXPORT(fn, in, made##_list, PELTON_COUNT(made##_list), options_name, false, ##__VA_ARGS__)

#define PELTON_FLAT_MAP_LOOP(fn, in, options_name)                                                                            \
    static void fn##_run(const pelton_batch *batch, pelton_out *out) {                                                        \
        const struct in##_columns columns = *(const struct in##_columns *)batch->views;                                       \
        for (uint32_t row = 0; row < batch->rows; row++) {                                                                    \
            if (batch->refused && batch->refused[row]) continue;                                                              \
            pelton_at = out->row = row;                                                                                       \
            uint32_t before = out->rows;                                                                                      \
            struct in read = in##_get(&columns, row);                                                                         \
            if (fn(&read, out, (const struct options_name *)batch->options) == PELTON_REJECT) {                               \
                out->rows = before;                                                                                           \
                pelton_ports_forget(row);                                                                                     \
                pelton_rejected(row);                                                                                         \
            }                                                                                                                 \
        }                                                                                                                     \
    }

/* Whole columns: `uint32_t fn(const struct IN_columns *, uint32_t rows, struct OUT_rooms *, uint32_t *origin, const struct
 * OPTIONS *)` answers how many rows it made, at most one for each row, with the input row of each in `origin`. Rows with a
 * null in a column without `_or_null` are left out before. */
#define PELTON_COLUMNS(fn, in, made, options_name, ...)                                                                       \
    static void fn##_run(const pelton_batch *batch, pelton_out *out) {                                                        \
        struct in##_columns columns = *(const struct in##_columns *)batch->views;                                             \
        struct made##_rooms *rooms = (struct made##_rooms *)out->rooms;                                                       \
        const struct options_name *options = (const struct options_name *)batch->options;                                     \
        out->rows = fn(&columns, batch->rows, rooms, out->origin, options);                                                   \
    }                                                                                                                         \
    PELTON_EXPORT(fn, in, made##_list, PELTON_COUNT(made##_list), options_name, true, ##__VA_ARGS__)

/* ---- enrich operators ---- */

#include "pelton_request.h"

/* ---- aggregates ---- */

typedef enum { PELTON_EARLY, PELTON_ON_TIME, PELTON_LATE } pelton_pane;

/* The window of a result, in microseconds since 1970; without windows all of time. */
typedef struct {
    int64_t start, end; /* the first moment inside, and the first after it */
    pelton_pane pane;   /* an early result is replaced by a later one; a late one comes again, because late rows came */
} pelton_window;

typedef struct {
    pelton_struct state;
    void (*add)(const pelton_batch *batch, const uint32_t *slots, void *states);
    void (*merge)(void *states, const void *later, uint32_t rows, const void *options);
    void (*finish)(const void *states, const pelton_window *windows, uint32_t rows, pelton_out *out, const void *options);
    void (*retract)(const pelton_batch *batch, const uint32_t *slots, void *states); /* NULL: rows cannot be taken back */
} pelton_fold;

extern const pelton_fold pelton_the_fold;

/* A fold of rows of IN into a STATE (both made by PELTON_ROW), which the engine keeps for each group. All of STATE is zero in a group into
 * which nothing was folded.
 *
 *     void add(struct STATE *, const struct IN *, const struct OPTIONS *)            folds a row
 *     void merge(struct STATE *, const struct STATE *later, const struct OPTIONS *)  folds what later rows came to
 *     pelton_verdict finish(const struct STATE *, const pelton_window *, struct OUT *, const struct OPTIONS *)
 */
#define PELTON_AGGREGATE(state_name, in, made, options_name, add_fn, merge_fn, finish_fn, ...)                                \
    PELTON_CHANGE_ALL(state_name##_add_all, state_name, in, options_name, add_fn)                                             \
    PELTON_FOLD(state_name, in, made, options_name, NULL, merge_fn, finish_fn, ##__VA_ARGS__)

/* The same with a function that takes rows back, exactly, as if they had never come: for windows with `inverse = true`, and for inputs whose
 * rows are changes.
 *
 *     void retract(struct STATE *, const struct IN *, const struct OPTIONS *)        takes a row back, which was folded before
 */
#define PELTON_RETRACTABLE_AGGREGATE(state_name, in, made, options_name, add_fn, retract_fn, merge_fn, finish_fn, ...)        \
    PELTON_CHANGE_ALL(state_name##_add_all, state_name, in, options_name, add_fn)                                             \
    PELTON_CHANGE_ALL(state_name##_retract_all, state_name, in, options_name, retract_fn)                                     \
    PELTON_FOLD(state_name, in, made, options_name, state_name##_retract_all, merge_fn, finish_fn, ##__VA_ARGS__)

#define PELTON_CHANGE_ALL(all, state_name, in, options_name, change_fn)                                                       \
    static void all(const pelton_batch *batch, const uint32_t *slots, void *states) {                                         \
        const struct in##_columns columns = *(const struct in##_columns *)batch->views;                                       \
        for (uint32_t row = 0; row < batch->rows; row++) {                                                                    \
            if (batch->refused && batch->refused[row]) continue;                                                              \
            pelton_at = row;                                                                                                  \
            struct in read = in##_get(&columns, row);                                                                         \
            change_fn(&((struct state_name *)states)[slots[row]], &read, (const struct options_name *)batch->options);        \
        }                                                                                                                     \
    }

#define PELTON_FOLD(state_name, in, made, options_name, retract_all, merge_fn, finish_fn, ...)                                \
    static void state_name##_merge_all(void *states, const void *later, uint32_t rows, const void *options) {                 \
        for (uint32_t row = 0; row < rows; row++)                                                                             \
            merge_fn(&((struct state_name *)states)[row], &((const struct state_name *)later)[row],                           \
                     (const struct options_name *)options);                                                                   \
    }                                                                                                                         \
    static void state_name##_finish_all(const void *states, const pelton_window *windows, uint32_t rows, pelton_out *out,     \
                                        const void *options) {                                                                \
        for (uint32_t row = 0; row < rows; row++) {                                                                           \
            struct made one;                                                                                                  \
            __builtin_memset(&one, 0, sizeof one);                                                                            \
            pelton_at = out->row = row;                                                                                       \
            pelton_verdict verdict = finish_fn(&((const struct state_name *)states)[row], &windows[row], &one,                \
                                               (const struct options_name *)options);                                         \
            if (verdict == PELTON_REJECT) pelton_rejected(row);                                                               \
            if (verdict == PELTON_KEEP) made##_emit(out, &one);                                                               \
        }                                                                                                                     \
    }                                                                                                                         \
    const pelton_fold pelton_the_fold = {                                                                                     \
        PELTON_STRUCT(state_name), state_name##_add_all, state_name##_merge_all, state_name##_finish_all, retract_all};       \
    PELTON_EXPORT_AS("aggregate", state_name, in, made##_list, PELTON_COUNT(made##_list), options_name, NULL, false, ##__VA_ARGS__)

/* ---- keyed operators ---- */

typedef struct {
    uint32_t id;
    int64_t at;         /* what it was set for; the time now may be later */
    bool is_processing; /* it waited for the epoch's processing time, not for the watermark */
} pelton_timer;

/* One key with its rows and timers. */
typedef struct {
    uint32_t rows;  /* may be none */
    bool has_state; /* whether anything is kept, in `state`; set it to keep `state`, or to keep nothing any more */
    bool expiring;  /* the key's time to live has ended: this is its last call */
    /* the SDK's */
    uint32_t key;
    const uint32_t *numbers;
    const pelton_timer *due;
    uint32_t due_count, due_next;
    pelton_out *out;
} pelton_call;

/* The next timer that is due, in order of time, or NULL. One that this call has set again or cleared is not: what rows do comes first. */
const pelton_timer *pelton_due(pelton_call *call);
/* Sets timer `id` to be due when the watermark reaches `at` (if that is past, in the next epoch). The key's timer of the same number is moved. */
void pelton_set_timer(pelton_call *call, uint32_t id, int64_t at);
/* The same for processing time: see pelton_current. */
void pelton_set_processing_timer(pelton_call *call, uint32_t id, int64_t at);
void pelton_clear_timer(pelton_call *call, uint32_t id);
/* Where `OUT_emit` puts a row that came from one of the key's rows: it has that row's event time and, if any pass, its columns. */
pelton_out *pelton_from(pelton_call *call, uint32_t row);
/* And one that came from none: columns that pass, beside the key and the event time, are null. */
pelton_out *pelton_from_none(pelton_call *call);
/* Rejects one of the key's rows: it goes to `operator.rejected` with the reason. The first reason counts. */
void pelton_reject_row(pelton_call *call, uint32_t row, const char *format, ...) __attribute__((format(printf, 3, 4)));
void pelton_reject_row_text(pelton_call *call, uint32_t row, const char *reason, size_t size);
/* Makes pelton_row_number and pelton_random speak of this row; before, they speak of the first. */
void pelton_at_row(pelton_call *call, uint32_t row);

#include "pelton_stored.h"
#include "pelton_versions.h"

/* ---- a keyed operator ---- */

typedef struct {
    pelton_struct key, state, row;
    void (*call)(pelton_call *call, const void *key, void *state, const void *rows, const void *options);
    pelton_table *const *tables;
    uint32_t tables_count;
} pelton_keyed;

extern const pelton_keyed pelton_the_keyed;

/* A list of no columns, for keys and states that are not used: `PELTON_ROW(none, PELTON_NO_COLUMNS)`. */
#define PELTON_NO_COLUMNS(COLUMN)

/* A function of one key: `void fn(pelton_call *, const struct KEY *, struct STATE *, const struct IN *rows, const struct OPTIONS *)`. It is
 * called for each key that has rows, a timer that is due, or has come to the end of its time to live. Only keys whose state differs afterwards
 * cost a write. Of the input the columns of the key leave, if no rule says otherwise. */
#define PELTON_KEYED(fn, key_name, state_name, in, made, options_name, ...)                                                   \
    PELTON_KEYED_WITH(fn, NULL, 0, key_name, state_name, in, made, options_name, ##__VA_ARGS__)

/* The same with the lists and maps in TABLES: `#define TABLES(TABLE) TABLE(recent) TABLE(songs)`. */
#define PELTON_KEYED_TABLES(fn, TABLES, key_name, state_name, in, made, options_name, ...)                                    \
    static pelton_table *const fn##_tables[] = {TABLES(PELTON_TABLE_OF)};                                                     \
    PELTON_KEYED_WITH(fn, fn##_tables, PELTON_COUNT(fn##_tables), key_name, state_name, in, made, options_name, ##__VA_ARGS__)

#define PELTON_TABLE_OF(name) &name##_table,

#define PELTON_KEYED_WITH(fn, its_tables, its_count, key_name, state_name, in, made, options_name, ...)                       \
    static void fn##_call(pelton_call *call, const void *key, void *state, const void *rows, const void *options) {           \
        fn(call, (const struct key_name *)key, (struct state_name *)state, (const struct in *)rows,                           \
           (const struct options_name *)options);                                                                             \
    }                                                                                                                         \
    const pelton_keyed pelton_the_keyed = {                                                                                   \
        PELTON_STRUCT(key_name), PELTON_STRUCT(state_name), PELTON_STRUCT(in), fn##_call, its_tables, its_count};             \
    PELTON_EXPORT_AS("keyed", fn, in, made##_list, PELTON_COUNT(made##_list), options_name, NULL, false, ##__VA_ARGS__)

/* ---- cogroups ---- */

/* One key with its rows on two inputs; either side may have none. */
typedef struct {
    uint32_t left, right; /* how many */
    /* the SDK's: their numbers over both sides */
    const uint32_t *left_numbers, *right_numbers;
    uint32_t key;
    pelton_out *out;
} pelton_pair;

/* Where `OUT_emit` puts a row of the key. */
pelton_out *pelton_of_key(pelton_pair *pair);
/* Rejects one of the key's rows: it goes to `operator.left-rejected` or `operator.right-rejected`. The first reason counts. */
void pelton_reject_left(pelton_pair *pair, uint32_t row, const char *format, ...) __attribute__((format(printf, 3, 4)));
void pelton_reject_right(pelton_pair *pair, uint32_t row, const char *format, ...) __attribute__((format(printf, 3, 4)));
void pelton_reject_left_text(pelton_pair *pair, uint32_t row, const char *reason, size_t size);
void pelton_reject_right_text(pelton_pair *pair, uint32_t row, const char *reason, size_t size);
/* Makes pelton_row_number and pelton_random speak of this row; before, they speak of the key's first. */
void pelton_at_left(pelton_pair *pair, uint32_t row);
void pelton_at_right(pelton_pair *pair, uint32_t row);

typedef struct {
    pelton_struct key, left, right;
    void (*call)(pelton_pair *pair, const void *key, const void *left, const void *right, const void *options);
} pelton_joined;

extern const pelton_joined pelton_the_cogroup;

/* A function of one key and its rows on two inputs, the general join: `void fn(pelton_pair *, const struct KEY *, const struct LEFT *, const
 * struct RIGHT *, const struct OPTIONS *)`. It is called for each key that has rows on either side. Of the inputs the columns of the key leave, by
 * their names on the left, and no others can. */
#define PELTON_COGROUP(fn, key_name, left_name, right_name, made, options_name, ...)                                          \
    static void fn##_call(pelton_pair *pair, const void *key, const void *left, const void *right, const void *options) {     \
        fn(pair, (const struct key_name *)key, (const struct left_name *)left, (const struct right_name *)right,              \
           (const struct options_name *)options);                                                                             \
    }                                                                                                                         \
    const pelton_joined pelton_the_cogroup = {                                                                                \
        PELTON_STRUCT(key_name), PELTON_STRUCT(left_name), PELTON_STRUCT(right_name), fn##_call};                             \
    PELTON_EXPORT_AS("cogroup", fn, left_name, made##_list, PELTON_COUNT(made##_list), options_name, NULL, false, ##__VA_ARGS__)

#ifdef __cplusplus
}
#endif
#endif
