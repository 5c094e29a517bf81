//! A struct of an author's as columns: which ones its fields are, and how a row of it is read from them and written to them.
//!
//! Everything is told at compile time from the struct's fields, so that a loop over rows has no trace of it. The kinds of operators call it.

const std = @import("std");
const runtime = @import("runtime.zig");
const types = runtime.types;

/// Days since 1970.
pub const Date = extern struct { days: i32 };

/// Microseconds since 1970, UTC.
pub const Timestamp = extern struct {
    micros: i64,

    /// Later by so many seconds, or earlier.
    pub fn plusSeconds(self: Timestamp, seconds: i64) Timestamp {
        return .{ .micros = self.micros + seconds * std.time.us_per_s };
    }
};

/// A column of bytes that are no text.
pub const Bytes = struct { bytes: []const u8 };

/// The number of the type of a column whose values are `T`.
fn typeOf(comptime T: type) c_int {
    return switch (T) {
        bool => types.boolean,
        i8 => types.s8,
        i16 => types.s16,
        i32 => types.s32,
        i64 => types.s64,
        u8 => types.u8_,
        u16 => types.u16_,
        u32 => types.u32_,
        u64 => types.u64_,
        f32 => types.f32_,
        f64 => types.f64_,
        Date => types.date,
        Timestamp => types.timestamp,
        []const u8 => types.text,
        Bytes => types.bytes,
        else => switch (@typeInfo(T)) {
            .optional => |optional| if (isOptional(optional.child))
                @compileError("a column has no " ++ @typeName(T))
            else
                typeOf(optional.child) | types.nullable,
            else => @compileError("no column is " ++ @typeName(T) ++ ": take bool, i8 … i64, u8 … u64, f32, f64, []const u8, " ++
                "pelton.Date, pelton.Timestamp or pelton.Bytes, or ? before one of them"),
        },
    };
}

fn isOptional(comptime T: type) bool {
    return @typeInfo(T) == .optional;
}

fn isText(comptime T: type) bool {
    return typeOf(T) & ~@as(c_int, types.nullable) >= types.text;
}

inline fn get(comptime T: type, view: runtime.View, row: usize) T {
    if (comptime isOptional(T)) {
        if (view.valid) |valid| if (valid[row] == 0) return null;
        return get(@typeInfo(T).optional.child, view, row);
    }
    if (T == Bytes) return .{ .bytes = get([]const u8, view, row) };
    if (T == []const u8) {
        const offsets = view.offsets.?;
        const start: usize = @intCast(offsets[row]);
        return valuesOf(u8, view)[start..@intCast(offsets[row + 1])];
    }
    if (T == bool) return valuesOf(u8, view)[row] != 0;
    return valuesOf(T, view)[row];
}

/// All values of a column; without texts and truth values.
pub inline fn valuesOf(comptime T: type, view: runtime.View) [*]const T {
    return @ptrCast(@alignCast(view.values));
}

pub inline fn roomOf(comptime T: type, room: runtime.Room) [*]T {
    return @ptrCast(@alignCast(room.values));
}

inline fn put(comptime T: type, room: *runtime.Room, row: usize, value: T) void {
    if (comptime isOptional(T)) {
        room.valid.?[row] = @intFromBool(value != null);
        return put(@typeInfo(T).optional.child, room, row, value orelse zero(@typeInfo(T).optional.child));
    }
    if (T == Bytes) return put([]const u8, room, row, value.bytes);
    if (T == []const u8) {
        const offsets = room.offsets.?;
        const start: usize = @intCast(offsets[row]);
        if (room.capacity - start < value.len) runtime.pelton_room_for_text(room, start, value.len);
        if (value.len > 0) @memcpy(roomOf(u8, room.*)[start..][0..value.len], value);
        offsets[row + 1] = @intCast(start + value.len);
    } else if (T == bool) {
        roomOf(u8, room.*)[row] = @intFromBool(value);
    } else {
        roomOf(T, room.*)[row] = value;
    }
}

/// What stands for nothing: zero, no text, null.
fn zero(comptime T: type) T {
    if (comptime isOptional(T)) return null;
    return switch (T) {
        bool => false,
        Date => .{ .days = 0 },
        Timestamp => .{ .micros = 0 },
        []const u8 => "",
        Bytes => .{ .bytes = "" },
        else => 0,
    };
}

