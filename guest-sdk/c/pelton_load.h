/* The export `tables` of a transform: side tables, which live from one load to the next. pelton_transform.h includes it. */

/* Without an author's own there are none. */
__attribute__((weak)) const pelton_side_tables pelton_the_side_tables = {NULL, 0};

/* What `open` agreed on for a table, and what the last load keeps: the bytes of texts. */
typedef struct { uint32_t *places; abi_string *formats; void **texts; } side_opened;

typedef struct {
    uint8_t failed;
    struct { uint8_t kind; abi_string reason; } of;
} abi_load_result;

_Static_assert(sizeof(abi_load_result) == 16 && sizeof(pelton_side_table) == 56 && sizeof(pelton_side_tables) == 8, "wit/tables.wit, runtime.zig");

void pelton_side_check(const pelton_side_table *table) {
    if (table->has_come) return;
    abi_string why = worded("the table `%s` did not come before the first rows: does PELTON_SIDE_TABLES name it?", table->name);
    pelton_trap(pelton_the_operator.function, 0, why.data);
}

/* Fits a table to the one on offer; answers with what is wrong, or with an empty text. */
static abi_string side_open(pelton_side_table *table, const abi_input *inputs, size_t count) {
    const abi_input *offered = NULL;
    abi_string *names = pelton_alloc((count + 1) * sizeof *names);
    for (size_t i = 0; i < count; i++) {
        names[i] = inputs[i].name;
        if (is(inputs[i].name, table->name)) offered = &inputs[i];
    }
    if (!offered) {
        abi_string hint = suggest(string_of(table->name), names, count);
        return worded("this module looks up in the table `%s`, which the operator is not offered: %.*s", table->name, (int)hint.size, hint.data);
    }
    const abi_field *fields = offered->fields.data;
    side_opened *its = table->its = kept(sizeof *its);
    its->places = kept(table->row.count * sizeof *its->places);
    its->formats = kept(table->row.count * sizeof *its->formats);
    its->texts = memset(kept(table->row.count * sizeof *its->texts), 0, table->row.count * sizeof *its->texts);
    names = pelton_alloc((offered->fields.count + 1) * sizeof *names);
    for (uint32_t i = 0; i < table->row.count; i++) {
        const pelton_column *read = &table->row.columns[i];
        size_t found = SIZE_MAX, columns = 0;
        /* Top-level columns; children of lists and structs have nodes as well. */
        for (size_t field = 0, skip = 0; field < offered->fields.count; field++) {
            if (skip) {
                skip += fields[field].children - 1;
                continue;
            }
            skip = fields[field].children;
            names[columns++] = fields[field].name;
            if (is(fields[field].name, read->name)) found = field;
        }
        const char *wants = type_of(read->type)->name, *optional = read->type & PELTON_NULLABLE ? "?" : "";
        if (found == SIZE_MAX) {
            abi_string hint = suggest(string_of(read->name), names, columns);
            return worded("the table `%s` has no column `%s`, which `%s` reads as %s%s: %.*s", table->name, read->name,
                          pelton_the_operator.function, wants, optional, (int)hint.size, hint.data);
        }
        abi_string format = fields[found].format;
        if (!accepts(read->type, format)) {
            abi_string have = type_name(format);
            return worded("column `%s` is %.*s, but `%s` reads it as %s%s", read->name, (int)have.size, have.data,
                          pelton_the_operator.function, wants, optional);
        }
        char *copy = kept(format.size);
        memcpy(copy, format.data, format.size);
        its->places[i] = (uint32_t)found, its->formats[i] = (abi_string){copy, format.size};
    }
    return string_of("");
}

/* Puts the rows of a table in the place of those that were there; answers with what is wrong, or with an empty text. */
static abi_string side_load(pelton_side_table *table, uint32_t rows, const abi_node *nodes) {
    side_opened *its = table->its;
    table->has_come = false;
    /* The old ones go first: both may not fit. */
    free(table->rows), free(table->slots);
    table->rows = NULL, table->slots = NULL, table->count = 0;
    pelton_view *views = pelton_alloc((table->row.count + 1) * sizeof *views);
    for (uint32_t i = 0; i < table->row.count; i++) {
        const pelton_column *read = &table->row.columns[i];
        pelton_view *view = &views[i];
        *view = view_of(&nodes[its->places[i]], its->formats[i], read->type, rows);
        for (uint32_t row = 0; view->valid && !(read->type & PELTON_NULLABLE) && row < rows; row++)
            if (!view->valid[row]) return worded("the table `%s`: `%s` of row %u is null", table->name, read->name, (unsigned)row);
        free(its->texts[i]), its->texts[i] = NULL;
        if (!is_text(read->type) || !rows) continue;
        /* The call's memory ends with it. */
        size_t size = (size_t)view->offsets[rows];
        its->texts[i] = kept(size);
        if (size) memcpy(its->texts[i], view->values, size);
        view->values = its->texts[i];
    }
    table->rows = kept((size_t)rows * table->row.size);
    table->row.load(views, rows, table->rows);
    table->count = rows;
    if (table->index) {
        size_t slots = 4;
        while (slots < 2 * (size_t)rows) slots *= 2;
        table->slots = memset(kept(slots * sizeof *table->slots), 0, slots * sizeof *table->slots);
        table->mask = (uint32_t)(slots - 1);
        table->index(table);
    }
    table->has_come = true;
    return string_of("");
}

/* Side inputs follow the operator's edges. */
static size_t edges_of(const abi_input *inputs, size_t count) {
    size_t edges = 0;
    while (edges < count && !is(inputs[edges].mode, "table")) edges++;
    return edges;
}

/* Names the side tables in the contract, or refuses them. */
static abi_open_result *with_side_tables(abi_open_result *result, const abi_input *offered, size_t count) {
    if (result->failed) return result;
    abi_string *names = pelton_alloc((pelton_the_side_tables.count + 1) * sizeof *names);
    for (uint32_t i = 0; i < pelton_the_side_tables.count; i++) {
        pelton_side_table *table = pelton_the_side_tables.list[i];
        abi_string why = side_open(table, offered, count);
        if (why.size) return refused(why);
        names[i] = string_of(table->name);
    }
    result->of.contract.tables = (abi_list){names, pelton_the_side_tables.count};
    return result;
}

EXPORT("pelton:operator/tables@0.1.0#load")
abi_load_result *abi_load(const char *name, size_t name_size, uint64_t version, uint32_t rows, const abi_node *nodes, size_t nodes_count) {
    (void)version, (void)nodes_count;
    enter((pelton_context){0, 0, 0, 0, 0});
    abi_string given = {name, name_size}, why = worded("the table `%.*s` came, but this module did not ask for it", (int)name_size, name);
    for (uint32_t i = 0; i < pelton_the_side_tables.count; i++)
        if (is(given, pelton_the_side_tables.list[i]->name)) why = side_load(pelton_the_side_tables.list[i], rows, nodes);
    abi_load_result *result = pelton_alloc(sizeof *result);
    memset(result, 0, sizeof *result);
    /* 1: fatal */
    if (why.size) result->failed = 1, result->of.kind = 1, result->of.reason = why;
    return result;
}

EXPORT("cabi_post_pelton:operator/tables@0.1.0#load") void abi_post_load(void *result) {
    (void)result;
    arena_empty();
}
