//! What a till took and gave back: rows that leave a window are taken back, one by one, and nothing of them is left.

const pelton = @import("pelton");

const Options = struct { scale: i64 = 1 };
const Paid = struct { cents: i64, tip: ?i64 };
const Made = struct { took: i64, gave: i64, tip: ?f64 };

const Till = struct {
    rows: i64,
    took: i64,
    gave: i64,
    tips: i64,

    pub fn add(state: *Till, paid: Paid, options: *const Options) void {
        state.count(paid, options.scale);
    }

    pub fn retract(state: *Till, paid: Paid, options: *const Options) void {
        state.count(paid, -options.scale);
    }

    pub fn merge(state: *Till, later: Till) void {
        state.rows += later.rows;
        state.took += later.took;
        state.gave += later.gave;
        state.tips += later.tips;
    }

    pub fn finish(state: Till, _: pelton.Window) ?Made {
        if (state.rows == 0) return null;
        const took: f64 = @floatFromInt(state.took);
        const tips: f64 = @floatFromInt(state.tips);
        return .{ .took = state.took, .gave = state.gave, .tip = if (state.tips != 0) took / tips else null };
    }

    fn count(state: *Till, paid: Paid, times: i64) void {
        state.rows += times;
        if (paid.cents < 0) state.gave += paid.cents * times else state.took += paid.cents * times;
        const tip = paid.tip orelse return;
        state.took += tip * times;
        state.tips += times;
    }
};

pub const operator = pelton.aggregate(Till, .{});
