//! Each row of a key on the left with each on the right: sides without rows, nulls, and rows of both sides that are refused.

const std = @import("std");
const pelton = @import("pelton");

const Options = struct { most: i64 = 100 };
const User = struct { user: []const u8 };
const Number = struct { n: ?i64 };
const Word = struct { word: []const u8, x: ?f64 };
const Told = struct { n: i64, word: []const u8, x: ?f64 };

fn pairs(pair: pelton.Pair(Told), user: User, numbers: []const Number, words: []const Word, options: *const Options) void {
    for (words, 0..) |word, row| if (isBad(word)) pair.rejectRight(row, "{s} is bad", .{user.user});
    var sum: i64 = 0;
    var made: i64 = 0;
    for (numbers, 0..) |number, row| {
        const n = number.n orelse {
            pair.rejectLeft(row, "{s} has no number", .{user.user});
            continue;
        };
        sum += n;
        for (words) |word| {
            if (isBad(word) or made == options.most) continue;
            pair.emit(.{ .n = n, .word = word.word, .x = word.x });
            made += 1;
        }
    }
    if (words.len > 0 and numbers.len > 0) return;
    pair.emit(.{ .n = sum, .word = if (words.len == 0) "left alone" else "right alone", .x = null });
}

fn isBad(word: Word) bool {
    return std.mem.eql(u8, word.word, "bad");
}

pub const operator = pelton.cogroup(pairs, .{});
