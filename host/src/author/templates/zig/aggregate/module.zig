//! How far apart prices are, those under `min` left out.

const pelton = @import("pelton");

const Options = struct { min: f64 = 0 };
const Bid = struct { price: f64 };
const Range = struct { range: f64 };

/// What the engine keeps for each group; both are null for no rows.
const {{pascal}} = struct {
    least: ?f64,
    most: ?f64,

    pub fn add(state: *{{pascal}}, bid: Bid, options: *const Options) void {
        if (bid.price >= options.min) state.merge(.{ .least = bid.price, .most = bid.price });
    }

    pub fn merge(state: *{{pascal}}, later: {{pascal}}) void {
        const least = later.least orelse return;
        const most = later.most orelse return;
        state.least = @min(state.least orelse least, least);
        state.most = @max(state.most orelse most, most);
    }

    pub fn finish(state: {{pascal}}, _: pelton.Window) ?Range {
        const least = state.least orelse return null;
        const most = state.most orelse return null;
        return .{ .range = most - least };
    }
};

pub const operator = pelton.aggregate({{pascal}}, .{});
