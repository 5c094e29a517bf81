//! The reference operator by columns: prices over 100, in euro.

const pelton = @import("pelton");

const Bid = struct { price: f64 };
const Priced = struct { euro: f64 };

fn reference(bids: pelton.Columns(Bid), priced: pelton.Room(Priced)) u32 {
    const euro = priced.values(.euro);
    var kept: u32 = 0;
    for (bids.values(.price), 0..) |price, row| {
        euro[kept] = price * 0.908;
        priced.origin[kept] = @intCast(row);
        // Without a branch, which nobody could foresee.
        kept += @intFromBool(price > 100);
    }
    return kept;
}

pub const operator = pelton.columns(reference, .{});
