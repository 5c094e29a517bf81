//! Write Pelton operators in Zig: a function of one row becomes a WebAssembly component.
//!
//! ```zig
//! const pelton = @import("pelton");
//!
//! const Options = struct { rate: f64, min: f64 = 0 };
//! const Bid = struct { price: f64 };
//! const Priced = struct { euro: f64 };
//!
//! fn toEuro(bid: Bid, options: *const Options) pelton.Rejected!?Priced {
//!     if (bid.price < 0) return pelton.reject("{d} is no price", .{bid.price});
//!     if (bid.price <= options.min) return null;
//!     return .{ .euro = bid.price * options.rate };
//! }
//!
//! pub const operator = pelton.transform(toEuro, .{});
//! ```
//!
//! The fields of the row's struct name the columns that are read, those of the answer's the ones that are made; the engine carries all
//! others past. A row with a null in a column whose field is no `?T` is rejected. `pelton build` makes the module.

const std = @import("std");
const functions = @import("functions.zig");
const runtime = @import("runtime.zig");
const words = @import("words.zig");

pub const Rejected = functions.Rejected;
pub const Date = @import("rows.zig").Date;
pub const Timestamp = @import("rows.zig").Timestamp;
pub const Bytes = @import("rows.zig").Bytes;
pub const Rules = @import("rules.zig").Rules;
pub const PortRules = @import("rules.zig").PortRules;

pub const transform = @import("transform.zig").transform;
pub const flatMap = @import("transform.zig").flatMap;
pub const columns = @import("transform.zig").columns;
pub const Emit = @import("transform.zig").Emit;
pub const Columns = @import("transform.zig").Columns;
pub const Room = @import("transform.zig").Room;
pub const Table = @import("sides.zig").Table;
pub const TableBy = @import("sides.zig").TableBy;

pub const aggregate = @import("aggregate.zig").aggregate;
pub const Window = @import("aggregate.zig").Window;
pub const Pane = @import("aggregate.zig").Pane;

pub const keyed = @import("keyed.zig").keyed;
pub const keyedFrom = @import("keyed.zig").keyedFrom;
pub const Call = @import("keyed.zig").Call;
pub const Timer = @import("keyed.zig").Timer;
pub const List = @import("tables.zig").List;
pub const Map = @import("tables.zig").Map;

pub const cogroup = @import("cogroup.zig").cogroup;
pub const Pair = @import("cogroup.zig").Pair;

pub const enrich = @import("enrich.zig").enrich;
pub const Request = @import("request.zig").Request;
pub const Reply = @import("request.zig").Reply;
pub const get = @import("request.zig").get;
pub const post = @import("request.zig").post;
pub const encode = @import("request.zig").encode;

pub const allocator = words.allocator;
pub const print = words.print;

/// Refuses the row, which goes to `operator.rejected` with the reason: `return pelton.reject("{d} is no price", .{price});`
pub fn reject(comptime format: []const u8, arguments: anytype) Rejected {
    @branchHint(.unlikely);
    const reason = words.print(format, arguments);
    _ = runtime.pelton_reject_text(reason.ptr, reason.len);
    return error.Rejected;
}

/// Stops the job if what must hold does not; the error names the line.
pub fn assert(place: std.lang.SourceLocation, holds: bool) void {
    if (!holds) std.debug.panic("{s}:{d}: it does not hold", .{ place.file, place.line });
}

/// The epoch's processing time, and the watermark of the input, which may be none yet.
pub fn now() Timestamp {
    return .{ .micros = runtime.pelton_current().now };
}

pub fn watermark() ?Timestamp {
    const at = runtime.pelton_current().watermark;
    return if (at == std.math.minInt(i64)) null else .{ .micros = at };
}

pub fn epoch() u64 {
    return runtime.pelton_current().epoch;
}

/// The row's number: no other row of this operator's input has it, and a replay gives it again.
pub fn rowNumber() u64 {
    return runtime.pelton_row_number();
}

/// Random numbers: another with each call, the same ones for the same row. The first is 0 <= x < 1.
pub fn random() f64 {
    return runtime.pelton_random();
}

pub fn randomU64() u64 {
    return runtime.pelton_random_u64();
}

/// Adds to the counter, or sets the gauge, `operator.name` of the job's metrics.
pub fn counter(name: [:0]const u8, delta: u64) void {
    runtime.pelton_counter(name.ptr, delta);
}

pub fn gauge(name: [:0]const u8, value: f64) void {
    runtime.pelton_gauge(name.ptr, value);
}

/// `std.log` reaches the job's log. The file that the build begins with hands it on, as it does `panic`.
pub const std_options: std.Options = .{ .log_level = .debug, .logFn = log };

fn log(comptime level: std.log.Level, comptime scope: @EnumLiteral(), comptime format: []const u8, arguments: anytype) void {
    const before = if (scope == .default) "" else @tagName(scope) ++ ": ";
    const line = words.print(before ++ format, arguments);
    const number: c_int = switch (level) {
        .debug => 1,
        .info => 2,
        .warn => 3,
        .err => 4,
    };
    runtime.pelton_log_text(number, line.ptr, line.len);
}

/// A panic stops the job; its message is the last line of the log, which stands in the error.
pub const panic = std.debug.FullPanic(panicked);

fn panicked(message: []const u8, _: ?usize) noreturn {
    @branchHint(.cold);
    runtime.pelton_log_text(4, message.ptr, message.len);
    @trap();
}
