/* State of older versions of a module, made into this version's; pelton.h includes it, within `extern "C"`.
 *
 *     PELTON_MIGRATE(from_cents, in_cents, sum)
 *     #define VERSIONS(VERSION) VERSION(from_cents)
 *     PELTON_MIGRATES(VERSIONS)
 */
#ifndef PELTON_VERSIONS_H
#define PELTON_VERSIONS_H

/* What a version before this one kept, and what makes it this version's. */
typedef struct {
    pelton_struct older;
    const pelton_column *state; /* of this version */
    pelton_verdict (*migrate)(const void *older, void *state);
} pelton_migration;

typedef struct {
    const pelton_migration *const *list;
    uint32_t count;
} pelton_migrations;

/* Those that PELTON_MIGRATES names; without it there are none. */
extern const pelton_migrations pelton_the_migrations;

/* A function of what a version before this one kept for a key, a struct made by PELTON_ROW, and of the state now, which is zero at first:
 *
 *     pelton_verdict fn(const struct OLDER *, struct STATE *)
 *
 * PELTON_KEEP keeps the state, PELTON_DROP drops it; `return pelton_reject("…")` says why it cannot be taken over. */
#define PELTON_MIGRATE(fn, older_name, state_name)                                                                            \
    static pelton_verdict fn##_migrate(const void *older, void *state) {                                                      \
        return fn((const struct older_name *)older, (struct state_name *)state);                                              \
    }                                                                                                                         \
    static const pelton_migration fn##_migration = {PELTON_STRUCT(older_name), state_name##_list, fn##_migrate};

#define PELTON_MIGRATION_OF(fn) &fn##_migration,
/* The functions of all versions before this one, the first first: `#define VERSIONS(VERSION) VERSION(from_cents)`. The state is then of the
 * version after them. */
#define PELTON_MIGRATES(LIST)                                                                                                 \
    static const pelton_migration *const pelton_migrations_list[] = {LIST(PELTON_MIGRATION_OF)};                              \
    const pelton_migrations pelton_the_migrations = {pelton_migrations_list, PELTON_COUNT(pelton_migrations_list)};

#endif
