/* The export `migrate` of a keyed operator; pelton_keyed.h includes it. Lists and maps go on as they are. */

typedef struct {
    uint8_t failed;
    union { abi_table table; abi_string reason; } of;
} abi_migrate_result;

_Static_assert(sizeof(abi_migrate_result) == 16 && sizeof(pelton_migration) == 32 && sizeof(pelton_migrations) == 8, "wit/migrate.wit, runtime.zig");

/* `cents: l, rest: l`, for messages. */
static abi_string columns_shown(const abi_field *fields, size_t count) {
    abi_string shown = string_of("");
    for (size_t i = 0; i < count; i++)
        shown = worded("%.*s%s%.*s: %.*s", (int)shown.size, shown.data, i ? ", " : "", (int)fields[i].name.size, fields[i].name.data,
                       (int)fields[i].format.size, fields[i].format.data);
    return shown;
}

/* The columns that came are those that are expected, in their order; else what is wrong. */
static abi_string same_columns(abi_string what, const abi_field *came, size_t came_count, const abi_field *wanted, size_t wanted_count) {
    abi_string left = columns_shown(came, came_count), right = columns_shown(wanted, wanted_count);
    if (left.size == right.size && !memcmp(left.data, right.data, left.size)) return string_of("");
    return worded("%.*s has the columns (%.*s), but (%.*s) came", (int)what.size, what.data, (int)right.size, right.data,
                  (int)left.size, left.data);
}

static abi_field *fields_of(const pelton_struct *of, abi_field *fields) {
    for (uint32_t i = 0; i < of->count; i++) {
        abi_string format = string_of(type_of(of->columns[i].type)->format);
        fields[i] = (abi_field){string_of(of->columns[i].name), format, true, 0};
    }
    return fields;
}

/* A list or map is as it was, or what is wrong. */
static abi_string goes_on(abi_string name, const abi_field *came, size_t count) {
    const pelton_keyed *keyed = &pelton_the_keyed;
    for (uint32_t at = 0; at < keyed->tables_count; at++) {
        const pelton_table *table = keyed->tables[at];
        if (!is(name, table->name)) continue;
        uint32_t keys = table->subkey ? table->subkey->count : 1;
        abi_field *wanted = pelton_alloc((keys + table->value->count) * sizeof *wanted);
        /* How a list calls its positions is the SDK's. */
        if (table->subkey) fields_of(table->subkey, wanted);
        else *wanted = (abi_field){count ? came->name : string_of("position"), string_of("l"), false, 0};
        fields_of(table->value, wanted + keys);
        return same_columns(worded("`%s`, which goes on as it is,", table->name), came, count, wanted, keys + table->value->count);
    }
    return worded("this module keeps no `%.*s`", (int)name.size, name.data);
}

/* The first column of a row that is null and must not be, or NULL. */
static const char *null_in(const pelton_struct *of, const abi_node *nodes, uint32_t row) {
    for (uint32_t i = 0; i < of->count; i++) {
        const abi_list *buffers = nodes[i].buffers.data;
        if (!(of->columns[i].type & PELTON_NULLABLE) && buffers[0].count && !bit(buffers[0].data, row)) return of->columns[i].name;
    }
    return NULL;
}

/* Makes these rows rows of nulls. */
static void without_rows(abi_table table, const uint8_t *dropped) {
    const abi_node *nodes = table.nodes.data;
    for (size_t i = 0; i < table.nodes.count; i++) {
        abi_list *buffers = (abi_list *)nodes[i].buffers.data;
        size_t size = ((size_t)table.rows + 7) / 8;
        uint8_t *bits = memset(pelton_alloc(size + 1), 0, size + 1);
        for (uint32_t row = 0; row < table.rows; row++) {
            bool valid = !dropped[row] && (!buffers[0].count || bit(buffers[0].data, row));
            bits[row >> 3] = (uint8_t)(bits[row >> 3] | valid << (row & 7));
        }
        buffers[0] = (abi_list){bits, size};
    }
}

/* The rows of the state that a version kept, as this one keeps them. */
static abi_string migrate_state(uint32_t version, const abi_field *came, size_t count, abi_table rows, abi_table *made) {
    const pelton_keyed *keyed = &pelton_the_keyed;
    if (!version || version > pelton_the_migrations.count)
        return worded("this module has no function that migrates state of version %u", (unsigned)version);
    const pelton_migration *from = pelton_the_migrations.list[version - 1];
    if (from->state != keyed->state.columns)
        pelton_trap(pelton_the_operator.function, 0, "a function that migrates makes another struct than the state that is kept");
    abi_field *wanted = fields_of(&from->older, pelton_alloc((from->older.count + 1) * sizeof *wanted));
    abi_string what = worded("what PELTON_MIGRATES expects of version %u", (unsigned)version);
    abi_string unlike = same_columns(what, came, count, wanted, from->older.count);
    if (unlike.size) return unlike;
    const char *older = kept_load(&from->older, rows);
    size_t size = keyed->state.size;
    char *states = memset(pelton_alloc((rows.rows + 1) * size), 0, (rows.rows + 1) * size);
    uint8_t *dropped = memset(pelton_alloc((size_t)rows.rows + 1), 0, (size_t)rows.rows + 1);
    for (uint32_t row = 0; row < rows.rows; row++) {
        dropped[row] = is_nothing(&rows, row);
        if (dropped[row]) continue;
        const char *null = null_in(&from->older, rows.nodes.data, row);
        if (null)
            return worded("`%s` of a key's state is null in version %u, though other fields have values and it is no _or_null", null,
                          (unsigned)version);
        pelton_verdict verdict = from->migrate(older + row * from->older.size, states + row * size);
        if (verdict == PELTON_REJECT) return pending.size ? pending : string_of("the module does not take it over");
        dropped[row] = verdict == PELTON_DROP;
        if (dropped[row]) memset(states + row * size, 0, size);
    }
    *made = kept_store(&keyed->state, states, rows.rows);
    without_rows(*made, dropped);
    return string_of("");
}

EXPORT("pelton:operator/migrate@0.1.0#migrate")
abi_migrate_result *abi_migrate(const char *name, size_t name_size, uint32_t version, const abi_field *old, size_t old_count, uint32_t keys_rows,
                                const abi_node *keys, size_t keys_count, uint32_t rows, const abi_node *nodes, size_t nodes_count,
                                const char *options, size_t options_size) {
    (void)keys_rows, (void)keys, (void)keys_count, (void)options, (void)options_size;
    enter((pelton_context){0, 0, 0, 0, 0});
    abi_table given = {rows, {nodes, nodes_count}}, made = given;
    abi_string table = {name, name_size};
    bool is_state = pelton_the_keyed.state.count && is(table, "state");
    abi_string why = is_state ? migrate_state(version, old, old_count, given, &made) : goes_on(table, old, old_count);
    stream_flush(PELTON_INFO, 0);
    abi_migrate_result *result = pelton_alloc(sizeof *result);
    memset(result, 0, sizeof *result);
    if (why.size) result->failed = 1, result->of.reason = why;
    else result->of.table = made;
    return result;
}

EXPORT("cabi_post_pelton:operator/migrate@0.1.0#migrate") void abi_post_migrate(void *result) {
    (void)result;
    arena_empty();
}
