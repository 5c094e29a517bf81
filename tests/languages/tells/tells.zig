//! The words that an endpoint makes of a line, one row for each; lines that it does not know, and empty ones, leave by outputs of their own; a `!` among the
//! words refuses the line as a whole.
const std = @import("std");
const pelton = @import("pelton");

const Options = struct { separator: []const u8 = "," };
const Line = struct { line: []const u8 };
const Word = struct { word: []const u8, place: i32 };
const Status = struct { status: i32 };
const Told = union(enum) { words: Word, unknown: Status, blanks };

fn ask(line: Line) ?pelton.Request {
    if (line.line.len == 0) return null;
    const request = pelton.post("words", "/{s}", .{"split"}, line.line);
    return request.query("as", "text/plain").query("all", "").header("x-of", "tells");
}

fn answer(line: Line, asked: ?pelton.Reply, out: pelton.Emit(Told), options: *const Options) pelton.Rejected!void {
    const reply = asked orelse {
        out.emit(.blanks);
        return out.emit(.blanks);
    };
    if (reply.status() == 404) return out.emit(.{ .unknown = .{ .status = 404 } });
    var words = std.mem.splitSequence(u8, try reply.text(), options.separator);
    var place: i32 = 0;
    while (words.next()) |word| : (place += 1) {
        if (std.mem.eql(u8, word, "!")) return pelton.reject("`{s}` is a shout", .{line.line});
        if (std.mem.eql(u8, word, "?")) {
            out.emit(.{ .unknown = .{ .status = reply.status() } });
        } else {
            out.emit(.{ .words = .{ .word = word, .place = place } });
        }
    }
}

pub const operator = pelton.enrich(ask, answer, .{
    .drop = &.{"line"},
    .ports = &.{
        .{ .name = "unknown", .passes = .{ .only = &.{"id"} }, .rename = &.{.{ .from = "id", .to = "row" }} },
        .{ .name = "blanks", .passes = .all },
    },
});
