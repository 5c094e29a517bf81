/* Lists and maps of state: what a keyed operator may keep for each key besides its state. pelton.h includes it, within `extern "C"`.
 *
 *     PELTON_LIST(recent, play)
 *     PELTON_MAP(songs, song, times)
 *     #define TABLES(TABLE) TABLE(recent) TABLE(songs)
 *
 *     PELTON_KEYED_TABLES(plays, TABLES, …)
 */
#ifndef PELTON_STORED_H
#define PELTON_STORED_H

/* A list or map that the engine keeps for each key. Nothing of it comes with a call: reading costs what is read. */
typedef struct {
    const char *name;
    const pelton_struct *subkey; /* NULL: it is a list */
    const pelton_struct *value;
    /* the SDK's */
    uint32_t index;
    struct pelton_stored *its;
} pelton_table;

/* A way through a list or map, or a part of it. What is changed meanwhile may be seen or not. */
typedef struct pelton_cursor pelton_cursor;

/* PELTON_LIST and PELTON_MAP give these the types of their rows. Where nothing is to be given, `element`, `subkey` and `value` may be NULL. */
void pelton_list_push(pelton_table *table, const void *element);
bool pelton_list_first(pelton_table *table, void *element);
bool pelton_list_last(pelton_table *table, void *element);
bool pelton_list_at(pelton_table *table, size_t position, void *element);
bool pelton_list_pop(pelton_table *table, void *element);
size_t pelton_list_length(pelton_table *table);
void pelton_list_keep_last(pelton_table *table, size_t count);
pelton_cursor *pelton_list_range(pelton_table *table, size_t from, size_t to, bool backward);
bool pelton_list_next(pelton_cursor *cursor, void *element);
bool pelton_map_get(pelton_table *table, const void *subkey, void *value);
void pelton_map_put(pelton_table *table, const void *subkey, const void *value);
void pelton_map_remove(pelton_table *table, const void *subkey);
void pelton_map_clear(pelton_table *table);
pelton_cursor *pelton_map_range(pelton_table *table, const void *from, const void *to, bool backward);
bool pelton_map_next(pelton_cursor *cursor, void *subkey, void *value);

#define PELTON_TABLE_FN static inline __attribute__((unused))

/* A list of rows (made by PELTON_ROW) for each key, for functions made by PELTON_KEYED_TABLES:
 *
 *     void LIST_push(&row)                                  appends a row
 *     bool LIST_first(&row), LIST_last(&row), LIST_at(position, &row)   whether there is one, which is given
 *     bool LIST_pop(&row)                                   takes the first one away
 *     size_t LIST_length()
 *     void LIST_keep_last(count), LIST_clear()              take rows away from the front
 *     pelton_cursor *LIST_all(), LIST_backward(), LIST_range(from, to)  for LIST_next
 *     bool LIST_next(cursor, &row)                          gives the next row, if there is one
 */
