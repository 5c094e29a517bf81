//! What the context tells of a row.

const pelton = @import("pelton");

const Read = struct { id: i64 };
const Made = struct { row: u64, first: f64, second: f64 };

fn lucky(read: Read) ?Made {
    const first = pelton.random();
    const made: Made = .{ .row = pelton.rowNumber(), .first = first, .second = pelton.random() };
    return if (read.id != 3) made else null;
}

pub const operator = pelton.transform(lucky, .{});
