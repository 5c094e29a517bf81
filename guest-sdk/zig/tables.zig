//! Lists and maps of state: the fields of a struct that a keyed function takes behind its rows.
//!
//! ```zig
//! const Tables = struct { recent: pelton.List(Play), songs: pelton.Map([]const u8, i64) };
//! ```
//!
//! Nothing of them comes with a call: reading costs what is read. What the call has changed, later reads of it see. Texts that are read live until
//! the call ends.

const runtime = @import("runtime.zig");
const rows_of = @import("rows.zig");
const Rows = rows_of.Rows;

/// Whether the fields of `T` are columns; else a row has it alone.
fn isRow(comptime T: type) bool {
    return switch (T) {
        rows_of.Bytes, rows_of.Date, rows_of.Timestamp => false,
        else => @typeInfo(T) == .@"struct",
    };
}

/// A row of values, and one of subkeys.
fn Value(comptime T: type) type {
    return if (isRow(T)) T else struct { value: T };
}

fn Subkey(comptime T: type) type {
    return if (isRow(T)) T else struct { key: T };
}

inline fn valueOf(comptime T: type, value: T) Value(T) {
    return if (comptime isRow(T)) value else .{ .value = value };
}

inline fn subkeyOf(comptime T: type, subkey: T) Subkey(T) {
    return if (comptime isRow(T)) subkey else .{ .key = subkey };
}

inline fn ofValue(comptime T: type, row: Value(T)) T {
    return if (comptime isRow(T)) row else row.value;
}

inline fn ofSubkey(comptime T: type, row: Subkey(T)) T {
    return if (comptime isRow(T)) row else row.key;
}

/// A list that the engine keeps for each key: appended to at its end, taken from at its front, read anywhere.
pub fn List(comptime T: type) type {
    return struct {
        table: *runtime.Table,

        const Self = @This();
        /// For the SDK.
        pub const subkey: ?*const runtime.Struct = null;
        pub const value: *const runtime.Struct = &Rows(Value(T)).as_struct;

        pub fn push(self: Self, element: T) void {
            const row = valueOf(T, element);
            runtime.pelton_list_push(self.table, &row);
        }

        pub fn first(self: Self) ?T {
            var row: Value(T) = undefined;
            return if (runtime.pelton_list_first(self.table, &row)) ofValue(T, row) else null;
        }

        pub fn last(self: Self) ?T {
            var row: Value(T) = undefined;
            return if (runtime.pelton_list_last(self.table, &row)) ofValue(T, row) else null;
        }

        /// The element at a position, from 0 for the first.
        pub fn at(self: Self, position: usize) ?T {
            var row: Value(T) = undefined;
            return if (runtime.pelton_list_at(self.table, position, &row)) ofValue(T, row) else null;
        }

        /// Takes the first element away.
        pub fn pop(self: Self) ?T {
            var row: Value(T) = undefined;
            return if (runtime.pelton_list_pop(self.table, &row)) ofValue(T, row) else null;
        }

        pub fn length(self: Self) usize {
            return runtime.pelton_list_length(self.table);
        }

        /// Takes elements away from the front until at most `count` are left.
        pub fn keepLast(self: Self, count: usize) void {
            runtime.pelton_list_keep_last(self.table, count);
        }

        pub fn clear(self: Self) void {
            self.keepLast(0);
        }

        /// Goes through the elements; it reads as far as it is taken: `while (elements.next()) |element|`.
        pub fn all(self: Self) Elements(T) {
            return self.range(0, @as(usize, 0) -% 1);
        }

        /// From the last one on.
        pub fn backward(self: Self) Elements(T) {
            return .{ .cursor = runtime.pelton_list_range(self.table, 0, @as(usize, 0) -% 1, true) };
        }

        /// From a position to before another.
        pub fn range(self: Self, from: usize, to: usize) Elements(T) {
            return .{ .cursor = runtime.pelton_list_range(self.table, from, to, false) };
        }
    };
}

pub fn Elements(comptime T: type) type {
    return struct {
        cursor: *runtime.Cursor,

        pub fn next(self: @This()) ?T {
            var row: Value(T) = undefined;
            return if (runtime.pelton_list_next(self.cursor, &row)) ofValue(T, row) else null;
        }
    };
}

