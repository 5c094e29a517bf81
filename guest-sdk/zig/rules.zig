//! Which columns of the input leave an operator besides those that it makes, as an author says it.

const runtime = @import("runtime.zig");

/// The second argument of an operator: `.{}` is what its kind does by itself. Transforms pass all columns, keyed operators those of
/// the key.
pub const Rules = struct {
    passes: ?Passes = null,
    /// Columns that do not leave.
    drop: []const [:0]const u8 = &.{},
    /// Columns that leave under another name.
    rename: []const Renamed = &.{},
    /// The column that is the output's event time.
    event_time: ?[:0]const u8 = null,
    /// An aggregate's `merge` needs to know which side is earlier.
    ordered: bool = false,
    /// Rules of one of several outputs besides the main one, in the place of those for all.
    ports: []const PortRules = &.{},
};

pub const PortRules = struct {
    name: [:0]const u8,
    passes: ?Passes = null,
    drop: []const [:0]const u8 = &.{},
    rename: []const Renamed = &.{},
    event_time: ?[:0]const u8 = null,
};

pub const Passes = union(enum) { all, none, only: []const [:0]const u8 };

pub const Renamed = struct { from: [:0]const u8, to: [:0]const u8 };

/// As the glue has them.
pub fn listed(comptime rules: Rules) []const runtime.Rule {
    comptime {
        // A list is never empty.
        var list: []const runtime.Rule = &.{.{ .kind = .none }};
        if (rules.passes) |passes| switch (passes) {
            .all => list = list ++ .{runtime.Rule{ .kind = .pass_all }},
            .none => list = list ++ .{runtime.Rule{ .kind = .pass_none }},
            .only => |columns| for (columns) |column| {
                list = list ++ .{runtime.Rule{ .kind = .pass, .column = column.ptr }};
            },
        };
        for (rules.drop) |column| list = list ++ .{runtime.Rule{ .kind = .drop, .column = column.ptr }};
        for (rules.rename) |renamed| {
            list = list ++ .{runtime.Rule{ .kind = .rename, .column = renamed.from.ptr, .name = renamed.to.ptr }};
        }
        if (rules.event_time) |column| list = list ++ .{runtime.Rule{ .kind = .time, .column = column.ptr }};
        if (rules.ordered) list = list ++ .{runtime.Rule{ .kind = .ordered }};
        return list;
    }
}
