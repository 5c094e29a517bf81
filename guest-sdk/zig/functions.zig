//! What an author's function takes and answers with, told from its type; and how it is called.
//!
//! A function may take the options as its last parameter or leave them away; it may answer with an error that rejects a row. The kinds of
//! operators call it.

const std = @import("std");
const runtime = @import("runtime.zig");
const None = @import("options.zig").None;

/// The error of a row that is refused; `pelton.reject` makes it.
pub const Rejected = error{Rejected};

/// The type of the parameter at `at`, or null if there is none.
pub fn Parameter(comptime function: anytype, comptime at: usize) ?type {
    const parameters = @typeInfo(@TypeOf(function)).@"fn".param_types;
    if (at >= parameters.len) return null;
    return parameters[at] orelse @compileError("the parameters of an operator's function have types of their own, not anytype");
}

/// The options that a function takes behind `before` parameters.
pub fn OptionsOf(comptime function: anytype, comptime before: usize) type {
    const Last = Parameter(function, before) orelse return None;
    return switch (@typeInfo(Last)) {
        .pointer => |pointer| pointer.child,
        else => @compileError("the last parameter of the function is `*const Options`, not " ++ @typeName(Last)),
    };
}

/// What a function answers with, without its errors.
pub fn Answer(comptime function: anytype) type {
    const Return = @typeInfo(@TypeOf(function)).@"fn".return_type.?;
    return switch (@typeInfo(Return)) {
        .error_union => |result| result.payload,
        else => Return,
    };
}

/// Calls with `arguments`, and the options where the function takes them.
pub inline fn call(comptime function: anytype, arguments: anytype, options: anytype) @typeInfo(@TypeOf(function)).@"fn".return_type.? {
    if (comptime Parameter(function, arguments.len) == null) return @call(.always_inline, function, arguments);
    return @call(.always_inline, function, arguments ++ .{options});
}

/// The answer, or null if the row was rejected.
pub inline fn answered(comptime function: anytype, result: anytype, row: u32) ?Answer(function) {
    if (comptime @typeInfo(@TypeOf(result)) != .error_union) return result;
    return result catch |failed| {
        refuse(failed, row);
        return null;
    };
}

/// Rejects the row that the function looked at. An error of another name is a mistake of the module's.
pub fn refuse(failed: anyerror, row: u32) void {
    @branchHint(.unlikely);
    check(failed);
    runtime.pelton_rejected(row);
}

/// Panics if it is not that of `pelton.reject`.
pub fn check(failed: anyerror) void {
    if (failed != error.Rejected) std.debug.panic("the function failed with error.{s}: pelton.reject refuses a row", .{@errorName(failed)});
}
