/* Structs of an author's without knowing them (pelton_struct): copies, and bytes that have the order of subkeys. Included by pelton_tables.h. */

static pelton_room *rooms_of(const pelton_struct *of, const void *values, uint32_t rows) {
    pelton_room *rooms = pelton_alloc((of->count + 1) * sizeof *rooms);
    memset(rooms, 0, (of->count + 1) * sizeof *rooms);
    grow_rooms(rooms, of->columns, of->count, 0, rows ? rows : 1);
    of->store(values, rows, rooms);
    return rooms;
}

/* A copy with texts of its own: the author's may be gone when the function returns. */
static const char *copied(const pelton_struct *of, const void *value) {
    pelton_room *rooms = rooms_of(of, value, 1);
    pelton_view *views = pelton_alloc((of->count + 1) * sizeof *views);
    for (uint32_t i = 0; i < of->count; i++)
        views[i] = (pelton_view){rooms[i].values ? rooms[i].values : "", rooms[i].offsets, rooms[i].valid};
    char *copy = pelton_alloc(of->size);
    of->load(views, 1, copy);
    return copy;
}

/* Appends bytes that are compared as the value is: numbers by their most significant byte first, texts without a zero but at their end. */
static size_t ordered_bytes(int type, const pelton_room *room, uint32_t row, uint8_t *to) {
    if (is_text(type)) {
        size_t size = 0;
        const uint8_t *text = room->values;
        for (int32_t at = room->offsets[row]; at < room->offsets[row + 1]; at++) {
            to[size++] = text[at];
            if (!text[at]) to[size++] = 0xff;
        }
        to[size++] = 0, to[size++] = 0;
        return size;
    }
    size_t size = type_of(type)->size;
    const uint8_t *value = (const uint8_t *)room->values + row * size;
    for (size_t i = 0; i < size; i++) to[i] = value[size - 1 - i];
    switch (type & 31) {
    case PELTON_TYPE_s8: case PELTON_TYPE_s16: case PELTON_TYPE_s32: case PELTON_TYPE_s64: case PELTON_TYPE_date:
    case PELTON_TYPE_timestamp: to[0] ^= 0x80; break;
    default: break;
    }
    return size;
}

/* What each subkey is compared by. */
static abi_string *orders_of(const pelton_struct *of, const void *subkeys, uint32_t rows) {
    pelton_room *rooms = rooms_of(of, subkeys, rows);
    abi_string *orders = pelton_alloc((rows + 1) * sizeof *orders);
    for (uint32_t row = 0; row < rows; row++) {
        size_t most = 0, size = 0;
        for (uint32_t i = 0; i < of->count; i++)
            most += is_text(of->columns[i].type) ? 2 * (size_t)(rooms[i].offsets[row + 1] - rooms[i].offsets[row]) + 2 : 8;
        uint8_t *bytes = pelton_alloc(most);
        for (uint32_t i = 0; i < of->count; i++) size += ordered_bytes(of->columns[i].type, &rooms[i], row, bytes + size);
        orders[row] = (abi_string){(const char *)bytes, size};
    }
    return orders;
}

static int compare(abi_string left, abi_string right) {
    int order = memcmp(left.data, right.data, left.size < right.size ? left.size : right.size);
    return order ? order : left.size < right.size ? -1 : left.size > right.size;
}
