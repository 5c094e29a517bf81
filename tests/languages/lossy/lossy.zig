//! A fold whose `merge` loses what later rows came to: `pelton check` must say so.

const pelton = @import("pelton");

const Row = struct { n: i64 };

const Lossy = struct {
    count: i64,

    pub fn add(state: *Lossy, _: Row) void {
        state.count += 1;
    }

    pub fn merge(_: *Lossy, _: Lossy) void {}

    pub fn finish(state: Lossy, _: pelton.Window) Lossy {
        return state;
    }
};

pub const operator = pelton.aggregate(Lossy, .{});
