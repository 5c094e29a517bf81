//! Sums, means and the first word of each group: nulls, text and numbers that are kept; groups that are dropped and refused.

const std = @import("std");
const pelton = @import("pelton");

const Options = struct { scale: i64 = 1 };
const Row = struct { n: ?i64, x: f64, word: ?[]const u8 };
const Result = struct { sum: i64, mean: ?f64, total: f64, word: ?[]const u8 };

const Total = struct {
    rows: i64,
    sum: i64,
    numbers: i64,
    total: f64,
    word: ?[]const u8,

    pub fn add(state: *Total, row: Row, options: *const Options) void {
        state.rows += 1;
        state.total += row.x;
        if (row.n) |n| {
            state.sum += n * options.scale;
            state.numbers += 1;
        }
        state.keep(row.word);
    }

    pub fn merge(state: *Total, later: Total) void {
        state.rows += later.rows;
        state.sum += later.sum;
        state.numbers += later.numbers;
        state.total += later.total;
        state.keep(later.word);
    }

    pub fn finish(state: Total, _: pelton.Window) pelton.Rejected!?Result {
        if (state.sum < 0) return pelton.reject("{d} is less than nothing", .{state.sum});
        if (state.rows == 0) return null;
        const sum: f64 = @floatFromInt(state.sum);
        const numbers: f64 = @floatFromInt(state.numbers);
        return .{
            .sum = state.sum,
            .mean = if (state.numbers > 0) sum / numbers else null,
            .total = state.total,
            .word = state.word,
        };
    }

    fn keep(state: *Total, word: ?[]const u8) void {
        const later = word orelse return;
        const before = state.word orelse later;
        state.word = if (std.mem.order(u8, later, before) == .lt) later else before;
    }
};

pub const operator = pelton.aggregate(Total, .{});
