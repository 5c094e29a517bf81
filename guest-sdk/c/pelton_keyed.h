/* What a keyed operator exports; pelton.c includes it. */
#include "pelton_kept.h"

typedef struct { abi_list key, ids, at, clock; } abi_timers;

/* More than sixteen numbers come in memory. */
typedef struct {
    pelton_context context;
    abi_table rows;
    abi_list ends;
    abi_table keys;
    abi_list state;
    abi_timers due;
    abi_list expiring;
} abi_call;

typedef struct { uint32_t port; abi_list key; abi_option_buffer origin, time; abi_table computed; } abi_keyed_emitted;
typedef struct { uint32_t table; abi_list kind, key; abi_table rows; } abi_change;
typedef struct {
    uint8_t failed;
    abi_list emitted, changes;
    abi_timers timers;
    abi_list cleared, rejected;
} abi_keyed_result;

_Static_assert(sizeof(abi_call) == 120 && sizeof(abi_keyed_emitted) == 48 && sizeof(abi_change) == 32, "wit/keyed.wit");
_Static_assert(sizeof(abi_keyed_result) == 68, "wit/keyed.wit");

enum { NO_ORIGIN = 0xffffffff };

/* Without an author's own there are none. */
__attribute__((weak)) const pelton_migrations pelton_the_migrations = {NULL, 0};

/* Where each column of the key that is read stands, with its format. */
static struct { uint32_t *places; abi_string *formats; } keys_opened;

/* Makes room in a list of numbers for one more; answers the list. */
static void *one_more(void *list, uint32_t count, uint32_t *capacity, size_t size) {
    if (count < *capacity) return list;
    *capacity = *capacity ? 2 * *capacity : 64;
    return grown(list, count * size, *capacity * size);
}

/* ---- timers ---- */

static struct {
    uint32_t *keys, *ids;
    int64_t *at;
    uint8_t *clocks, *cleared;
    uint32_t count, capacity, since; /* where the key's begin */
} changed;

static void timer_change(const pelton_call *call, uint32_t id, int64_t at, uint8_t clock, uint8_t cleared) {
    if (changed.count == changed.capacity) {
        uint32_t capacity = changed.capacity ? 2 * changed.capacity : 64, count = changed.count;
        changed.keys = grown(changed.keys, count * sizeof *changed.keys, capacity * sizeof *changed.keys);
        changed.ids = grown(changed.ids, count * sizeof *changed.ids, capacity * sizeof *changed.ids);
        changed.at = grown(changed.at, count * sizeof *changed.at, capacity * sizeof *changed.at);
        changed.clocks = grown(changed.clocks, count, capacity);
        changed.cleared = grown(changed.cleared, count, capacity);
        changed.capacity = capacity;
    }
    uint32_t to = changed.count++;
    changed.keys[to] = call->key, changed.ids[to] = id, changed.at[to] = at;
    changed.clocks[to] = clock, changed.cleared[to] = cleared;
}

void pelton_set_timer(pelton_call *call, uint32_t id, int64_t at) { timer_change(call, id, at, 0, 0); }
void pelton_set_processing_timer(pelton_call *call, uint32_t id, int64_t at) { timer_change(call, id, at, 1, 0); }
void pelton_clear_timer(pelton_call *call, uint32_t id) { timer_change(call, id, 0, 0, 1); }

const pelton_timer *pelton_due(pelton_call *call) {
    while (call->due_next < call->due_count) {
        const pelton_timer *timer = &call->due[call->due_next++];
        bool is_changed = false;
        for (uint32_t i = changed.since; i < changed.count; i++) is_changed |= changed.ids[i] == timer->id;
        if (!is_changed) return timer;
    }
    return NULL;
}

/* ---- rows ---- */

pelton_out *pelton_from(pelton_call *call, uint32_t row) {
    if (row >= call->rows) pelton_trap(__FILE__, __LINE__, "a row was emitted from one that the key does not have");
    call->out->row = call->numbers[row];
    return call->out;
}

pelton_out *pelton_from_none(pelton_call *call) {
    call->out->row = NO_ORIGIN;
    return call->out;
}

void pelton_at_row(pelton_call *call, uint32_t row) { pelton_at = call->numbers[row]; }

