//! The words of a line, its numbers and empty lines, each by an output of its own; a line with `!` is refused as a whole.
const std = @import("std");
const pelton = @import("pelton");

const Line = struct { line: []const u8 };
const Number = struct { n: i64 };
const Word = struct { word: []const u8, place: i32 };
const Token = union(enum) { numbers: Number, words: Word, blanks };

fn route(line: Line, out: pelton.Emit(Token)) pelton.Rejected!void {
    if (line.line.len == 0) out.emit(.blanks);
    var tokens = std.mem.tokenizeScalar(u8, line.line, ' ');
    var place: i32 = 0;
    while (tokens.next()) |token| : (place += 1) {
        if (std.mem.eql(u8, token, "!")) return pelton.reject("`{s}` is a shout", .{line.line});
        if (std.fmt.parseInt(i64, token, 10)) |n| {
            out.emit(.{ .numbers = .{ .n = n } });
        } else |_| {
            out.emit(.{ .words = .{ .word = token, .place = place } });
        }
    }
}

pub const operator = pelton.flatMap(route, .{
    .drop = &.{"line"},
    .ports = &.{
        .{ .name = "words", .passes = .{ .only = &.{"id"} }, .rename = &.{.{ .from = "id", .to = "row" }} },
        .{ .name = "blanks", .passes = .all },
    },
});
