"""Every type, nullable, in and out."""

from datetime import date
from typing import NamedTuple

from pelton_guest import Timestamp, f32, f64, s8, s16, s32, s64, transform, u8, u16, u32, u64


class Kinds(NamedTuple):
    flag: bool | None
    i8: s8 | None
    i16: s16 | None
    i32: s32 | None
    i64: s64 | None
    n8: u8 | None
    n16: u16 | None
    n32: u32 | None
    n64: u64 | None
    half: f32 | None
    full: f64 | None
    text: str | None
    day: date | None
    at: Timestamp | None


@transform(passes="none")
def kinds(
    flag: bool | None,
    i8: s8 | None,
    i16: s16 | None,
    i32: s32 | None,
    i64: s64 | None,
    n8: u8 | None,
    n16: u16 | None,
    n32: u32 | None,
    n64: u64 | None,
    half: f32 | None,
    full: f64 | None,
    text: str | None,
    day: date | None,
    at: Timestamp | None,
) -> Kinds:
    return Kinds(flag, i8, i16, i32, i64, n8, n16, n32, n64, half, full, text, day, at)