/// A map that the engine keeps for each key: rows found by a subkey, and gone through in its order. Subkeys have no floats and no `?`.
pub fn Map(comptime K: type, comptime V: type) type {
    return struct {
        table: *runtime.Table,

        const Self = @This();
        /// For the SDK.
        pub const subkey: ?*const runtime.Struct = &Rows(Subkey(K)).as_struct;
        pub const value: *const runtime.Struct = &Rows(Value(V)).as_struct;

        pub fn get(self: Self, key: K) ?V {
            const row = subkeyOf(K, key);
            var found: Value(V) = undefined;
            return if (runtime.pelton_map_get(self.table, &row, &found)) ofValue(V, found) else null;
        }

        /// Puts a value in the place of the one that may be there, which is not read.
        pub fn put(self: Self, key: K, given: V) void {
            const row = subkeyOf(K, key);
            const made = valueOf(V, given);
            runtime.pelton_map_put(self.table, &row, &made);
        }

        /// Takes away what may be there, which is not read.
        pub fn remove(self: Self, key: K) void {
            const row = subkeyOf(K, key);
            runtime.pelton_map_remove(self.table, &row);
        }

        pub fn clear(self: Self) void {
            runtime.pelton_map_clear(self.table);
        }

        /// Goes through the rows in order of subkey; it reads as far as it is taken. What is changed meanwhile may be seen or not.
        pub fn all(self: Self) Entries(K, V) {
            return self.range(null, null);
        }

        pub fn backward(self: Self) Entries(K, V) {
            return self.rangeBackward(null, null);
        }

        /// From a subkey to before another; null is no bound.
        pub fn range(self: Self, from: ?K, to: ?K) Entries(K, V) {
            return self.between(from, to, false);
        }

        pub fn rangeBackward(self: Self, from: ?K, to: ?K) Entries(K, V) {
            return self.between(from, to, true);
        }

        fn between(self: Self, from: ?K, to: ?K, is_backward: bool) Entries(K, V) {
            var low: Subkey(K) = undefined;
            var high: Subkey(K) = undefined;
            if (from) |key| low = subkeyOf(K, key);
            if (to) |key| high = subkeyOf(K, key);
            const low_at: ?*const anyopaque = if (from != null) &low else null;
            const high_at: ?*const anyopaque = if (to != null) &high else null;
            return .{ .cursor = runtime.pelton_map_range(self.table, low_at, high_at, is_backward) };
        }
    };
}

pub fn Entries(comptime K: type, comptime V: type) type {
    return struct {
        cursor: *runtime.Cursor,

        pub const Entry = struct { key: K, value: V };

        pub fn next(self: @This()) ?Entry {
            var key: Subkey(K) = undefined;
            var value: Value(V) = undefined;
            if (!runtime.pelton_map_next(self.cursor, &key, &value)) return null;
            return .{ .key = ofSubkey(K, key), .value = ofValue(V, value) };
        }
    };
}

/// The lists and maps that the fields of a struct are; a field's name is the table's.
pub fn Stored(comptime Tables: type) type {
    const fields = @typeInfo(Tables).@"struct";
    return struct {
        pub const count = fields.field_names.len;

        var all: [count]runtime.Table = blk: {
            var list: [count]runtime.Table = undefined;
            for (&list, fields.field_names, fields.field_types) |*table, name, Field| {
                if (@typeInfo(Field) != .@"struct" or !@hasDecl(Field, "subkey")) {
                    @compileError("`" ++ name ++ "` is " ++ @typeName(Field) ++ ", and no pelton.List(…) or pelton.Map(…)");
                }
                table.* = .{ .name = name.ptr, .subkey = Field.subkey, .value = Field.value, .index = 0, .its = null };
            }
            break :blk list;
        };

        pub const pointers: [count]*runtime.Table = blk: {
            var list: [count]*runtime.Table = undefined;
            for (&list, 0..) |*pointer, at| pointer.* = &all[at];
            break :blk list;
        };

        /// For an author's function.
        pub inline fn tables() Tables {
            var given: Tables = undefined;
            inline for (fields.field_names, 0..) |name, at| @field(given, name) = .{ .table = &all[at] };
            return given;
        }
    };
}
