//! A struct of an author's as the options of a job file: a field without a default must be given.
//!
//! The glue reads the JSON into a cell for each field; the struct is made of the cells when a call begins.

const std = @import("std");
const runtime = @import("runtime.zig");

/// The options of an operator that has none.
pub const None = struct {};

const Text = extern struct { data: [*]const u8, size: usize };
const Cell = extern union { boolean: bool, s64: i64, f64: f64, text: Text };

fn typeOf(comptime T: type) c_int {
    return switch (T) {
        bool => runtime.types.boolean,
        i64 => runtime.types.s64,
        f64 => runtime.types.f64_,
        []const u8 => runtime.types.text,
        else => @compileError("no option is " ++ @typeName(T) ++ ": take bool, i64, f64 or []const u8"),
    };
}

fn toCell(comptime T: type, value: T) Cell {
    return switch (T) {
        bool => .{ .boolean = value },
        i64 => .{ .s64 = value },
        f64 => .{ .f64 = value },
        else => .{ .text = .{ .data = value.ptr, .size = value.len } },
    };
}

fn fromCell(comptime T: type, cell: Cell) T {
    return switch (T) {
        bool => cell.boolean,
        i64 => cell.s64,
        f64 => cell.f64,
        else => cell.text.data[0..cell.text.size],
    };
}

pub fn Options(comptime T: type) type {
    const fields = switch (@typeInfo(T)) {
        .@"struct" => |info| info,
        else => @compileError("options are a struct, not " ++ @typeName(T)),
    };
    return struct {
        pub const count = fields.field_names.len;
        /// Never nothing, for the glue allocates it.
        pub const size = if (count == 0) @sizeOf(Cell) else count * @sizeOf(Cell);

        pub const list: [count]runtime.Option = blk: {
            var options: [count]runtime.Option = undefined;
            for (&options, 0..) |*option, at| {
                option.* = .{
                    .name = fields.field_names[at].ptr,
                    .type = typeOf(fields.field_types[at]),
                    .needed = fields.field_attrs[at].default_value_ptr == null,
                    .offset = at * @sizeOf(Cell),
                };
            }
            break :blk options;
        };

        pub fn defaults(at: *anyopaque) callconv(.c) void {
            const cells: [*]Cell = @ptrCast(@alignCast(at));
            inline for (fields.field_types, fields.field_attrs, 0..) |Field, attributes, index| {
                if (comptime attributes.defaultValue(Field)) |value| cells[index] = toCell(Field, value);
            }
        }

        pub fn read(at: *const anyopaque) T {
            const cells: [*]const Cell = @ptrCast(@alignCast(at));
            var options: T = undefined;
            inline for (fields.field_names, fields.field_types, 0..) |name, Field, index| {
                @field(options, name) = fromCell(Field, cells[index]);
            }
            return options;
        }
    };
}
