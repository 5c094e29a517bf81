/* Lists and maps of state: what a keyed operator reads of them, and what it changes. Included by pelton_keyed.h.
 *
 * Nothing of them comes with a call: rows are read part by part from the engine, as of the call's start, and what the call has changed of
 * the key is merged into each part. Structs are the author's (pelton_struct), a list's subkey is its elements' number. Subkeys are compared
 * by bytes that have their order.
 */

#define POSITION(COLUMN) COLUMN(s64, position)
PELTON_ROW(position, POSITION)
static const pelton_struct position_struct = PELTON_STRUCT(position);

/* A row, and the bytes that it is compared by. */
typedef struct { abi_string order; const char *subkey, *value; } entry;
/* What a call has put of a key, or taken away. */
typedef struct { entry row; bool is_gone; } put_entry;

/* What the call knows of a table. */
struct pelton_stored {
    /* A list: the numbers that the engine had when the call began, those that were taken away, and elements that were read to be. */
    bool is_known, is_drained;
    int64_t first, end;
    int64_t *gone;
    uint32_t gone_count, gone_room;
    entry *ahead;
    uint32_t ahead_count, ahead_next, ahead_limit;
    const char **pushed;
    uint32_t pushed_first, pushed_count, pushed_room;
    /* A map, in order. */
    put_entry *put;
    uint32_t put_count, put_room;
    /* The changes of all keys. */
    uint8_t *kinds;
    uint32_t *keys;
    const char **subkeys, **values;
    uint32_t count, room;
};

enum { PUT, DELETE, APPEND };
enum { FIRST_ROWS = 16, ROWS_MAX = 4096, PART_BYTES = 128 << 10 };

#include "pelton_order.h"

/* The key whose call it is. */
static uint32_t stored_key;

IMPORT("pelton:operator/state@0.1.0", "get")
void host_get(uint32_t table, const uint32_t *keys, size_t keys_size, uint32_t has_from, uint32_t from_rows, const void *from_nodes,
              size_t from_count, uint32_t has_to, uint32_t to_rows, const void *to_nodes, size_t to_count, uint32_t limit,
              uint32_t descending, abi_table *answer);

static const pelton_struct *subkey_of(const pelton_table *table) { return table->subkey ? table->subkey : &position_struct; }
static int64_t number_of(const entry *row) { return *(const int64_t *)row->subkey; }

/* ---- reading ---- */

/* The first rows from `low` (included) to `high` (excluded), NULL being no bound; how many there are. */
static uint32_t read_rows(const pelton_table *table, const void *low, const void *high, uint32_t limit, bool backward, entry **rows,
                          size_t *bytes) {
    const pelton_struct *subkey = subkey_of(table), *value = table->value;
    abi_table none = {0, {NULL, 0}}, from = low ? kept_store(subkey, low, 1) : none, to = high ? kept_store(subkey, high, 1) : none, found;
    host_get(table->index, &stored_key, sizeof stored_key, low != NULL, from.rows, from.nodes.data, from.nodes.count, high != NULL,
             to.rows, to.nodes.data, to.nodes.count, limit, backward, &found);
    /* The first column says which key each row is of: the only one that was asked for. */
    const abi_node *nodes = found.nodes.data;
    *bytes = 0;
    for (size_t i = 0; i < found.nodes.count; i++)
        for (size_t buffer = 0; buffer < nodes[i].buffers.count; buffer++)
            *bytes += ((const abi_list *)nodes[i].buffers.data)[buffer].count;
    const char *subkeys = kept_load(subkey, (abi_table){found.rows, {nodes + 1, subkey->count}});
    const char *values = kept_load(value, (abi_table){found.rows, {nodes + 1 + subkey->count, value->count}});
    const abi_string *orders = table->subkey ? orders_of(subkey, subkeys, found.rows) : NULL;
    *rows = pelton_alloc((found.rows + 1) * sizeof **rows);
    for (uint32_t i = 0; i < found.rows; i++)
        (*rows)[i] = (entry){orders ? orders[i] : (abi_string){NULL, 0}, subkeys + i * subkey->size, values + i * value->size};
    return found.rows;
}

static uint32_t larger(uint32_t limit, uint32_t rows, size_t bytes) {
    size_t a_row = bytes / (rows ? rows : 1), fit = PART_BYTES / (a_row ? a_row : 1), next = (size_t)limit * 8;
    next = next < fit ? next : fit;
    return next < 1 ? 1 : next > ROWS_MAX ? ROWS_MAX : (uint32_t)next;
}

