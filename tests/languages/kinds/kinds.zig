//! Every type, nullable, in and out.

const pelton = @import("pelton");

const Kinds = struct {
    flag: ?bool,
    i8: ?i8,
    i16: ?i16,
    i32: ?i32,
    i64: ?i64,
    n8: ?u8,
    n16: ?u16,
    n32: ?u32,
    n64: ?u64,
    half: ?f32,
    full: ?f64,
    text: ?[]const u8,
    day: ?pelton.Date,
    at: ?pelton.Timestamp,
};

fn echo(kinds: Kinds) Kinds {
    return kinds;
}

pub const operator = pelton.transform(echo, .{ .passes = .none });
