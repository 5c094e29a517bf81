/* What an aggregate exports, and `retract`, which the engine asks only if the contract accepts it; pelton.c includes it. */
#include "pelton_kept.h"

/* A table or a failure; this SDK has none, for PELTON_ASSERT traps. */
typedef struct { uint8_t failed; abi_table table; } abi_folded;

/* More than sixteen numbers come in memory. */
typedef struct {
    pelton_context context;
    abi_table keys;
    abi_list starts, ends, panes;
    abi_table accumulators;
} abi_finish;

static abi_folded *folded(abi_table table) {
    abi_folded *result = pelton_alloc(sizeof *result);
    *result = (abi_folded){0, table};
    stream_flush(PELTON_INFO, 0);
    return result;
}

EXPORT("pelton:operator/aggregate@0.1.0#open")
abi_open_result *abi_open(const abi_input *inputs, size_t inputs_count, const char *options, size_t options_size) {
    const pelton_struct *state = &pelton_the_fold.state;
    bool is_ordered = false;
    for (uint32_t i = 0; i < pelton_the_operator.rules_count; i++) is_ordered |= pelton_the_operator.rules[i].kind == PELTON_RULE_ORDERED;
    abi_string *said = pelton_alloc(4 * sizeof *said);
    abi_list properties = {said, 0};
    if (is_ordered) said[0] = string_of("ordered"), said[1] = string_of("true"), properties.count++;
    if (pelton_the_fold.retract) {
        said[2 * properties.count] = string_of("accepts"), said[2 * properties.count + 1] = string_of("append,retract");
        properties.count++;
    }
    abi_list kept_fields = state_table("accumulator", state->columns, state->count);
    return open_as(inputs, inputs_count, (abi_string){options, options_size}, kept_fields, properties);
}

static abi_folded *changed_by(void (*change)(const pelton_batch *, const uint32_t *, void *), uint32_t rows, const abi_node *nodes,
                              const uint32_t *slots, abi_table accumulators) {
    const pelton_struct *state = &pelton_the_fold.state;
    void *states = kept_load(state, accumulators);
    pelton_view *views = views_of(nodes, rows);
    /* A null is no value and is left out, as SQL's aggregates do. */
    pelton_batch batch = {rows, views, refuse_nulls(views, rows), opened.options};
    change(&batch, slots, states);
    return folded(kept_store(state, states, accumulators.rows));
}

EXPORT("pelton:operator/aggregate@0.1.0#accumulate")
abi_folded *abi_accumulate(uint64_t epoch, uint64_t first_row, int64_t now, int64_t watermark, uint64_t seed, uint32_t rows,
                           const abi_node *nodes, size_t nodes_count, const uint32_t *slots, size_t slots_size,
                           uint32_t accumulators, const abi_node *kept_nodes, size_t kept_count) {
    (void)nodes_count, (void)slots_size;
    enter((pelton_context){epoch, first_row, now, watermark, seed});
    return changed_by(pelton_the_fold.add, rows, nodes, slots, (abi_table){accumulators, {kept_nodes, kept_count}});
}

EXPORT("pelton:operator/retractable@0.1.0#retract")
abi_folded *abi_retract(uint64_t epoch, uint64_t first_row, int64_t now, int64_t watermark, uint64_t seed, uint32_t rows,
                        const abi_node *nodes, size_t nodes_count, const uint32_t *slots, size_t slots_size,
                        uint32_t accumulators, const abi_node *kept_nodes, size_t kept_count) {
    (void)nodes_count, (void)slots_size;
    enter((pelton_context){epoch, first_row, now, watermark, seed});
    return changed_by(pelton_the_fold.retract, rows, nodes, slots, (abi_table){accumulators, {kept_nodes, kept_count}});
}

EXPORT("pelton:operator/aggregate@0.1.0#merge")
abi_folded *abi_merge(uint32_t left_rows, const abi_node *left, size_t left_count, uint32_t right_rows, const abi_node *right,
                      size_t right_count) {
    const pelton_fold *fold = &pelton_the_fold;
    void *states = kept_load(&fold->state, (abi_table){left_rows, {left, left_count}});
    const void *later = kept_load(&fold->state, (abi_table){right_rows, {right, right_count}});
    fold->merge(states, later, left_rows, opened.options);
    return folded(kept_store(&fold->state, states, left_rows));
}

EXPORT("pelton:operator/aggregate@0.1.0#finish") abi_process_result *abi_finished(const abi_finish *given) {
    const pelton_fold *fold = &pelton_the_fold;
    enter(given->context);
    uint32_t rows = given->accumulators.rows;
    const int64_t *starts = given->starts.data, *ends = given->ends.data;
    const uint8_t *panes = given->panes.data;
    pelton_window *windows = pelton_alloc(((size_t)rows + 1) * sizeof *windows);
    for (uint32_t row = 0; row < rows; row++) windows[row] = (pelton_window){starts[row], ends[row], (pelton_pane)panes[row]};
    pelton_out out = out_for(rows);
    fold->finish(kept_load(&fold->state, given->accumulators), windows, rows, &out, opened.options);
    stream_flush(PELTON_INFO, 0);
    return output_of(&out, rows);
}

EXPORT("cabi_post_pelton:operator/aggregate@0.1.0#open") void abi_post_open(void *result) {
    (void)result;
    arena_empty();
}

EXPORT("cabi_post_pelton:operator/aggregate@0.1.0#accumulate") void abi_post_accumulate(void *result) {
    (void)result;
    arena_empty();
}

EXPORT("cabi_post_pelton:operator/retractable@0.1.0#retract") void abi_post_retract(void *result) {
    (void)result;
    arena_empty();
}

EXPORT("cabi_post_pelton:operator/aggregate@0.1.0#merge") void abi_post_merge(void *result) {
    (void)result;
    arena_empty();
}

EXPORT("cabi_post_pelton:operator/aggregate@0.1.0#finish") void abi_post_finish(void *result) {
    (void)result;
    arena_empty();
}
