package pelton.guest.processor;

import javax.lang.model.element.Element;
import javax.lang.model.type.TypeKind;
import javax.lang.model.type.TypeMirror;

/** A component of a record, or a single value, as a column: its type there, and how it is read and written. */
record Field(String name, String column, String word, boolean isNullable, boolean isBoxed, String fallback) {
    /** Throws {@link Mistake}. */
    static Field of(String name, TypeMirror type, Element element) {
        String column = Annotated.text(element, "pelton.guest.Column", name);
        String fallback = Annotated.text(element, "pelton.guest.Default", null);
        String java = plain(type);
        boolean isBoxed = type.getKind() == TypeKind.DECLARED && !java.equals("String");
        boolean isNullable = isBoxed || Annotated.isNamed(element, type, "Nullable");
        String word = word(java, element, type);
        if (type.getKind().isPrimitive() && isNullable) {
            throw new Mistake("`" + name + "` is never null: make it a `" + boxed(java) + "`", element);
        }
        if (fallback != null) check(fallback, java, element);
        return new Field(name, column, word, isNullable, isBoxed, fallback);
    }

    /** A whole column of a batch; null if the type is none. */
    static Field whole(String name, TypeMirror type, Element element) {
        boolean isUnsigned = Annotated.isNamed(element, type, "Unsigned");
        String word = switch (Annotated.qualified(type)) {
            case "pelton.guest.BooleanColumn" -> "bool";
            case "pelton.guest.IntColumn" -> Annotated.isNamed(element, type, "Date") ? "date" : isUnsigned ? "u32" : "s32";
            case "pelton.guest.LongColumn" -> Annotated.isNamed(element, type, "Timestamp") ? "timestamp" : isUnsigned ? "u64" : "s64";
            case "pelton.guest.FloatColumn" -> "f32";
            case "pelton.guest.DoubleColumn" -> "f64";
            case "pelton.guest.TextColumn" -> "utf8";
            case "pelton.guest.BytesColumn" -> "binary";
            default -> null;
        };
        if (word == null) return null;
        return new Field(name, Annotated.text(element, "pelton.guest.Column", name), word, Annotated.isNamed(element, type, "Nullable"), false, null);
    }

    /** An expression of the whole column at a place. */
    String column(int at) {
        return switch (word) {
            case "bool" -> "bool(" + at + ")";
            case "s32", "u32", "date" -> "i32(" + at + ")";
            case "f32" -> "f32(" + at + ")";
            case "f64" -> "f64(" + at + ")";
            case "utf8" -> "text(" + at + ")";
            case "binary" -> "bytes(" + at + ")";
            default -> "i64(" + at + ")";
        };
    }

    /** The type's simple name, of a boxed number that of the number. */
    static String plain(TypeMirror type) {
        if (type.getKind().isPrimitive()) return type.getKind().name().toLowerCase();
        if (type.getKind() == TypeKind.ARRAY) return "byte[]";
        return switch (Annotated.qualified(type)) {
            case "java.lang.Boolean" -> "boolean";
            case "java.lang.Byte" -> "byte";
            case "java.lang.Short" -> "short";
            case "java.lang.Integer" -> "int";
            case "java.lang.Long" -> "long";
            case "java.lang.Float" -> "float";
            case "java.lang.Double" -> "double";
            case "java.lang.String" -> "String";
            default -> Annotated.qualified(type);
        };
    }

    static String boxed(String java) {
        return switch (java) {
            case "int" -> "Integer";
            case "String", "byte[]" -> java;
            default -> Character.toUpperCase(java.charAt(0)) + java.substring(1);
        };
    }