/* A way through rows: of a list also through what was pushed, from `pushed_next` to `pushed_end`. */
struct pelton_cursor {
    pelton_table *table;
    const char *low, *high;
    abi_string low_order, high_order;
    bool is_after, is_drained, backward;
    uint32_t limit;
    entry *rows;
    uint32_t count, next;
    uint32_t pushed_next, pushed_end;
};

/* Where the first change stands that is not before `order`, or is after it. */
static uint32_t place_of(const struct pelton_stored *its, abi_string order, bool is_after) {
    uint32_t low = 0, high = its->put_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int is = compare(its->put[middle].row.order, order);
        if (is < 0 || (is_after && !is)) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* Takes the rows of a part and what was changed of its range in order, but not many more than were asked for; whether that is all of them. */
static bool merge_part(pelton_cursor *at, const entry *rows, uint32_t count, uint32_t from, uint32_t to) {
    const struct pelton_stored *its = at->table->its;
    uint32_t most = (to > from ? to - from : 0) + count, made = 0, row = 0;
    if (most > at->limit) most = at->limit;
    entry *merged = pelton_alloc(((size_t)most + 1) * sizeof *merged);
    while ((row < count || from < to) && made < most) {
        uint32_t change = at->backward ? to - 1 : from;
        int is = row == count ? -1 : from >= to ? 1 : compare(its->put[change].row.order, rows[row].order);
        if (at->backward && row < count && from < to) is = -is;
        if (is > 0) {
            merged[made++] = rows[row++];
            continue;
        }
        if (!its->put[change].is_gone) merged[made++] = its->put[change].row;
        if (at->backward) to--;
        else from++;
        row += !is;
    }
    at->rows = merged, at->count = made;
    return row == count && from >= to;
}

/* Reads the next part; false if there was none. */
static bool read_part(pelton_cursor *at) {
    if (at->is_drained) return false;
    /* A range goes on from the last row that was seen, which is read again: so subkeys need no successor. */
    uint32_t asked = at->limit + at->is_after;
    entry *rows;
    size_t bytes;
    uint32_t count = read_rows(at->table, at->low, at->high, asked, at->backward, &rows, &bytes);
    bool is_last = count < asked, is_whole = true;
    uint32_t next_limit = larger(at->limit, count, bytes);
    const struct pelton_stored *its = at->table->its;
    const entry *last = is_last ? NULL : &rows[count - 1];
    if (at->is_after && count && (at->table->subkey ? !compare(rows->order, at->low_order) : number_of(rows) == *(const int64_t *)at->low))
        rows++, count--;
    at->rows = rows, at->count = count, at->next = 0;
    if (at->table->subkey && its->put_count) {
        uint32_t from = 0, to = its->put_count;
        if (at->backward && last) from = place_of(its, last->order, false);
        else if (at->low) from = place_of(its, at->low_order, at->is_after);
        if (!at->backward && last) to = place_of(its, last->order, true);
        else if (at->high) to = place_of(its, at->high_order, false);
        if (from < to) is_whole = merge_part(at, rows, count, from, to);
    }
    at->limit = next_limit, at->is_drained = is_last && is_whole;
    const entry *seen = at->is_drained ? NULL : is_whole ? last : &at->rows[at->count - 1];
    if (seen && at->backward) at->high = seen->subkey, at->high_order = seen->order;
    if (seen && !at->backward) at->low = seen->subkey, at->low_order = seen->order, at->is_after = true;
    return true;
}

static const entry *next_entry(pelton_cursor *at) {
    while (at->next == at->count)
        if (!read_part(at)) return NULL;
    return &at->rows[at->next++];
}

static pelton_cursor *cursor(pelton_table *table, const void *low, const void *high, bool backward) {
    pelton_cursor *at = pelton_alloc(sizeof *at);
    *at = (pelton_cursor){.table = table, .backward = backward, .limit = FIRST_ROWS};
    const pelton_struct *subkey = subkey_of(table);
    if (low) at->low = copied(subkey, low);
    if (high) at->high = copied(subkey, high);
    if (table->subkey && low) at->low_order = *orders_of(subkey, at->low, 1);
    if (table->subkey && high) at->high_order = *orders_of(subkey, at->high, 1);
    if (table->subkey && low && high && compare(at->low_order, at->high_order) >= 0) at->is_drained = true;
    return at;
}

static void give(const pelton_struct *of, void *to, const char *value) {
    if (to) memcpy(to, value, of->size);
}

/* ---- maps ---- */

pelton_cursor *pelton_map_range(pelton_table *table, const void *from, const void *to, bool backward) {
    return cursor(table, from, to, backward);
}

bool pelton_map_next(pelton_cursor *at, void *subkey, void *value) {
    const entry *row = next_entry(at);
    if (!row) return false;
    give(at->table->subkey, subkey, row->subkey);
    give(at->table->value, value, row->value);
    return true;
}

bool pelton_map_get(pelton_table *table, const void *subkey, void *value) {
    abi_string order = *orders_of(table->subkey, subkey, 1);
    const struct pelton_stored *its = table->its;
    uint32_t at = place_of(its, order, false);
    if (at < its->put_count && !compare(its->put[at].row.order, order)) {
        if (!its->put[at].is_gone) give(table->value, value, its->put[at].row.value);
        return !its->put[at].is_gone;
    }
    entry *rows;
    size_t bytes;
    if (!read_rows(table, subkey, NULL, 1, false, &rows, &bytes) || compare(rows->order, order)) return false;
    give(table->value, value, rows->value);
    return true;
}

static void change_map(pelton_table *table, const void *subkey, const void *value) {
    struct pelton_stored *its = table->its;
    put_entry made = {{*orders_of(table->subkey, subkey, 1), copied(table->subkey, subkey), NULL}, value == NULL};
    if (value) made.row.value = copied(table->value, value);
    uint32_t at = place_of(its, made.row.order, false);
    if (at == its->put_count || compare(its->put[at].row.order, made.row.order)) {
        its->put = one_more(its->put, its->put_count, &its->put_room, sizeof *its->put);
        memmove(&its->put[at + 1], &its->put[at], (its->put_count - at) * sizeof *its->put);
        its->put_count++;
    }
    its->put[at] = made;
}

void pelton_map_put(pelton_table *table, const void *subkey, const void *value) { change_map(table, subkey, value); }
void pelton_map_remove(pelton_table *table, const void *subkey) { change_map(table, subkey, NULL); }

void pelton_map_clear(pelton_table *table) {
    struct pelton_stored *its = table->its;
    /* What was put in this call and was not there before needs no change. */
    its->put_count = 0;
    pelton_cursor *all = cursor(table, NULL, NULL, false);
    put_entry *gone = NULL;
    uint32_t count = 0, room = 0;
    for (const entry *row; (row = next_entry(all));) {
        gone = one_more(gone, count, &room, sizeof *gone);
        gone[count++] = (put_entry){*row, true};
    }
    its->put = gone, its->put_count = count, its->put_room = room;
}

/* ---- lists ---- */

/* Where the elements that the engine still has begin; NULL: nothing was taken away. */
static const int64_t *list_start(const struct pelton_stored *its) {
    if (!its->gone_count) return NULL;
    int64_t *start = pelton_alloc(sizeof *start);
    *start = its->gone[its->gone_count - 1] + 1;
    return start;
}

/* Whether the engine still has an element; the next one stands in `ahead` then. */
static bool read_ahead(pelton_table *table) {
    struct pelton_stored *its = table->its;
    if (its->ahead_next < its->ahead_count) return true;
    if (its->is_drained) return false;
    size_t bytes;
    if (!its->ahead_limit) its->ahead_limit = FIRST_ROWS;
    its->ahead_count = read_rows(table, list_start(its), NULL, its->ahead_limit, false, &its->ahead, &bytes);
    its->ahead_next = 0, its->is_drained = !its->ahead_count;
    its->ahead_limit = larger(its->ahead_limit, its->ahead_count, bytes);
    return its->ahead_count > 0;
}

/* The numbers of the elements that the engine still has. */
static void list_numbers(pelton_table *table, int64_t *first, int64_t *end) {
    struct pelton_stored *its = table->its;
    if (!its->is_known) {
        entry *front, *back;
        size_t bytes;
        its->is_known = true;
        if (read_rows(table, NULL, NULL, 1, false, &front, &bytes) && read_rows(table, NULL, NULL, 1, true, &back, &bytes))
            its->first = number_of(front), its->end = number_of(back) + 1;
    }
    *first = its->gone_count ? its->gone[its->gone_count - 1] + 1 : its->first, *end = its->end;
    if (*first > *end) *first = *end;
}

static uint32_t pushed_of(const struct pelton_stored *its) { return its->pushed_count - its->pushed_first; }

void pelton_list_push(pelton_table *table, const void *element) {
    struct pelton_stored *its = table->its;
    its->pushed = one_more(its->pushed, its->pushed_count, &its->pushed_room, sizeof *its->pushed);
    its->pushed[its->pushed_count++] = copied(table->value, element);
}

size_t pelton_list_length(pelton_table *table) {
    int64_t first, end;
    list_numbers(table, &first, &end);
    return (size_t)(end - first) + pushed_of(table->its);
}

bool pelton_list_first(pelton_table *table, void *element) {
    const struct pelton_stored *its = table->its;
    bool is_held = read_ahead(table);
    if (!is_held && !pushed_of(its)) return false;
    give(table->value, element, is_held ? its->ahead[its->ahead_next].value : its->pushed[its->pushed_first]);
    return true;
}

bool pelton_list_pop(pelton_table *table, void *element) {
    struct pelton_stored *its = table->its;
    if (!pelton_list_first(table, element)) return false;
    if (its->ahead_next == its->ahead_count) {
        its->pushed_first++;
        return true;
    }
    its->gone = one_more(its->gone, its->gone_count, &its->gone_room, sizeof *its->gone);
    its->gone[its->gone_count++] = number_of(&its->ahead[its->ahead_next++]);
    return true;
}

void pelton_list_keep_last(pelton_table *table, size_t count) {
    for (size_t length = pelton_list_length(table); length > count; length--) pelton_list_pop(table, NULL);
}

pelton_cursor *pelton_list_range(pelton_table *table, size_t from, size_t to, bool backward) {
    const struct pelton_stored *its = table->its;
    int64_t first, end;
    list_numbers(table, &first, &end);
    size_t held = (size_t)(end - first), length = held + pushed_of(its);
    to = to < length ? to : length, from = from < to ? from : to;
    int64_t low = first + (int64_t)(from < held ? from : held), high = first + (int64_t)(to < held ? to : held);
    pelton_cursor *at = cursor(table, &low, &high, backward);
    at->is_drained = low >= high;
    at->pushed_next = its->pushed_first + (uint32_t)(from < held ? 0 : from - held);
    at->pushed_end = its->pushed_first + (uint32_t)(to < held ? 0 : to - held);
    return at;
}

bool pelton_list_next(pelton_cursor *at, void *element) {
    const struct pelton_stored *its = at->table->its;
    const char *value = NULL;
    if (at->backward && at->pushed_next < at->pushed_end) value = its->pushed[--at->pushed_end];
    if (!value) {
        const entry *row = next_entry(at);
        if (row) value = row->value;
    }
    if (!value && at->pushed_next < at->pushed_end) value = its->pushed[at->pushed_next++];
    if (!value) return false;
    give(at->table->value, element, value);
    return true;
}

bool pelton_list_at(pelton_table *table, size_t position, void *element) {
    return pelton_list_next(pelton_list_range(table, position, position + 1, false), element);
}

bool pelton_list_last(pelton_table *table, void *element) {
    size_t length = pelton_list_length(table);
    return length && pelton_list_at(table, length - 1, element);
}

/* ---- the call ---- */

static void tables_begin(void) {
    const pelton_keyed *keyed = &pelton_the_keyed;
    for (uint32_t i = 0; i < keyed->tables_count; i++) {
        keyed->tables[i]->its = pelton_alloc(sizeof(struct pelton_stored));
        memset(keyed->tables[i]->its, 0, sizeof(struct pelton_stored));
        keyed->tables[i]->index = i + (keyed->state.count > 0);
    }
}

static void note_change(struct pelton_stored *its, uint8_t kind, const char *subkey, const char *value) {
    if (its->count == its->room) {
        uint32_t room = its->room ? 2 * its->room : 64;
        its->kinds = grown(its->kinds, its->count, room);
        its->keys = grown(its->keys, its->count * sizeof *its->keys, room * sizeof *its->keys);
        its->subkeys = grown(its->subkeys, its->count * sizeof *its->subkeys, room * sizeof *its->subkeys);
        its->values = grown(its->values, its->count * sizeof *its->values, room * sizeof *its->values);
        its->room = room;
    }
    its->kinds[its->count] = kind, its->keys[its->count] = stored_key;
    its->subkeys[its->count] = subkey, its->values[its->count++] = value;
}

/* Notes what the function changed of the key. */
static void tables_leave(void) {
    static const int64_t anywhere;
    const pelton_keyed *keyed = &pelton_the_keyed;
    for (uint32_t i = 0; i < keyed->tables_count; i++) {
        struct pelton_stored *its = keyed->tables[i]->its;
        for (uint32_t at = 0; at < its->gone_count; at++) note_change(its, DELETE, (const char *)&its->gone[at], NULL);
        for (uint32_t at = its->pushed_first; at < its->pushed_count; at++)
            note_change(its, APPEND, (const char *)&anywhere, its->pushed[at]);
        for (uint32_t at = 0; at < its->put_count; at++)
            note_change(its, its->put[at].is_gone ? DELETE : PUT, its->put[at].row.subkey, its->put[at].row.value);
        struct pelton_stored after = {
            .kinds = its->kinds, .keys = its->keys, .subkeys = its->subkeys, .values = its->values, .count = its->count, .room = its->room};
        *its = after;
    }
}

/* The structs one behind the other; NULL is one of zeros. */
static char *in_a_row(const pelton_struct *of, const char **structs, uint32_t count) {
    char *all = pelton_alloc(((size_t)count + 1) * of->size);
    for (uint32_t i = 0; i < count; i++)
        if (structs[i]) memcpy(all + i * of->size, structs[i], of->size);
        else memset(all + i * of->size, 0, of->size);
    return all;
}

/* The changes of all keys; how many tables changed. */
static uint32_t tables_changed(abi_change *to) {
    const pelton_keyed *keyed = &pelton_the_keyed;
    uint32_t changed = 0;
    for (uint32_t i = 0; i < keyed->tables_count; i++) {
        const pelton_table *table = keyed->tables[i];
        const struct pelton_stored *its = table->its;
        if (!its->count) continue;
        const pelton_struct *subkey = subkey_of(table), *value = table->value;
        abi_table subkeys = kept_store(subkey, in_a_row(subkey, its->subkeys, its->count), its->count);
        abi_table values = kept_store(value, in_a_row(value, its->values, its->count), its->count);
        abi_node *nodes = pelton_alloc((subkeys.nodes.count + values.nodes.count) * sizeof *nodes);
        memcpy(nodes, subkeys.nodes.data, subkeys.nodes.count * sizeof *nodes);
        memcpy(nodes + subkeys.nodes.count, values.nodes.data, values.nodes.count * sizeof *nodes);
        abi_table rows = {its->count, {nodes, subkeys.nodes.count + values.nodes.count}};
        to[changed++] = (abi_change){table->index, {its->kinds, its->count}, {its->keys, its->count * sizeof *its->keys}, rows};
    }
    return changed;
}

/* Columns of a list or map, which are nullable as they say. */
static abi_list table_fields(const pelton_struct *of) {
    abi_field *fields = pelton_alloc((of->count + 1) * sizeof *fields);
    for (uint32_t i = 0; i < of->count; i++) {
        int type = of->columns[i].type;
        fields[i] = (abi_field){string_of(of->columns[i].name), string_of(type_of(type)->format), (type & PELTON_NULLABLE) != 0, 0};
    }
    return (abi_list){fields, of->count};
}

/* What is kept, with the lists and maps behind it. */
static abi_list with_tables(abi_list state) {
    const pelton_keyed *keyed = &pelton_the_keyed;
    abi_state_table *all = pelton_alloc((state.count + keyed->tables_count + 1) * sizeof *all);
    if (state.count) memcpy(all, state.data, state.count * sizeof *all);
    for (uint32_t i = 0; i < keyed->tables_count; i++) {
        const pelton_struct *subkey = subkey_of(keyed->tables[i]), *value = keyed->tables[i]->value;
        for (uint32_t at = 0; at < subkey->count; at++) {
            int type = subkey->columns[at].type;
            if (type & PELTON_NULLABLE || (type & 31) == PELTON_TYPE_f32 || (type & 31) == PELTON_TYPE_f64)
                pelton_trap(keyed->tables[i]->name, 0, "a subkey has no floats and no _or_null");
            for (uint32_t other = 0; other < value->count; other++)
                if (!strcmp(subkey->columns[at].name, value->columns[other].name))
                    pelton_trap(keyed->tables[i]->name, 0, "one column is in its subkey and in its values: rename a field");
        }
        all[state.count + i] = (abi_state_table){string_of(keyed->tables[i]->name), table_fields(subkey), table_fields(value)};
    }
    return (abi_list){all, state.count + keyed->tables_count};
}
