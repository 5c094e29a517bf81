/* What a cogroup exports; pelton.c includes it. */

/* More than sixteen numbers come in memory. */
typedef struct {
    pelton_context context;
    abi_table left;
    abi_list left_ends;
    abi_table right;
    abi_list right_ends;
    abi_table keys;
} abi_pair;

_Static_assert(sizeof(abi_pair) == 96 && sizeof(pelton_joined) == 76 && sizeof(pelton_pair) == 24, "wit/cogroup.wit, runtime.zig");

/* What `open` agreed on besides: the formats of the right, and where each column of the key that is read stands. */
static struct { abi_string *right, *key; uint32_t *places; } pair_opened;

/* A byte for each row of both sides. */
static uint8_t *rejected_rows;

static void reject_number(uint32_t number, abi_string reason) {
    if (!rejected_rows[number]) reject(number, reason);
    rejected_rows[number] = 1;
}

pelton_out *pelton_of_key(pelton_pair *pair) {
    pair->out->row = pair->key;
    return pair->out;
}

static uint32_t number_in(const uint32_t *numbers, uint32_t count, uint32_t row) {
    if (row >= count) pelton_trap(__FILE__, __LINE__, "a row was named that the key does not have");
    return numbers[row];
}

void pelton_reject_left(pelton_pair *pair, uint32_t row, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    reject_number(number_in(pair->left_numbers, pair->left, row), formatted(format, arguments));
    va_end(arguments);
}

void pelton_reject_right(pelton_pair *pair, uint32_t row, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    reject_number(number_in(pair->right_numbers, pair->right, row), formatted(format, arguments));
    va_end(arguments);
}

void pelton_reject_left_text(pelton_pair *pair, uint32_t row, const char *reason, size_t size) {
    reject_number(number_in(pair->left_numbers, pair->left, row), (abi_string){reason, size});
}

void pelton_reject_right_text(pelton_pair *pair, uint32_t row, const char *reason, size_t size) {
    reject_number(number_in(pair->right_numbers, pair->right, row), (abi_string){reason, size});
}

void pelton_at_left(pelton_pair *pair, uint32_t row) { pelton_at = number_in(pair->left_numbers, pair->left, row); }
void pelton_at_right(pelton_pair *pair, uint32_t row) { pelton_at = number_in(pair->right_numbers, pair->right, row); }

/* ---- open ---- */

/* The format of a column that is read; or an empty text, and why it cannot be in `why`. */
static abi_string fit_column(const pelton_column *read, const abi_input *input, abi_string *why) {
    const abi_field *fields = input->fields.data;
    abi_string *names = pelton_alloc((input->fields.count + 1) * sizeof *names);
    size_t at = 0, count = 0;
    for (size_t field = 0, skip = 0; field < input->fields.count; field++) {
        /* Top-level columns, without the children of lists and structs. */
        if (skip) {
            skip += fields[field].children - 1;
            continue;
        }
        skip = fields[field].children;
        names[count++] = fields[field].name;
        if (!is(fields[field].name, read->name)) continue;
        at = field + 1;
    }
    const char *wants = type_of(read->type)->name, *optional = read->type & PELTON_NULLABLE ? "?" : "";
    if (!at) {
        abi_string hint = suggest(string_of(read->name), names, count);
        *why = worded("the input has no column `%s`, which `%s` reads as %s%s: %.*s", read->name, pelton_the_operator.function, wants,
                      optional, (int)hint.size, hint.data);
        return string_of("");
    }
    abi_string format = fields[at - 1].format;
    if (!accepts(read->type, format)) {
        abi_string have = type_name(format);
        *why = worded("column `%s` is %.*s, but `%s` reads it as %s%s", read->name, (int)have.size, have.data,
                      pelton_the_operator.function, wants, optional);
        return string_of("");
    }
    char *copy = kept(format.size);
    memcpy(copy, format.data, format.size);
    return (abi_string){copy, format.size};
}

EXPORT("pelton:operator/cogroup@0.1.0#open")
abi_open_result *abi_open(const abi_input *inputs, size_t inputs_count, const char *options, size_t options_size) {
    const pelton_joined *joined = &pelton_the_cogroup;
    if (inputs_count != 2) return refused(worded("this module joins two inputs, but the operator has %zu", inputs_count));
    abi_list none = {NULL, 0};
    abi_open_result *result = open_as(inputs, 1, (abi_string){options, options_size}, none, none);
    if (result->failed) return result;
    abi_string why;
    pair_opened.right = kept(joined->right.count * sizeof *pair_opened.right);
    abi_string *reads = pelton_alloc((joined->right.count + 1) * sizeof *reads);
    for (uint32_t i = 0; i < joined->right.count; i++) {
        pair_opened.right[i] = fit_column(&joined->right.columns[i], &inputs[1], &why);
        if (!pair_opened.right[i].size) return refused(why);
        reads[i] = string_of(joined->right.columns[i].name);
    }
    pair_opened.key = kept(joined->key.count * sizeof *pair_opened.key);
    pair_opened.places = kept(joined->key.count * sizeof *pair_opened.places);
    const abi_string *names = inputs->key.data;
    for (uint32_t i = 0; i < joined->key.count; i++) {
        const pelton_column *read = &joined->key.columns[i];
        size_t place = 0;
        while (place < inputs->key.count && !is(names[place], read->name)) place++;
        if (place == inputs->key.count) {
            abi_string hint = suggest(string_of(read->name), names, place);
            return refused(worded("`%s` reads `%s` of the key, but it is not in the operator's `key`: %.*s",
                                  pelton_the_operator.function, read->name, (int)hint.size, hint.data));
        }
        pair_opened.key[i] = fit_column(read, inputs, &why);
        if (!pair_opened.key[i].size) return refused(why);
        pair_opened.places[i] = (uint32_t)place;
    }
    abi_list *lists = pelton_alloc(2 * sizeof *lists);
    lists[0] = *(const abi_list *)result->of.contract.reads.data;
    lists[1] = (abi_list){reads, joined->right.count};
    result->of.contract.reads = (abi_list){lists, 2};
    return result;
}

