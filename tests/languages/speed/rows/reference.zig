//! The reference operator by rows: prices over 100, in euro.

const pelton = @import("pelton");

const Bid = struct { price: f64 };
const Priced = struct { euro: f64 };

fn reference(bid: Bid) ?Priced {
    return if (bid.price > 100) .{ .euro = bid.price * 0.908 } else null;
}

pub const operator = pelton.transform(reference, .{});
