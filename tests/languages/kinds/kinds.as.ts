// Every type, nullable, in and out.
import {
  Column, KEEP, Made, Verdict, makesDateOrNull, makesOrNull, makesTimestampOrNull, passNone, readsDateOrNull, readsOrNull,
  readsTimestampOrNull,
} from "pelton-guest";

passNone();

function copy<T>(from: Column<T>, to: Made<T>): void {
  if (!from.isNull) to.value = from.value;
}

const flag = readsOrNull<bool>("flag"), flagOut = makesOrNull<bool>("flag");
const s8 = readsOrNull<i8>("i8"), s8Out = makesOrNull<i8>("i8");
const s16 = readsOrNull<i16>("i16"), s16Out = makesOrNull<i16>("i16");
const s32 = readsOrNull<i32>("i32"), s32Out = makesOrNull<i32>("i32");
const s64 = readsOrNull<i64>("i64"), s64Out = makesOrNull<i64>("i64");
const n8 = readsOrNull<u8>("n8"), n8Out = makesOrNull<u8>("n8");
const n16 = readsOrNull<u16>("n16"), n16Out = makesOrNull<u16>("n16");
const n32 = readsOrNull<u32>("n32"), n32Out = makesOrNull<u32>("n32");
const n64 = readsOrNull<u64>("n64"), n64Out = makesOrNull<u64>("n64");
const half = readsOrNull<f32>("half"), halfOut = makesOrNull<f32>("half");
const full = readsOrNull<f64>("full"), fullOut = makesOrNull<f64>("full");
const text = readsOrNull<string>("text"), textOut = makesOrNull<string>("text");
const day = readsDateOrNull("day"), dayOut = makesDateOrNull("day");
const at = readsTimestampOrNull("at"), atOut = makesTimestampOrNull("at");

export function row(): Verdict {
  copy(flag, flagOut);
  copy(s8, s8Out);
  copy(s16, s16Out);
  copy(s32, s32Out);
  copy(s64, s64Out);
  copy(n8, n8Out);
  copy(n16, n16Out);
  copy(n32, n32Out);
  copy(n64, n64Out);
  copy(half, halfOut);
  copy(full, fullOut);
  copy(text, textOut);
  copy(day, dayOut);
  copy(at, atOut);
  return KEEP;
}
