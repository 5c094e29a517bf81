//! Stays of users: rows made from rows by one output, rows made by timers by another, and a third that nothing is computed for.
const std = @import("std");
const pelton = @import("pelton");

const User = struct { user: []const u8 };
const Click = struct { at: pelton.Timestamp, page: []const u8 };
const Stay = struct { clicks: i64 };
const Begun = struct { page: []const u8 };
const Event = union(enum) { ended: Stay, begun: Begun, again };

const end = 1;

fn stays(call: pelton.Call(Event), user: User, stay: *?Stay, clicks: []const Click) void {
    for (clicks, 0..) |click, row| {
        if (std.mem.eql(u8, click.page, "bad")) {
            call.reject(row, "{s} was on a bad page", .{user.user});
            continue;
        }
        call.emitFrom(row, if (stay.* == null) .{ .begun = .{ .page = click.page } } else .again);
        stay.* = .{ .clicks = (if (stay.*) |before| before.clicks else 0) + 1 };
        call.setTimer(end, click.at.plusSeconds(60));
    }
    while (call.due()) |_| {
        if (stay.*) |ended| call.emit(.{ .ended = ended });
        stay.* = null;
    }
}

pub const operator = pelton.keyed(stays, .{ .ports = &.{
    .{ .name = "begun", .passes = .{ .only = &.{ "user", "at" } }, .rename = &.{.{ .from = "at", .to = "since" }} },
    .{ .name = "again", .passes = .all },
} });
