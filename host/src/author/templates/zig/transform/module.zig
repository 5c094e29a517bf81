//! Bids over `min`, priced in euro. All other columns pass through untouched.

const pelton = @import("pelton");

const Options = struct { rate: f64, min: f64 = 0 };
const Bid = struct { price: f64 };
const Priced = struct { euro: f64 };

fn {{camel}}(bid: Bid, options: *const Options) pelton.Rejected!?Priced {
    if (bid.price < 0) return pelton.reject("{d} is no price", .{bid.price});
    if (bid.price <= options.min) return null;
    return .{ .euro = bid.price * options.rate };
}

pub const operator = pelton.transform({{camel}}, .{});
