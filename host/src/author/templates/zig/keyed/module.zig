//! The bids of each bidder, as long as they are less than `gap` seconds apart.

const pelton = @import("pelton");

const Options = struct { gap: i64 };
const Bidder = struct {};
const Bid = struct { price: f64, at: pelton.Timestamp };
const Ended = struct { bids: i64, spent: f64 };

/// What is kept for each bidder.
const Session = struct { bids: i64 = 0, spent: f64 = 0, ends: pelton.Timestamp };

/// The number of the timer: a bidder has one.
const end_timer = 0;

fn {{camel}}(call: pelton.Call(Ended), _: Bidder, session: *?Session, bids: []const Bid, options: *const Options) void {
    for (bids, 0..) |bid, row| {
        if (bid.price < 0) {
            call.reject(row, "{d} is no price", .{bid.price});
            continue;
        }
        // The gap may be over, though the timer has not told yet.
        if (session.*) |open| if (bid.at.micros >= open.ends.micros) end(call, session);
        const ends = bid.at.plusSeconds(options.gap);
        const before = session.* orelse Session{ .ends = ends };
        session.* = .{ .bids = before.bids + 1, .spent = before.spent + bid.price, .ends = ends };
        call.setTimer(end_timer, ends);
    }
    while (call.due()) |_| end(call, session);
}

fn end(call: pelton.Call(Ended), session: *?Session) void {
    if (session.*) |ended| call.emit(.{ .bids = ended.bids, .spent = ended.spent });
    session.* = null;
}

pub const operator = pelton.keyed({{camel}}, .{});