/* A byte for each row of the call. */
static uint8_t *rejected_rows;

static void reject_row(const pelton_call *call, uint32_t row, abi_string reason) {
    if (row >= call->rows) pelton_trap(__FILE__, __LINE__, "a row was rejected that the key does not have");
    uint32_t number = call->numbers[row];
    if (!rejected_rows[number]) reject(number, reason);
    rejected_rows[number] = 1;
}

void pelton_reject_row(pelton_call *call, uint32_t row, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    reject_row(call, row, formatted(format, arguments));
    va_end(arguments);
}

void pelton_reject_row_text(pelton_call *call, uint32_t row, const char *reason, size_t size) {
    reject_row(call, row, (abi_string){reason, size});
}

#include "pelton_tables.h"

/* The rows of an output, with the key of each. */
typedef struct { const pelton_out *out; const uint32_t *order; uint32_t *keys, count, room; } keyed_out;

static keyed_out *keyed_outs(const pelton_out *main) {
    keyed_out *outs = pelton_alloc((pelton_the_ports.count + 1) * sizeof *outs);
    outs[0] = (keyed_out){main, opened.order, NULL, 0, 0};
    for (uint32_t i = 0; i < pelton_the_ports.count; i++)
        outs[i + 1] = (keyed_out){pelton_the_ports.list[i]->out, pelton_the_ports.list[i]->order, NULL, 0, 0};
    return outs;
}

/* The rows that were made since are those of the key. */
static void keyed_rows_are_of(keyed_out *outs, uint32_t key) {
    for (uint32_t i = 0; i <= pelton_the_ports.count; i++) {
        keyed_out *of = &outs[i];
        for (; of->count < of->out->rows; of->count++) {
            of->keys = one_more(of->keys, of->count, &of->room, sizeof *of->keys);
            of->keys[of->count] = key;
        }
    }
}

static abi_list keyed_emitted(const keyed_out *outs) {
    abi_keyed_emitted *emitted = pelton_alloc((pelton_the_ports.count + 1) * sizeof *emitted);
    size_t count = 0;
    for (uint32_t port = 0; port <= pelton_the_ports.count; port++) {
        const pelton_out *out = outs[port].out;
        if (!out->rows) continue;
        abi_keyed_emitted *of = &emitted[count++];
        *of = (abi_keyed_emitted){
            .port = port, .key = {outs[port].keys, out->rows * sizeof(uint32_t)}, .computed = made_table(out, outs[port].order)};
        bool has_origin = false;
        for (uint32_t i = 0; i < out->rows; i++) has_origin |= out->origin[i] != NO_ORIGIN;
        if (has_origin) of->origin = (abi_option_buffer){1, {out->origin, out->rows * sizeof *out->origin}};
    }
    return (abi_list){emitted, count};
}

/* ---- open ---- */

EXPORT("pelton:operator/keyed@0.1.0#open")
abi_open_result *abi_open(const abi_input *inputs, size_t inputs_count, const char *options, size_t options_size) {
    const pelton_keyed *keyed = &pelton_the_keyed;
    abi_list state = {NULL, 0};
    if (keyed->state.count) state = state_table("state", keyed->state.columns, keyed->state.count);
    state = with_tables(state);
    bool is_state = !keyed->state.count;
    for (uint32_t i = 0; i < keyed->state.count; i++) is_state |= !(keyed->state.columns[i].type & PELTON_NULLABLE);
    if (!is_state) pelton_trap(pelton_the_operator.function, 0, "a row of nulls is no state: one field at least is no _or_null");
    abi_open_result *result = open_as(inputs, inputs_count, (abi_string){options, options_size}, state, (abi_list){NULL, 0});
    if (result->failed) return result;
    result->of.contract.state_version += pelton_the_migrations.count;
    if (!inputs->key.count) return refused(string_of("this module keeps state for each key, but the operator has no `key`"));
    const abi_string *names = inputs->key.data;
    const abi_field *fields = inputs->fields.data;
    keys_opened.places = kept(keyed->key.count * sizeof *keys_opened.places);
    keys_opened.formats = kept(keyed->key.count * sizeof *keys_opened.formats);
    for (uint32_t i = 0; i < keyed->key.count; i++) {
        const pelton_column *read = &keyed->key.columns[i];
        size_t place = 0, field = 0;
        while (place < inputs->key.count && !is(names[place], read->name)) place++;
        if (place == inputs->key.count) {
            abi_string hint = suggest(string_of(read->name), names, place);
            return refused(worded("`%s` reads `%s` of the key, but it is not in the operator's `key`: %.*s",
                                  pelton_the_operator.function, read->name, (int)hint.size, hint.data));
        }
        while (field < inputs->fields.count && !is(fields[field].name, read->name)) field++;
        abi_string format = field < inputs->fields.count ? fields[field].format : string_of("");
        if (!accepts(read->type, format)) {
            abi_string have = type_name(format);
            return refused(worded("column `%s` is %.*s, but `%s` reads it as %s", read->name, (int)have.size, have.data,
                                  pelton_the_operator.function, type_of(read->type)->name));
        }
        char *copy = kept(format.size);
        memcpy(copy, format.data, format.size);
        keys_opened.places[i] = (uint32_t)place, keys_opened.formats[i] = (abi_string){copy, format.size};
    }
    return result;
}