pub fn isSame(comptime T: type, left: T, right: T) bool {
    if (comptime isOptional(T)) {
        const a = left orelse return right == null;
        const b = right orelse return false;
        return isSame(@typeInfo(T).optional.child, a, b);
    }
    if (T == Bytes) return std.mem.eql(u8, left.bytes, right.bytes);
    if (T == []const u8) return std.mem.eql(u8, left, right);
    // By their bits: a NaN is the same as itself.
    return std.mem.eql(u8, std.mem.asBytes(&left), std.mem.asBytes(&right));
}

/// The columns that the fields of the struct `T` are. A field `@"user-id"` is the column `user-id`.
pub fn Rows(comptime T: type) type {
    const fields = switch (@typeInfo(T)) {
        .@"struct" => |info| info,
        else => @compileError("a row is a struct whose fields are columns, not " ++ @typeName(T)),
    };
    return struct {
        pub const count = fields.field_names.len;
        pub const Views = [count]runtime.View;
        pub const Rooms = [count]runtime.Room;
        /// Whether a value that nobody set may be written, and written over by the next: no text, and nothing that asks what it is.
        pub const is_plain = blk: {
            var plain = true;
            for (fields.field_types) |Field| plain = plain and !isText(Field) and !isOptional(Field);
            break :blk plain;
        };

        pub const columns: [count]runtime.Column = blk: {
            var list: [count]runtime.Column = undefined;
            for (&list, fields.field_names, fields.field_types) |*column, name, Field| {
                column.* = .{ .name = name.ptr, .type = typeOf(Field) };
            }
            break :blk list;
        };

        pub inline fn read(views: *const Views, row: usize) T {
            var value: T = undefined;
            inline for (fields.field_names, fields.field_types, 0..) |name, Field, at| {
                @field(value, name) = get(Field, views[at], row);
            }
            return value;
        }

        pub inline fn write(rooms: *Rooms, row: usize, value: T) void {
            inline for (fields.field_names, fields.field_types, 0..) |name, Field, at| {
                put(Field, &rooms[at], row, @field(value, name));
            }
        }

        /// That of no rows.
        pub fn nothing() T {
            var value: T = undefined;
            inline for (fields.field_names, fields.field_types) |name, Field| @field(value, name) = zero(Field);
            return value;
        }

        /// Where the column `name` stands, and of what type it is.
        pub fn indexOf(comptime name: []const u8) comptime_int {
            for (fields.field_names, 0..) |field, at| if (std.mem.eql(u8, field, name)) return at;
            @compileError(@typeName(T) ++ " has no column `" ++ name ++ "`");
        }

        pub fn TypeOf(comptime name: []const u8) type {
            return fields.field_types[indexOf(name)];
        }

        pub inline fn getAt(comptime name: []const u8, views: *const Views, row: usize) TypeOf(name) {
            return get(TypeOf(name), views[indexOf(name)], row);
        }

        pub inline fn putAt(comptime name: []const u8, rooms: *Rooms, row: usize, value: TypeOf(name)) void {
            put(TypeOf(name), &rooms[indexOf(name)], row, value);
        }

        fn load(views: [*]const runtime.View, rows: u32, to: *anyopaque) callconv(.c) void {
            if (count == 0) return;
            const values: [*]T = @ptrCast(@alignCast(to));
            for (0..rows) |row| values[row] = read(views[0..count], row);
        }

        fn store(from: *const anyopaque, rows: u32, rooms: [*]runtime.Room) callconv(.c) void {
            if (count == 0) return;
            const values: [*]const T = @ptrCast(@alignCast(from));
            for (0..rows) |row| write(rooms[0..count], row, values[row]);
        }

        fn same(left: *const anyopaque, right: *const anyopaque) callconv(.c) bool {
            if (count == 0) return true;
            const a: *const T = @ptrCast(@alignCast(left));
            const b: *const T = @ptrCast(@alignCast(right));
            inline for (fields.field_names, fields.field_types) |name, Field| {
                if (!isSame(Field, @field(a, name), @field(b, name))) return false;
            }
            return true;
        }

        /// For the glue.
        pub const as_struct: runtime.Struct =
            .{ .columns = &columns, .count = count, .size = @sizeOf(T), .load = load, .store = store, .same = same };
    };
}
