/** The types of columns: what the engine calls them, which narrower ones are read as them, and how wide their values are. */

export const enum Type {
  BOOL,
  S8,
  S16,
  S32,
  S64,
  U8,
  U16,
  U32,
  U64,
  F32,
  F64,
  DATE,
  TIMESTAMP,
  TEXT,
  BYTES,
}

/** Formats of the Arrow C data interface. */
const FORMATS: StaticArray<string> = ["b", "c", "s", "i", "l", "C", "S", "I", "L", "f", "g", "tdD", "tsu:", "u", "z"];
/** As a job file has them. */
const NAMES: StaticArray<string> = [
  "bool", "s8", "s16", "s32", "s64", "u8", "u16", "u32", "u64", "f32", "f64", "date", "timestamp", "utf8", "binary",
];
/** Formats of narrower numbers whose every value fits. */
const WIDER: StaticArray<string> = ["", "", "cC", "cCsS", "cCsSiI", "", "C", "CS", "CSI", "cCsS", "cCsSiIf", "", "", "U", "Z"];
/** Bytes of a value; 0 for texts. Truth values have a byte each while a call runs. */
const SIZES: StaticArray<i32> = [1, 1, 2, 4, 8, 1, 2, 4, 8, 4, 8, 4, 8, 0, 0];

export function formatOf(type: Type): string {
  return FORMATS[type];
}

export function sizeOf(type: Type): usize {
  return SIZES[type];
}

/** The type of a column whose values are `T` in AssemblyScript. */
export function typeOf<T>(): Type {
  if (isBoolean<T>()) return Type.BOOL;
  if (isString<T>()) return Type.TEXT;
  if (isReference<T>()) return Type.BYTES;
  if (isFloat<T>()) return sizeof<T>() == 4 ? Type.F32 : Type.F64;
  if (isSigned<T>()) return sizeof<T>() == 1 ? Type.S8 : sizeof<T>() == 2 ? Type.S16 : sizeof<T>() == 4 ? Type.S32 : Type.S64;
  return sizeof<T>() == 1 ? Type.U8 : sizeof<T>() == 2 ? Type.U16 : sizeof<T>() == 4 ? Type.U32 : Type.U64;
}

/** Whether a column of `format` can be read as `type`. */
export function accepts(type: Type, format: string): bool {
  if (format == formatOf(type)) return true;
  if (type == Type.TIMESTAMP) return format.length >= 4 && format.startsWith("ts");
  return format.length == 1 && WIDER[type].includes(format);
}

/** What a module wants, for a message: `f64`, `f64?`. */
export function wants(type: Type, nullable: bool): string {
  return NAMES[type] + (nullable ? "?" : "");
}

/** A format as a job file has it. */
export function nameOf(format: string): string {
  if (format.startsWith("ts") && format.length >= 4) {
    const code = format.charAt(2);
    const unit = code == "s" ? "s" : code + "s";
    return "timestamp[" + unit + (format.length > 4 ? ", " + format.slice(4) : "") + "]";
  }
  for (let type = 0; type < FORMATS.length; type++) if (FORMATS[type] == format) return NAMES[type];
  if (format == "U") return "utf8";
  if (format == "Z") return "binary";
  if (format.startsWith("d:")) return "decimal(" + format.slice(2) + ")";
  return format == "+l" ? "list" : format == "+s" ? "struct" : format;
}
