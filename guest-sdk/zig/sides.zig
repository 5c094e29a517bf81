//! Side tables: tables of the job, whole, that a transform looks up in. They are the fields of a struct that its function takes.
//!
//! The glue keeps the rows from one load to the next, and calls back for an index.

const std = @import("std");
const functions = @import("functions.zig");
const rows_of = @import("rows.zig");
const runtime = @import("runtime.zig");
const Rows = rows_of.Rows;

/// A table of rows. A null in a column whose field is no `?T` stops the job.
pub fn Table(comptime T: type) type {
    return struct {
        it: *runtime.SideTable,

        pub const Row = T;
        pub const index: ?*const fn (*runtime.SideTable) callconv(.c) void = null;

        /// All rows in the order of the table, as it is in this call.
        pub fn rows(self: @This()) []const T {
            return rowsOf(T, self.it);
        }
    };
}

/// A table that is looked up in by a column, which has no floats and no `?T`: `pelton.TableBy(Airline, .carrier)`.
pub fn TableBy(comptime T: type, comptime column: @EnumLiteral()) type {
    const name = @tagName(column);
    const Key = Rows(T).TypeOf(name);
    switch (@typeInfo(Key)) {
        .optional, .float => @compileError("`" ++ name ++ "` is " ++ @typeName(Key) ++ ": a table is looked up in by a column without floats and without ?"),
        else => {},
    }
    return struct {
        it: *runtime.SideTable,

        pub const Row = T;

        pub fn rows(self: @This()) []const T {
            return rowsOf(T, self.it);
        }

        /// The last row that has the value in the column.
        pub fn find(self: @This(), key: Key) ?*const T {
            const all = self.rows();
            var at = hash(key) & self.it.mask;
            while (self.it.slots.?[at] != 0) : (at = (at + 1) & self.it.mask) {
                const row = &all[self.it.slots.?[at] - 1];
                if (rows_of.isSame(Key, @field(row, name), key)) return row;
            }
            return null;
        }

        pub fn index(table: *runtime.SideTable) callconv(.c) void {
            const slots = table.slots.?;
            const all = held(T, table);
            for (all, 1..) |row, number| {
                const key = @field(row, name);
                var slot = hash(key) & table.mask;
                while (slots[slot] != 0 and !rows_of.isSame(Key, @field(all[slots[slot] - 1], name), key)) slot = (slot + 1) & table.mask;
                slots[slot] = @intCast(number);
            }
        }

        fn hash(key: Key) u32 {
            const bytes = if (Key == []const u8) key else if (Key == rows_of.Bytes) key.bytes else std.mem.asBytes(&key);
            return @truncate(runtime.pelton_hash(bytes.ptr, bytes.len));
        }
    };
}

fn rowsOf(comptime T: type, table: *const runtime.SideTable) []const T {
    runtime.pelton_side_check(table);
    return held(T, table);
}

fn held(comptime T: type, table: *const runtime.SideTable) []const T {
    const all: [*]const T = @ptrCast(@alignCast(table.rows.?));
    return all[0..table.count];
}

/// What a function takes as its parameter `place`, if that is a struct of tables; the options come behind it.
pub fn Taken(comptime function: anytype, comptime place: usize) type {
    const Given = functions.Parameter(function, place) orelse return None(place);
    if (@typeInfo(Given) != .@"struct") return None(place);
    const fields = @typeInfo(Given).@"struct";
    return struct {
        pub const options_at = place + 1;
        pub const listed: ?runtime.SideTables = .{ .list = &pointers, .count = all.len };

        var all: [fields.field_names.len]runtime.SideTable = blk: {
            var list: [fields.field_names.len]runtime.SideTable = undefined;
            for (&list, fields.field_names, fields.field_types) |*table, name, Field| {
                if (@typeInfo(Field) != .@"struct" or !@hasDecl(Field, "Row") or !@hasDecl(Field, "index")) {
                    @compileError("`" ++ name ++ "` is " ++ @typeName(Field) ++ ", and no pelton.Table(…) or pelton.TableBy(…)");
                }
                table.* = .{ .name = name.ptr, .row = Rows(Field.Row).as_struct, .index = Field.index };
            }
            break :blk list;
        };

        const pointers: [fields.field_names.len]*runtime.SideTable = blk: {
            var list: [fields.field_names.len]*runtime.SideTable = undefined;
            for (&list, 0..) |*pointer, place_of| pointer.* = &all[place_of];
            break :blk list;
        };

        /// The argument, to stand behind the others.
        pub inline fn argument() struct { Given } {
            var given: Given = undefined;
            inline for (fields.field_names, 0..) |name, place_of| @field(given, name) = .{ .it = &all[place_of] };
            return .{given};
        }
    };
}

fn None(comptime place: usize) type {
    return struct {
        pub const options_at = place;
        pub const listed: ?runtime.SideTables = null;

        pub inline fn argument() @TypeOf(.{}) {
            return .{};
        }
    };
}