EXPORT("cabi_post_pelton:operator/keyed@0.1.0#open") void abi_post_open(void *result) {
    (void)result;
    arena_empty();
}

/* ---- process ---- */

/* The timers that are due, by key, in order of time within one; `firsts` has where each key's begin, and one more. */
static pelton_timer *timers_by_key(const abi_timers *due, uint32_t keys, uint32_t *firsts) {
    size_t count = due->clock.count;
    const uint32_t *key = due->key.data, *ids = due->ids.data;
    const int64_t *at = due->at.data;
    const uint8_t *clocks = due->clock.data;
    memset(firsts, 0, ((size_t)keys + 2) * sizeof *firsts);
    for (size_t i = 0; i < count; i++) firsts[key[i] + 2]++;
    for (uint32_t i = 2; i < keys + 2; i++) firsts[i] += firsts[i - 1];
    pelton_timer *timers = pelton_alloc((count + 1) * sizeof *timers);
    for (size_t i = 0; i < count; i++) timers[firsts[key[i] + 1]++] = (pelton_timer){ids[i], at[i], clocks[i] == 1};
    return timers;
}

/* For each key the name of a column that is null and must not be, or NULL for all keys if there is none. */
static const char **null_keys(const pelton_view *views, uint32_t keys) {
    const pelton_struct *key = &pelton_the_keyed.key;
    const char **names = NULL;
    for (uint32_t i = 0; i < key->count; i++) {
        if (key->columns[i].type & PELTON_NULLABLE || !views[i].valid) continue;
        if (!names) names = memset(pelton_alloc((keys + 1) * sizeof *names), 0, (keys + 1) * sizeof *names);
        for (uint32_t row = 0; row < keys; row++)
            if (!views[i].valid[row] && !names[row]) names[row] = key->columns[i].name;
    }
    return names;
}

static bool is_nothing(const abi_table *table, uint32_t row) {
    const abi_node *nodes = table->nodes.data;
    for (size_t i = 0; i < table->nodes.count; i++) {
        const abi_list *buffers = nodes[i].buffers.data;
        if (!buffers[0].count || bit(buffers[0].data, row)) return false;
    }
    return true;
}

