//! Bids priced in euro, by the rate that the endpoint `rates` has for their currency. All other columns pass through untouched.

const std = @import("std");
const pelton = @import("pelton");

const Bid = struct { price: f64, currency: []const u8 };
const Priced = struct { euro: f64 };

/// What a bid needs to know; bids in euro need nothing.
fn ask(bid: Bid) ?pelton.Request {
    if (std.mem.eql(u8, bid.currency, "EUR")) return null;
    return pelton.get("rates", "/latest/{s}", .{pelton.encode(bid.currency)});
}

fn answer(bid: Bid, asked: ?pelton.Reply) pelton.Rejected!Priced {
    const reply = asked orelse return .{ .euro = bid.price };
    const text = std.mem.trim(u8, try reply.text(), " \n");
    const rate = std.fmt.parseFloat(f64, text) catch return pelton.reject("the rate is no number", .{});
    return .{ .euro = bid.price * rate };
}

pub const operator = pelton.enrich(ask, answer, .{});
