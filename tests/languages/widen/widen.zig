//! Narrower numbers and coarser times, read as wider ones.

const pelton = @import("pelton");

const Read = struct { small: f64, count: i64, at: pelton.Timestamp };
const Made = struct { double: f64, next: i64, micros: i64 };

fn widen(row: Read) Made {
    return .{ .double = row.small * 2, .next = row.count + 1, .micros = row.at.micros };
}

pub const operator = pelton.transform(widen, .{});