#define PELTON_LIST(list_name, row_name)                                                                                      \
    static const pelton_struct list_name##_value = PELTON_STRUCT(row_name);                                                   \
    static pelton_table list_name##_table = {#list_name, NULL, &list_name##_value, 0, NULL};                                  \
    PELTON_TABLE_FN void list_name##_push(const struct row_name *row) { pelton_list_push(&list_name##_table, row); }          \
    PELTON_TABLE_FN bool list_name##_first(struct row_name *row) { return pelton_list_first(&list_name##_table, row); }       \
    PELTON_TABLE_FN bool list_name##_last(struct row_name *row) { return pelton_list_last(&list_name##_table, row); }         \
    PELTON_TABLE_FN bool list_name##_at(size_t position, struct row_name *row) {                                              \
        return pelton_list_at(&list_name##_table, position, row);                                                             \
    }                                                                                                                         \
    PELTON_TABLE_FN bool list_name##_pop(struct row_name *row) { return pelton_list_pop(&list_name##_table, row); }           \
    PELTON_TABLE_FN size_t list_name##_length(void) { return pelton_list_length(&list_name##_table); }                        \
    PELTON_TABLE_FN void list_name##_keep_last(size_t count) { pelton_list_keep_last(&list_name##_table, count); }            \
    PELTON_TABLE_FN void list_name##_clear(void) { pelton_list_keep_last(&list_name##_table, 0); }                            \
    PELTON_TABLE_FN pelton_cursor *list_name##_all(void) {                                                                    \
        return pelton_list_range(&list_name##_table, 0, SIZE_MAX, false);                                                     \
    }                                                                                                                         \
    PELTON_TABLE_FN pelton_cursor *list_name##_backward(void) {                                                               \
        return pelton_list_range(&list_name##_table, 0, SIZE_MAX, true);                                                      \
    }                                                                                                                         \
    PELTON_TABLE_FN pelton_cursor *list_name##_range(size_t from, size_t to) {                                                \
        return pelton_list_range(&list_name##_table, from, to, false);                                                        \
    }                                                                                                                         \
    PELTON_TABLE_FN bool list_name##_next(pelton_cursor *cursor, struct row_name *row) { return pelton_list_next(cursor, row); }

/* A map of rows by a subkey (both made by PELTON_ROW) for each key. A subkey has no floats and no `_or_null`.
 *
 *     bool MAP_get(&subkey, &row)          whether there is one, which is given
 *     void MAP_put(&subkey, &row)          in the place of the one that may be there, which is not read
 *     void MAP_remove(&subkey)             takes away what may be there, which is not read
 *     void MAP_clear()
 *     pelton_cursor *MAP_all(), MAP_backward()                           in order of subkey, for MAP_next
 *     pelton_cursor *MAP_range(&from, &to), MAP_range_backward(&from, &to)   from one to before another; NULL is no bound
 *     bool MAP_next(cursor, &subkey, &row) gives the next row, if there is one
 */
#define PELTON_MAP(map_name, subkey_name, row_name)                                                                           \
    static const pelton_struct map_name##_subkey = PELTON_STRUCT(subkey_name), map_name##_value = PELTON_STRUCT(row_name);    \
    static pelton_table map_name##_table = {#map_name, &map_name##_subkey, &map_name##_value, 0, NULL};                       \
    PELTON_TABLE_FN bool map_name##_get(const struct subkey_name *subkey, struct row_name *row) {                             \
        return pelton_map_get(&map_name##_table, subkey, row);                                                                \
    }                                                                                                                         \
    PELTON_TABLE_FN void map_name##_put(const struct subkey_name *subkey, const struct row_name *row) {                       \
        pelton_map_put(&map_name##_table, subkey, row);                                                                       \
    }                                                                                                                         \
    PELTON_TABLE_FN void map_name##_remove(const struct subkey_name *subkey) { pelton_map_remove(&map_name##_table, subkey); } \
    PELTON_TABLE_FN void map_name##_clear(void) { pelton_map_clear(&map_name##_table); }                                      \
    PELTON_TABLE_FN pelton_cursor *map_name##_all(void) { return pelton_map_range(&map_name##_table, NULL, NULL, false); }    \
    PELTON_TABLE_FN pelton_cursor *map_name##_backward(void) { return pelton_map_range(&map_name##_table, NULL, NULL, true); } \
    PELTON_TABLE_FN pelton_cursor *map_name##_range(const struct subkey_name *from, const struct subkey_name *to) {           \
        return pelton_map_range(&map_name##_table, from, to, false);                                                          \
    }                                                                                                                         \
    PELTON_TABLE_FN pelton_cursor *map_name##_range_backward(const struct subkey_name *from, const struct subkey_name *to) {  \
        return pelton_map_range(&map_name##_table, from, to, true);                                                           \
    }                                                                                                                         \
    PELTON_TABLE_FN bool map_name##_next(pelton_cursor *cursor, struct subkey_name *subkey, struct row_name *row) {           \
        return pelton_map_next(cursor, subkey, row);                                                                          \
    }

#endif
