//! Bids priced in euro, by the rate that the endpoint `rates` has for their currency. All other columns pass through untouched.

const std = @import("std");
const pelton = @import("pelton");

const Bid = struct { price: f64, currency: []const u8 };
const Priced = struct { euro: f64 };

fn isEuro(bid: Bid) bool {
    return std.mem.eql(u8, bid.currency, "EUR");
}

/// What a bid needs to know; bids in euro need nothing, and a path is made of nothing but a currency.
fn ask(bid: Bid) ?pelton.Request {
    if (isEuro(bid) or bid.currency.len != 3) return null;
    for (bid.currency) |letter| if (!std.ascii.isUpper(letter)) return null;
    return pelton.get("rates", "/latest/{s}", .{bid.currency});
}

fn answer(bid: Bid, asked: ?pelton.Reply) pelton.Rejected!Priced {
    const reply = asked orelse {
        return if (isEuro(bid)) .{ .euro = bid.price } else pelton.reject("this is no currency", .{});
    };
    const text = std.mem.trim(u8, try reply.text(), " \n");
    const rate = std.fmt.parseFloat(f64, text) catch return pelton.reject("the rate is no number", .{});
    return .{ .euro = bid.price * rate };
}

pub const operator = pelton.enrich(ask, answer, .{});