EXPORT("pelton:operator/keyed@0.1.0#process") abi_keyed_result *abi_process(const abi_call *given) {
    const pelton_keyed *keyed = &pelton_the_keyed;
    enter(given->context);
    memset(&changed, 0, sizeof changed);
    uint32_t rows = given->rows.rows, keys = given->keys.rows, shown = 0;

    pelton_view *views = views_of(given->rows.nodes.data, rows);
    uint8_t *refused_rows = refuse_nulls(views, rows);
    rejected_rows = memset(pelton_alloc((size_t)rows + 1), 0, (size_t)rows + 1);
    char *all = pelton_alloc((rows + 1) * keyed->row.size);
    keyed->row.load(views, rows, all);
    uint32_t *numbers = pelton_alloc(((size_t)rows + 1) * sizeof *numbers);
    pelton_view *key_views = pelton_alloc((keyed->key.count + 1) * sizeof *key_views);
    const abi_node *key_nodes = given->keys.nodes.data;
    for (uint32_t i = 0; i < keyed->key.count; i++)
        key_views[i] = view_of(&key_nodes[keys_opened.places[i]], keys_opened.formats[i], keyed->key.columns[i].type, keys);
    const char **without_key = null_keys(key_views, keys);
    char *key_values = pelton_alloc((keys + 1) * keyed->key.size);
    keyed->key.load(key_views, keys, key_values);
    const abi_table *table = keyed->state.count ? given->state.data : NULL;
    /* Loaded twice: once to change, once to compare with. */
    char *states = table ? kept_load(&keyed->state, *table) : pelton_alloc((keys + 1) * keyed->state.size);
    const char *before = table ? kept_load(&keyed->state, *table) : states;

    uint32_t *firsts = pelton_alloc(((size_t)keys + 2) * sizeof *firsts);
    const pelton_timer *timers = timers_by_key(&given->due, keys, firsts);
    pelton_out out = out_for(rows);
    tables_begin();
    keyed_out *outs = keyed_outs(&out);
    char *put = pelton_alloc((keys + 1) * keyed->state.size);
    uint8_t *kinds = pelton_alloc(keys + 1);
    uint32_t *put_keys = pelton_alloc(((size_t)keys + 1) * sizeof *put_keys), put_count = 0;
    const uint32_t *ends = given->ends.data;
    const uint8_t *expiring = given->expiring.data;
    size_t row_size = keyed->row.size, state_size = keyed->state.size;

    for (uint32_t key = 0, row = 0; key < keys; key++) {
        uint32_t first = shown;
        pelton_at = row;
        for (; row < ends[key]; row++) {
            if (refused_rows && refused_rows[row]) continue;
            if (shown != row) memmove(all + shown * row_size, all + row * row_size, row_size);
            numbers[shown++] = row;
        }
        pelton_call call = {shown - first, table && !is_nothing(table, key), expiring[key] != 0, key, numbers + first,
                            timers + firsts[key], firsts[key + 1] - firsts[key], 0, &out};
        if (!call.rows && !call.due_count && !call.expiring) continue;
        if (without_key && without_key[key]) {
            for (uint32_t i = 0; i < call.rows; i++) pelton_reject_row(&call, i, "`%s` is null", without_key[key]);
            continue;
        }
        if (call.rows) pelton_at_row(&call, 0);
        bool had = call.has_state;
        char *state = states + key * state_size;
        if (!had) memset(state, 0, state_size);
        changed.since = changed.count;
        stored_key = key;
        keyed->call(&call, key_values + key * keyed->key.size, state, all + first * row_size, opened.options);
        tables_leave();
        keyed_rows_are_of(outs, key);
        if (!table || (!had && !call.has_state)) continue;
        if (had && call.has_state && keyed->state.same(state, before + key * state_size)) continue;
        memcpy(put + put_count * state_size, state, state_size);
        kinds[put_count] = !call.has_state;
        put_keys[put_count++] = key;
    }
    stream_flush(PELTON_INFO, 0);
    if (rejections.count) qsort(rejections.list, rejections.count, sizeof *rejections.list, by_row);

    abi_keyed_result *result = pelton_alloc(sizeof *result);
    memset(result, 0, sizeof *result);
    result->emitted = keyed_emitted(outs);
    abi_change *changes = pelton_alloc((keyed->tables_count + 1) * sizeof *changes);
    uint32_t changes_count = 0;
    if (put_count) {
        abi_list put_list = {put_keys, put_count * sizeof *put_keys};
        changes[changes_count++] = (abi_change){0, {kinds, put_count}, put_list, kept_store(&keyed->state, put, put_count)};
    }
    changes_count += tables_changed(changes + changes_count);
    result->changes = (abi_list){changes, changes_count};
    uint32_t count = changed.count;
    result->timers = (abi_timers){{changed.keys, count * sizeof *changed.keys}, {changed.ids, count * sizeof *changed.ids},
                                  {changed.at, count * sizeof *changed.at}, {changed.clocks, count}};
    result->cleared = (abi_list){changed.cleared, count};
    result->rejected = rejected_list();
    return result;
}

EXPORT("cabi_post_pelton:operator/keyed@0.1.0#process") void abi_post_process(void *result) {
    (void)result;
    arena_empty();
}

#include "pelton_migrate.h"
