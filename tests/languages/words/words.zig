//! Words of a line with their places; drops the line.

const std = @import("std");
const pelton = @import("pelton");

const Line = struct { line: []const u8 };
const Word = struct { word: []const u8, place: i32 };

fn words(line: Line, out: pelton.Emit(Word)) pelton.Rejected!void {
    var parts = std.mem.tokenizeScalar(u8, line.line, ' ');
    var place: i32 = 0;
    while (parts.next()) |word| : (place += 1) out.emit(.{ .word = word, .place = place });
    if (std.mem.endsWith(u8, line.line, "?")) return pelton.reject("`{s}` is a question", .{line.line});
}

pub const operator = pelton.flatMap(words, .{ .drop = &.{"line"} });
