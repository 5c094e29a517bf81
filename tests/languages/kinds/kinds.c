/* Every type, nullable, in and out. */
#include "pelton.h"

#define KINDS(COLUMN) \
    COLUMN(boolean_or_null, flag) \
    COLUMN(s8_or_null, i8) \
    COLUMN(s16_or_null, i16) \
    COLUMN(s32_or_null, i32) \
    COLUMN(s64_or_null, i64) \
    COLUMN(u8_or_null, n8) \
    COLUMN(u16_or_null, n16) \
    COLUMN(u32_or_null, n32) \
    COLUMN(u64_or_null, n64) \
    COLUMN(f32_or_null, half) \
    COLUMN(f64_or_null, full) \
    COLUMN(text_or_null, text) \
    COLUMN(date_or_null, day) \
    COLUMN(timestamp_or_null, at)

PELTON_ROW(kinds, KINDS)
PELTON_NO_OPTIONS(none)

static pelton_verdict echo(const struct kinds *in, struct kinds *out, const struct none *options) {
    (void)options;
    *out = *in;
    return PELTON_KEEP;
}
PELTON_TRANSFORM(echo, kinds, kinds, none, PELTON_PASS_NONE)
