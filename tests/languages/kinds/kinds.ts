// Every type, nullable, in and out.
import { bool, date, f32, f64, s16, s32, s64, s8, timestamp, transform, u16, u32, u64, u8, utf8 } from "pelton-guest";

const kinds = {
  flag: bool.orNull,
  i8: s8.orNull,
  i16: s16.orNull,
  i32: s32.orNull,
  i64: s64.orNull,
  n8: u8.orNull,
  n16: u16.orNull,
  n32: u32.orNull,
  n64: u64.orNull,
  half: f32.orNull,
  full: f64.orNull,
  text: utf8.orNull,
  day: date.orNull,
  at: timestamp.orNull,
};

export const echo = transform({ reads: kinds, makes: kinds, passes: "none", row: (row) => row });
