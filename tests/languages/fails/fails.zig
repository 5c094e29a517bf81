//! Logs, and then fails: the log has the line, and the trap the place.

const std = @import("std");
const pelton = @import("pelton");

const Row = struct { n: i64 };
const None = struct {};

fn fails(_: pelton.Call(None), _: None, state: *?Row, rows: []const Row) void {
    std.log.info("said before", .{});
    for (rows) |row| {
        state.* = .{ .n = @divTrunc(row.n, row.n - 2) }; // HERE
    }
}

pub const operator = pelton.keyed(fails, .{});
