//! Visits of users: rows made from rows and by timers, rows refused, timers moved and cleared, state with text and nulls.

const std = @import("std");
const pelton = @import("pelton");

const Options = struct { gap: i64 = 30 };
const User = struct { user: []const u8 };
const Click = struct { at: pelton.Timestamp, page: ?[]const u8 };
const Visit = struct { clicks: i64, last: ?[]const u8 };
const Event = struct { event: []const u8, clicks: i64, page: ?[]const u8 };

const end = 7;

fn visits(call: pelton.Call(Event), key: User, visit: *?Visit, clicks: []const Click, options: *const Options) void {
    for (clicks, 0..) |click, row| {
        if (is(click.page, "bad")) {
            call.reject(row, "{s} was on a bad page", .{key.user});
            continue;
        }
        if (visit.* == null) call.emitFrom(row, .{ .event = "begin", .clicks = 1, .page = click.page });
        const number = if (visit.*) |open| open.clicks + 1 else 1;
        visit.* = .{ .clicks = number, .last = click.page };
        call.setTimer(end, click.at.plusSeconds(options.gap));
        if (is(click.page, "exit")) {
            call.emitFrom(row, .{ .event = "exit", .clicks = number, .page = null });
            visit.* = null;
            call.clearTimer(end);
        }
    }
    while (call.due()) |_| {
        if (visit.*) |open| call.emit(.{ .event = "end", .clicks = open.clicks, .page = open.last });
        visit.* = null;
    }
}

fn is(page: ?[]const u8, name: []const u8) bool {
    return std.mem.eql(u8, page orelse return false, name);
}

pub const operator = pelton.keyed(visits, .{});
