/* What the engine keeps: columns that are the fields of a struct of the author's. Included by the kinds that keep something.
 *
 * A row of nulls stands for nothing, so every such column is nullable; where the field is not, a null is its zero.
 */

/* The same with zeros under nulls, so that a field without `_or_null` has its zero there. */
static pelton_view zeroed(pelton_view view, int type, uint32_t rows) {
    if (!view.valid) return view;
    size_t size = type_of(type)->size;
    if (size) {
        char *values = pelton_alloc(rows * size);
        memcpy(values, view.values, rows * size);
        for (uint32_t row = 0; row < rows; row++)
            if (!view.valid[row]) memset(values + row * size, 0, size);
        view.values = values;
        return view;
    }
    pelton_room room = {NULL, pelton_alloc(((size_t)rows + 1) * sizeof(int32_t)), NULL, 0};
    room.offsets[0] = 0;
    for (uint32_t row = 0; row < rows; row++)
        pelton_put_text(&room, row, view.valid[row] ? pelton_get_text(&view, row) : (pelton_text){"", 0});
    view.values = room.values ? room.values : "", view.offsets = room.offsets;
    return view;
}

/* A struct for each row. */
static void *kept_load(const pelton_struct *of, abi_table table) {
    pelton_view *views = pelton_alloc((of->count + 1) * sizeof *views);
    const abi_node *nodes = table.nodes.data;
    for (uint32_t i = 0; i < of->count; i++) {
        abi_string format = string_of(type_of(of->columns[i].type)->format);
        views[i] = zeroed(view_of(&nodes[i], format, of->columns[i].type, table.rows), of->columns[i].type, table.rows);
    }
    void *values = pelton_alloc((table.rows + 1) * of->size);
    of->load(views, table.rows, values);
    return values;
}

/* A row for each struct. */
static abi_table kept_store(const pelton_struct *of, const void *values, uint32_t rows) {
    pelton_room *rooms = pelton_alloc((of->count + 1) * sizeof *rooms);
    memset(rooms, 0, (of->count + 1) * sizeof *rooms);
    grow_rooms(rooms, of->columns, of->count, 0, rows ? rows : 1);
    of->store(values, rows, rooms);
    abi_node *nodes = pelton_alloc((of->count + 1) * sizeof *nodes);
    for (uint32_t i = 0; i < of->count; i++) nodes[i] = node_of(&rooms[i], of->columns[i].type, rows);
    return (abi_table){rows, {nodes, of->count}};
}
