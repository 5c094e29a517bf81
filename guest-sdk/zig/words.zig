//! Memory that lives until the call ends, and texts in it.

const std = @import("std");
const runtime = @import("runtime.zig");

/// Memory that lives until the call ends; nothing need be freed. A module that wants more than its limit is stopped.
pub const allocator: std.mem.Allocator = .{ .ptr = undefined, .vtable = &.{
    .alloc = alloc,
    .resize = std.mem.Allocator.noResize,
    .remap = std.mem.Allocator.noRemap,
    .free = std.mem.Allocator.noFree,
} };

fn alloc(_: *anyopaque, size: usize, alignment: std.mem.Alignment, _: usize) ?[*]u8 {
    // The arena's is 16 bytes.
    if (alignment.toByteUnits() > 16) return null;
    return runtime.pelton_alloc(size);
}

/// A text that lives until the call ends.
pub fn print(comptime format: []const u8, arguments: anytype) []const u8 {
    const size = std.fmt.count(format, arguments);
    const room = runtime.pelton_alloc(@intCast(size))[0..@intCast(size)];
    return std.mem.print(room, format, arguments) catch unreachable;
}