EXPORT("cabi_post_pelton:operator/cogroup@0.1.0#open") void abi_post_open(void *result) {
    (void)result;
    arena_empty();
}

/* ---- process ---- */

/* The rows of a side: structs of those that are shown, their numbers, and where each key's end. */
typedef struct { char *rows; uint32_t *numbers, *ends; } side;

static side side_of(const pelton_struct *of, const abi_string *formats, const abi_table *table, const uint32_t *ends, uint32_t keys,
                    uint32_t first) {
    const abi_node *nodes = table->nodes.data;
    pelton_view *views = pelton_alloc((of->count + 1) * sizeof *views);
    for (uint32_t i = 0; i < of->count; i++) views[i] = view_of(&nodes[i], formats[i], of->columns[i].type, table->rows);
    side made = {pelton_alloc(((size_t)table->rows + 1) * of->size), pelton_alloc(((size_t)table->rows + 1) * sizeof(uint32_t)),
                 pelton_alloc(((size_t)keys + 1) * sizeof(uint32_t))};
    of->load(views, table->rows, made.rows);
    uint32_t shown = 0;
    for (uint32_t key = 0, row = 0; key < keys; key++) {
        for (; row < ends[key]; row++) {
            const char *null = NULL;
            for (uint32_t i = 0; i < of->count && !null; i++)
                if (!(of->columns[i].type & PELTON_NULLABLE) && views[i].valid && !views[i].valid[row]) null = of->columns[i].name;
            if (null) {
                reject_number(first + row, worded("`%s` is null", null));
                continue;
            }
            if (shown != row) memmove(made.rows + shown * of->size, made.rows + row * of->size, of->size);
            made.numbers[shown++] = first + row;
        }
        made.ends[key] = shown;
    }
    return made;
}

EXPORT("pelton:operator/cogroup@0.1.0#process") abi_process_result *abi_process(const abi_pair *given) {
    const pelton_joined *joined = &pelton_the_cogroup;
    enter(given->context);
    uint32_t keys = given->keys.rows, before = given->left.rows;
    size_t all = (size_t)before + given->right.rows + 1;
    rejected_rows = memset(pelton_alloc(all), 0, all);
    side left = side_of(&joined->left, opened.formats, &given->left, given->left_ends.data, keys, 0);
    side right = side_of(&joined->right, pair_opened.right, &given->right, given->right_ends.data, keys, before);
    pelton_view *views = pelton_alloc((joined->key.count + 1) * sizeof *views);
    const abi_node *nodes = given->keys.nodes.data;
    for (uint32_t i = 0; i < joined->key.count; i++)
        views[i] = view_of(&nodes[pair_opened.places[i]], pair_opened.key[i], joined->key.columns[i].type, keys);
    char *values = pelton_alloc(((size_t)keys + 1) * joined->key.size);
    joined->key.load(views, keys, values);
    pelton_out out = out_for(keys);
    for (uint32_t key = 0, at = 0, right_at = 0; key < keys; at = left.ends[key], right_at = right.ends[key], key++) {
        pelton_pair pair = {left.ends[key] - at, right.ends[key] - right_at, left.numbers + at, right.numbers + right_at, key, &out};
        if (!pair.left && !pair.right) continue;
        const char *null = NULL;
        for (uint32_t i = 0; i < joined->key.count && !null; i++)
            if (!(joined->key.columns[i].type & PELTON_NULLABLE) && views[i].valid && !views[i].valid[key])
                null = joined->key.columns[i].name;
        if (null) {
            for (uint32_t i = 0; i < pair.left; i++) pelton_reject_left(&pair, i, "`%s` is null", null);
            for (uint32_t i = 0; i < pair.right; i++) pelton_reject_right(&pair, i, "`%s` is null", null);
            continue;
        }
        pelton_at = pair.left ? *pair.left_numbers : *pair.right_numbers;
        joined->call(&pair, values + key * joined->key.size, left.rows + at * joined->left.size, right.rows + right_at * joined->right.size,
                     opened.options);
    }
    stream_flush(PELTON_INFO, 0);
    if (rejections.count) qsort(rejections.list, rejections.count, sizeof *rejections.list, by_row);
    return output_of(&out, keys);
}

EXPORT("cabi_post_pelton:operator/cogroup@0.1.0#process") void abi_post_process(void *result) {
    (void)result;
    arena_empty();
}
