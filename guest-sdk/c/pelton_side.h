/* Side tables: tables of the job, whole, for a transform to look up in; pelton.h includes it.
 *
 *     #define AIRLINE(COLUMN) COLUMN(text, carrier) COLUMN(text, name)
 *     PELTON_ROW(airline, AIRLINE)
 *     PELTON_SIDE_TABLE_BY(airlines, airline, text, carrier)
 *     #define TABLES(TABLE) TABLE(airlines)
 *     PELTON_SIDE_TABLES(TABLES)
 *
 *     const struct airline *found = airlines_find(flight->carrier);
 */
#ifndef PELTON_SIDE_H
#define PELTON_SIDE_H

typedef struct pelton_side_table {
    const char *name;
    pelton_struct row;
    void (*index)(struct pelton_side_table *); /* fills the slots, or NULL */
    /* the SDK's */
    void *rows;
    uint32_t count;
    uint32_t *slots, mask; /* of an index: a row from 1, or 0 */
    bool has_come;
    void *its;
} pelton_side_table;

typedef struct {
    pelton_side_table *const *list;
    uint32_t count;
} pelton_side_tables;

/* Those that PELTON_SIDE_TABLES names; without it there are none. */
extern const pelton_side_tables pelton_the_side_tables;

/* Traps if it has not come. */
void pelton_side_check(const pelton_side_table *table);
uint64_t pelton_hash(const void *bytes, size_t size);

/* The table NAME, or one that is called otherwise: PELTON_SIDE_TABLE(fx_rates, rate, "fx-rates"). Its rows are of the type ROW (made by PELTON_ROW), of
 * which a null in a column without `_or_null` stops the job. `NAME_rows()` is all of them, in the order of the table, and `NAME_count()` how many. They
 * are as the table is in this call: keep nothing of them. */
#define PELTON_SIDE_TABLE(table_name, row_name, ...)                                                                          \
    static pelton_side_table table_name##_side = {                                                                            \
        PELTON_NAME_OF(table_name, ##__VA_ARGS__), PELTON_STRUCT(row_name), NULL, NULL, 0, NULL, 0, false, NULL};             \
    PELTON_SIDE_ROWS(table_name, row_name)

/* The same with `const struct ROW *NAME_find(value)`: the last row whose COLUMN, of this type, has the value, or NULL. */
#define PELTON_SIDE_TABLE_BY(table_name, row_name, type, column, ...)                                                         \
    static void table_name##_index(pelton_side_table *table) {                                                                \
        const struct row_name *rows = (const struct row_name *)table->rows;                                                   \
        for (uint32_t row = 0; row < table->count; row++) {                                                                   \
            uint32_t at = (uint32_t)pelton_hash_##type(rows[row].column) & table->mask;                                       \
            while (table->slots[at] && !pelton_same_##type(rows[table->slots[at] - 1].column, rows[row].column))              \
                at = (at + 1) & table->mask;                                                                                  \
            table->slots[at] = row + 1;                                                                                       \
        }                                                                                                                     \
    }                                                                                                                         \
    static pelton_side_table table_name##_side = {                                                                            \
        PELTON_NAME_OF(table_name, ##__VA_ARGS__), PELTON_STRUCT(row_name), table_name##_index, NULL, 0, NULL, 0, false, NULL}; \
    PELTON_SIDE_ROWS(table_name, row_name)                                                                                    \
    static inline __attribute__((unused)) const struct row_name *table_name##_find(pelton_##type value) {                     \
        const struct row_name *rows = table_name##_rows();                                                                    \
        uint32_t at = (uint32_t)pelton_hash_##type(value) & table_name##_side.mask;                                           \
        for (uint32_t row; (row = table_name##_side.slots[at]); at = (at + 1) & table_name##_side.mask)                       \
            if (pelton_same_##type(rows[row - 1].column, value)) return &rows[row - 1];                                       \
        return NULL;                                                                                                          \
    }

#define PELTON_SIDE_ROWS(table_name, row_name)                                                                                \
    static inline __attribute__((unused)) uint32_t table_name##_count(void) {                                                 \
        pelton_side_check(&table_name##_side);                                                                                \
        return table_name##_side.count;                                                                                       \
    }                                                                                                                         \
    static inline __attribute__((unused)) const struct row_name *table_name##_rows(void) {                                    \
        pelton_side_check(&table_name##_side);                                                                                \
        return (const struct row_name *)table_name##_side.rows;                                                               \
    }

#define PELTON_SIDE_TABLE_OF(name) &name##_side,
/* All of them: `#define TABLES(TABLE) TABLE(airlines) TABLE(fx_rates)`. */
#define PELTON_SIDE_TABLES(LIST)                                                                                              \
    static pelton_side_table *const pelton_side_list[] = {LIST(PELTON_SIDE_TABLE_OF)};                                        \
    const pelton_side_tables pelton_the_side_tables = {pelton_side_list, PELTON_COUNT(pelton_side_list)};

#define PELTON_HASH_NUMBER(type)                                                                                              \
    static inline uint64_t pelton_hash_##type(pelton_##type value) { return pelton_hash(&value, sizeof value); }
#define PELTON_HASH_TEXT(type)                                                                                                \
    static inline uint64_t pelton_hash_##type(pelton_##type value) { return pelton_hash(value.data, value.size); }

PELTON_HASH_NUMBER(boolean)
PELTON_HASH_NUMBER(s8)
PELTON_HASH_NUMBER(s16)
PELTON_HASH_NUMBER(s32)
PELTON_HASH_NUMBER(s64)
PELTON_HASH_NUMBER(u8)
PELTON_HASH_NUMBER(u16)
PELTON_HASH_NUMBER(u32)
PELTON_HASH_NUMBER(u64)
PELTON_HASH_NUMBER(date)
PELTON_HASH_NUMBER(timestamp)
PELTON_HASH_TEXT(text)
PELTON_HASH_TEXT(bytes)

#endif
