/* What a transform exports; pelton.c includes it. */
#include "pelton_load.h"

/* The rows at `rows` of a column. */
static pelton_view gathered(pelton_view view, int type, const uint32_t *rows, uint32_t count) {
    size_t size = type_of(type)->size;
    pelton_view out = {NULL, NULL, NULL};
    if (view.valid) {
        uint8_t *valid = pelton_alloc(count);
        for (uint32_t i = 0; i < count; i++) valid[i] = view.valid[rows[i]];
        out.valid = valid;
    }
    if (size) {
        char *values = pelton_alloc(count * size);
        for (uint32_t i = 0; i < count; i++) memcpy(values + i * size, (const char *)view.values + rows[i] * size, size);
        out.values = values;
        return out;
    }
    pelton_room room = {NULL, pelton_alloc(((size_t)count + 1) * sizeof(int32_t)), NULL, 0};
    room.offsets[0] = 0;
    for (uint32_t i = 0; i < count; i++) pelton_put_text(&room, i, pelton_get_text(&view, rows[i]));
    out.values = room.values, out.offsets = room.offsets;
    return out;
}

EXPORT("pelton:operator/transform@0.1.0#open")
abi_open_result *abi_open(const abi_input *inputs, size_t inputs_count, const char *options, size_t options_size) {
    abi_list none = {NULL, 0};
    size_t edges = edges_of(inputs, inputs_count);
    abi_open_result *result = open_as(inputs, edges, (abi_string){options, options_size}, none, none);
    return with_side_tables(result, inputs + edges, inputs_count - edges);
}

EXPORT("cabi_post_pelton:operator/transform@0.1.0#open") void abi_post_open(void *result) {
    (void)result;
    arena_empty();
}

EXPORT("pelton:operator/transform@0.1.0#process")
abi_process_result *abi_process(uint64_t epoch, uint64_t first_row, int64_t now, int64_t watermark, uint64_t seed,
                                uint32_t rows, const abi_node *nodes, size_t nodes_count) {
    const pelton_operator *operator = &pelton_the_operator;
    (void)nodes_count;
    enter((pelton_context){epoch, first_row, now, watermark, seed});
    pelton_view *views = views_of(nodes, rows);
    pelton_batch batch = {rows, views, refuse_nulls(views, rows), opened.options};
    size_t null_rejections = rejections.count;

    uint32_t *kept_rows = NULL;
    if (batch.refused && operator->by_column) {
        kept_rows = pelton_alloc(rows * sizeof *kept_rows);
        uint32_t count = 0;
        for (uint32_t row = 0; row < rows; row++)
            if (!batch.refused[row]) kept_rows[count++] = row;
        for (uint32_t i = 0; i < operator->reads_count; i++)
            views[i] = gathered(views[i], operator->reads[i].type, kept_rows, count);
        batch.rows = count, batch.refused = NULL;
    }

    pelton_out out = out_for(rows);
    operator->run(&batch, &out);
    stream_flush(PELTON_INFO, 0);
    if (kept_rows)
        for (uint32_t i = 0; i < out.rows; i++) out.origin[i] = kept_rows[out.origin[i]];
    if (null_rejections && null_rejections < rejections.count)
        qsort(rejections.list, rejections.count, sizeof *rejections.list, by_row);
    return output_of(&out, rows);
}

EXPORT("cabi_post_pelton:operator/transform@0.1.0#process") void abi_post_process(void *result) {
    (void)result;
    arena_empty();
}
