//! Sums by key in whole euros and cents beside them: version 2 of what keeps cents in tests/guests/versions.
const std = @import("std");
const pelton = @import("pelton");

const Key = struct {};
const Read = struct { n: i64 };
const Made = struct { n: i64, cents: i64, last: i64, version: i64 };
const InCents = struct { cents: i64 };
const Sum = struct { euro: i64, cents: []const u8, rows: i64 };
const Kept = struct { last: pelton.List(i64) };

fn sumOf(cents: i64, rows: i64) Sum {
    return .{ .euro = @divFloor(cents, 100), .cents = pelton.print("{d}", .{@mod(cents, 100)}), .rows = rows };
}

fn fromCents(older: InCents) pelton.Rejected!?Sum {
    if (older.cents == 404404) return pelton.reject("nobody pays so much", .{});
    if (older.cents == 0) return null;
    return sumOf(older.cents, 0);
}

fn sums(call: pelton.Call(Made), _: Key, state: *?Sum, rows: []const Read, kept: Kept) void {
    for (rows, 0..) |row, i| {
        const before: Sum = state.* orelse .{ .euro = 0, .cents = "0", .rows = 0 };
        const rest = std.fmt.parseInt(i64, before.cents, 10) catch unreachable;
        const cents = before.euro * 100 + rest + row.n;
        state.* = sumOf(cents, before.rows + 1);
        kept.last.push(row.n);
        kept.last.keepLast(3);
        var last: i64 = 0;
        const all = kept.last.all();
        while (all.next()) |number| last += number;
        call.emitFrom(i, .{ .n = row.n, .cents = cents, .last = last, .version = 2 });
    }
}

pub const operator = pelton.keyedFrom(sums, .{fromCents}, .{});