    private static String word(String java, Element element, TypeMirror type) {
        boolean isTimestamp = Annotated.isNamed(element, type, "Timestamp");
        boolean isDate = Annotated.isNamed(element, type, "Date");
        boolean isUnsigned = Annotated.isNamed(element, type, "Unsigned");
        if (isTimestamp && !java.equals("long")) throw new Mistake("`@Timestamp` is for a `long`, of microseconds", element);
        if (isDate && !java.equals("int")) throw new Mistake("`@Date` is for an `int`, of days", element);
        String sign = isUnsigned ? "u" : "s";
        return switch (java) {
            case "boolean" -> "bool";
            case "byte" -> sign + "8";
            case "short" -> sign + "16";
            case "int" -> isDate ? "date" : sign + "32";
            case "long" -> isTimestamp ? "timestamp" : sign + "64";
            case "float" -> "f32";
            case "double" -> "f64";
            case "String" -> "utf8";
            case "byte[]" -> "binary";
            default -> throw new Mistake("`" + java + "` is no type of a column: it may be a number, `boolean`, `String` or `byte[]`", element);
        };
    }

    private static void check(String fallback, String java, Element element) {
        try {
            switch (java) {
                case "boolean" -> {
                    if (!fallback.equals("true") && !fallback.equals("false")) throw new NumberFormatException();
                }
                case "float", "double" -> Double.parseDouble(fallback);
                case "byte", "short", "int", "long" -> Long.parseLong(fallback);
                default -> { }
            }
        } catch (NumberFormatException not) {
            throw new Mistake("the default `" + fallback + "` is no `" + java + "`", element);
        }
    }

    /** An expression of the value at a place of {@code in}. */
    String read(int at) {
        String value = switch (word) {
            case "bool" -> "in.bool(" + at + ")";
            case "s8", "u8" -> "(byte) in.i32(" + at + ")";
            case "s16", "u16" -> "(short) in.i32(" + at + ")";
            case "s32", "u32", "date" -> "in.i32(" + at + ")";
            case "f32" -> "in.f32(" + at + ")";
            case "f64" -> "in.f64(" + at + ")";
            case "utf8" -> "in.text(" + at + ")";
            case "binary" -> "in.bytes(" + at + ")";
            default -> "in.i64(" + at + ")";
        };
        if (!isNullable) return value;
        String cast = isBoxed ? "(" + boxedType() + ") " + (value.startsWith("(") ? "(" + value + ")" : value) : value;
        return "in.isNull(" + at + ") ? null : " + cast;
    }

    /** A statement that writes {@code value} to a place of {@code out}. */
    String write(int at, String value) {
        String said = switch (word) {
            case "bool" -> "bool(" + at + ", " + value + ")";
            case "u8" -> "i32(" + at + ", " + value + " & 0xff)";
            case "u16" -> "i32(" + at + ", " + value + " & 0xffff)";
            case "s8", "s16", "s32", "date" -> "i32(" + at + ", " + value + ")";
            case "u32" -> "u32(" + at + ", " + value + ")";
            case "u64" -> "u64(" + at + ", " + value + ")";
            case "f32" -> "f32(" + at + ", " + value + ")";
            case "f64" -> "f64(" + at + ", " + value + ")";
            case "utf8" -> "text(" + at + ", " + value + ")";
            case "binary" -> "bytes(" + at + ", " + value + ")";
            default -> "i64(" + at + ", " + value + ")";
        };
        String write = "out." + said + ";";
        return isNullable ? "if (" + value + " == null) out.nothing(" + at + "); else " + write : write;
    }

    private String boxedType() {
        return boxed(switch (word) {
            case "bool" -> "boolean";
            case "s8", "u8" -> "byte";
            case "s16", "u16" -> "short";
            case "s32", "u32", "date" -> "int";
            case "f32" -> "float";
            case "f64" -> "double";
            case "utf8" -> "String";
            case "binary" -> "byte[]";
            default -> "long";
        });
    }

    String json() {
        String rest = fallback == null ? "" : ",\"fallback\":" + Json.text(fallback);
        return "{\"field\":" + Json.text(name) + ",\"column\":" + Json.text(column) + ",\"type\":\"" + word + "\",\"nullable\":" + isNullable + rest + "}";
    }
}
