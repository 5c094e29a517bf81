//! What an endpoint knows of words: asked by a path, or by a body; what it does not know is left out.
const std = @import("std");
const pelton = @import("pelton");

const Options = struct { least: i64 };
const Asked = struct { what: ?[]const u8, n: i64 };
const Known = struct { status: i32, answer: ?[]const u8, of: ?[]const u8 };

fn ask(row: Asked, options: *const Options) ?pelton.Request {
    const what = row.what orelse return null;
    if (row.n < options.least) return null;
    if (std.mem.startsWith(u8, what, "count ")) {
        return pelton.post("words", "/count", .{}, what["count ".len..]).header("accept", "text/plain");
    }
    return pelton.get("words", "/words/{s}", .{pelton.encode(what)}).query("n", pelton.print("{d}", .{row.n}));
}

fn answer(_: Asked, asked: ?pelton.Reply, _: *const Options) pelton.Rejected!?Known {
    const reply = asked orelse return .{ .status = 0, .answer = null, .of = null };
    if (reply.failure() != null) return pelton.reject("nobody answers", .{});
    return switch (reply.status()) {
        202 => reply.again("not ready yet", .{}),
        404 => null,
        else => .{ .status = reply.status(), .answer = try reply.text(), .of = reply.header("X-Of") },
    };
}

pub const operator = pelton.enrich(ask, answer, .{});
