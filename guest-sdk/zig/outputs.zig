//! Several outputs: a `union(enum)` whose fields are the outputs, the first of which is the main one.
//!
//! A field's name is the output's, its type the struct of the rows that leave there; a field without a type makes no columns. What is no union
//! is the rows of the one output. The kinds of operators call it.

const std = @import("std");
const runtime = @import("runtime.zig");
const listed = @import("rules.zig").listed;
const Rows = @import("rows.zig").Rows;
const Rules = @import("rules.zig").Rules;

pub fn areSeveral(comptime Made: type) bool {
    return @typeInfo(Made) == .@"union";
}

fn RowOf(comptime Field: type) type {
    return if (Field == void) struct {} else Field;
}

/// Puts a row to the output that it is for. `out` is the main one.
pub inline fn put(comptime Made: type, out: *runtime.Out, made: Made) void {
    if (comptime !areSeveral(Made)) return push(Made, out, made);
    switch (made) {
        inline else => |row, tag| {
            const place = comptime Outputs(Made).placeOf(@tagName(tag));
            const to = if (place == 0) out else runtime.pelton_port_out(place - 1, out.row);
            if (@TypeOf(row) == void) push(struct {}, to, .{}) else push(@TypeOf(row), to, row);
        },
    }
}

inline fn push(comptime Row: type, out: *runtime.Out, row: Row) void {
    if (out.rows == out.capacity) runtime.pelton_out_grow(out);
    Rows(Row).write(out.rooms[0..Rows(Row).count], out.rows, row);
    out.origin[out.rows] = out.row;
    out.rows += 1;
}

/// The outputs of an operator that makes `Made`.
pub fn Outputs(comptime Made: type) type {
    if (!areSeveral(Made)) return struct {
        pub const Main = Made;
        pub const others = 0;

        pub fn ports(comptime rules: Rules) [0]runtime.Port {
            if (rules.ports.len > 0) @compileError("`.ports` are rules of several outputs, and " ++ @typeName(Made) ++ " is no union(enum)");
            return .{};
        }
    };
    const fields = @typeInfo(Made).@"union";
    if (fields.tag_type == null) @compileError("outputs are a union(enum), and " ++ @typeName(Made) ++ " has no tag");
    return struct {
        pub const Main = RowOf(fields.field_types[0]);
        pub const others = fields.field_names.len - 1;

        fn placeOf(comptime name: []const u8) comptime_int {
            for (fields.field_names, 0..) |field, at| if (std.mem.eql(u8, field, name)) return at;
            @compileError(@typeName(Made) ++ " has no output `" ++ name ++ "`, of which `.ports` speaks");
        }

        /// All but the main one, for the glue.
        pub fn ports(comptime rules: Rules) [others]runtime.Port {
            comptime {
                for (rules.ports) |port| if (placeOf(port.name) == 0) {
                    @compileError("`" ++ port.name ++ "` is the main output: its rules stand outside of `.ports`");
                };
                var list: [others]runtime.Port = undefined;
                for (&list, fields.field_names[1..], fields.field_types[1..]) |*port, name, Field| {
                    const its = listed(rulesOf(rules, name));
                    port.* = .{
                        .name = name.ptr,
                        .makes = &Rows(RowOf(Field)).columns,
                        .makes_count = Rows(RowOf(Field)).count,
                        .rules = its.ptr,
                        .rules_count = its.len,
                    };
                }
                return list;
            }
        }

        fn rulesOf(comptime rules: Rules, comptime name: []const u8) Rules {
            for (rules.ports) |port| if (std.mem.eql(u8, port.name, name)) {
                return .{ .passes = port.passes, .drop = port.drop, .rename = port.rename, .event_time = port.event_time };
            };
            return .{};
        }
    };
}
