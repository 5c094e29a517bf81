//! Cogroups: an author's function of one key and its rows on two inputs, the general join.

const functions = @import("functions.zig");
const operators = @import("operators.zig");
const outputs = @import("outputs.zig");
const runtime = @import("runtime.zig");
const words = @import("words.zig");
const Options = @import("options.zig").Options;
const Rows = @import("rows.zig").Rows;
const Rules = @import("rules.zig").Rules;

/// One key: what its function may do. Rows are those of the key on a side, from 0.
pub fn Pair(comptime Made: type) type {
    return struct {
        it: *runtime.Pair,

        const Self = @This();
        pub const Row = Made;

        /// A row of the key.
        pub fn emit(self: Self, made: Made) void {
            outputs.put(Made, runtime.pelton_of_key(self.it), made);
        }

        /// Refuses the row on the left, which goes to `operator.left-rejected`. The first reason counts.
        pub fn rejectLeft(self: Self, row: usize, comptime format: []const u8, arguments: anytype) void {
            const reason = words.print(format, arguments);
            runtime.pelton_reject_left_text(self.it, @intCast(row), reason.ptr, reason.len);
        }

        /// Refuses the row on the right, which goes to `operator.right-rejected`.
        pub fn rejectRight(self: Self, row: usize, comptime format: []const u8, arguments: anytype) void {
            const reason = words.print(format, arguments);
            runtime.pelton_reject_right_text(self.it, @intCast(row), reason.ptr, reason.len);
        }

        /// Makes `pelton.rowNumber` and `pelton.random` speak of this row; before, they speak of the key's first.
        pub fn atLeft(self: Self, row: usize) void {
            runtime.pelton_at_left(self.it, @intCast(row));
        }

        pub fn atRight(self: Self, row: usize) void {
            runtime.pelton_at_right(self.it, @intCast(row));
        }
    };
}

/// `fn (pair: pelton.Pair(Out), key: Key, left: []const Left, right: []const Right, options: *const Options) void`, called for each key that
/// has rows on either side. `struct {}` is a key of which nothing is read.
pub fn cogroup(comptime function: anytype, comptime rules: Rules) type {
    const Pairs = functions.Parameter(function, 0) orelse @compileError("the function takes no pelton.Pair(…)");
    const Key = functions.Parameter(function, 1) orelse @compileError("the function takes no key");
    const Left = RowOf(functions.Parameter(function, 2) orelse @compileError("the function takes no rows of the left"));
    const Right = RowOf(functions.Parameter(function, 3) orelse @compileError("the function takes no rows of the right"));
    const Given = functions.OptionsOf(function, 4);
    const One = struct {
        fn call(
            it: *runtime.Pair,
            key_at: *const anyopaque,
            left_at: *const anyopaque,
            right_at: *const anyopaque,
            given: *const anyopaque,
        ) callconv(.c) void {
            const key: *const Key = @ptrCast(@alignCast(key_at));
            const left: [*]const Left = @ptrCast(@alignCast(left_at));
            const right: [*]const Right = @ptrCast(@alignCast(right_at));
            const options = Options(Given).read(given);
            functions.call(function, .{ Pairs{ .it = it }, key.*, left[0..it.left], right[0..it.right] }, &options);
        }
    };
    const its: runtime.Joined =
        .{ .key = Rows(Key).as_struct, .left = Rows(Left).as_struct, .right = Rows(Right).as_struct, .call = One.call };
    return operators.Operator(.cogroup, Left, Pairs.Row, Given, rules, .{ .joined = its });
}

fn RowOf(comptime Slice: type) type {
    return switch (@typeInfo(Slice)) {
        .pointer => |pointer| pointer.child,
        else => @compileError("the third and the fourth parameter are the key's rows, `[]const Left`, not " ++ @typeName(Slice)),
    };
}
