//! Aggregates: a struct of an author's that the engine keeps for each group, with its `add`, `merge` and `finish`, and maybe `retract`.

const functions = @import("functions.zig");
const operators = @import("operators.zig");
const runtime = @import("runtime.zig");
const Options = @import("options.zig").Options;
const Rows = @import("rows.zig").Rows;
const Rules = @import("rules.zig").Rules;
const Timestamp = @import("rows.zig").Timestamp;

/// The window of a result; without windows all of time.
pub const Window = struct {
    /// The first moment inside, and the first after it.
    start: Timestamp,
    end: Timestamp,
    pane: Pane,
};

/// An early result is replaced by a later one; a late one comes again, because late rows came.
pub const Pane = enum(c_int) { early, on_time, late };

/// A fold of rows into a `State`, which the engine keeps for each group. All of it is zero, empty or null in a group into which
/// nothing was folded.
///
/// ```zig
/// pub fn add(state: *State, row: In, options: *const Options) void        // folds a row
/// pub fn merge(state: *State, later: State, options: *const Options) void // folds what later rows came to
/// pub fn finish(state: State, window: pelton.Window, options: *const Options) Rejected!?Out
/// pub fn retract(state: *State, row: In, options: *const Options) void    // if it is there: takes a row back, exactly
/// ```
pub fn aggregate(comptime State: type, comptime rules: Rules) type {
    const In = functions.Parameter(State.add, 1) orelse @compileError("`add` takes no row");
    const Given = functions.OptionsOf(State.add, 2);
    const retracts = @hasDecl(State, "retract");
    if (retracts and functions.Parameter(State.retract, 1) != In) {
        @compileError("`retract` takes back the rows that `add` folded: both take the same");
    }
    const Answer = functions.Answer(State.finish);
    const Made = switch (@typeInfo(Answer)) {
        .optional => |optional| optional.child,
        else => Answer,
    };
    const Loops = struct {
        fn add(batch: *const runtime.Batch, slots: [*]const u32, at: *anyopaque) callconv(.c) void {
            change(State.add, batch, slots, at);
        }

        fn retract(batch: *const runtime.Batch, slots: [*]const u32, at: *anyopaque) callconv(.c) void {
            change(State.retract, batch, slots, at);
        }

        inline fn change(comptime function: anytype, batch: *const runtime.Batch, slots: [*]const u32, at: *anyopaque) void {
            const states: [*]State = @ptrCast(@alignCast(at));
            const views: Rows(In).Views = batch.views[0..Rows(In).count].*;
            const options = Options(Given).read(batch.options);
            for (0..batch.rows) |row| {
                if (batch.refused) |bytes| if (bytes[row] != 0) continue;
                runtime.pelton_at = @intCast(row);
                functions.call(function, .{ &states[slots[row]], Rows(In).read(&views, row) }, &options);
            }
        }

        fn merge(at: *anyopaque, later_at: *const anyopaque, rows: u32, given: *const anyopaque) callconv(.c) void {
            const states: [*]State = @ptrCast(@alignCast(at));
            const later: [*]const State = @ptrCast(@alignCast(later_at));
            const options = Options(Given).read(given);
            for (0..rows) |row| functions.call(State.merge, .{ &states[row], later[row] }, &options);
        }

        fn finish(
            at: *const anyopaque,
            windows: [*]const runtime.Window,
            rows: u32,
            out: *runtime.Out,
            given: *const anyopaque,
        ) callconv(.c) void {
            const states: [*]const State = @ptrCast(@alignCast(at));
            const options = Options(Given).read(given);
            for (0..rows) |index| {
                const row: u32 = @intCast(index);
                runtime.pelton_at = row;
                const window: Window = .{
                    .start = .{ .micros = windows[row].start },
                    .end = .{ .micros = windows[row].end },
                    .pane = @enumFromInt(windows[row].pane),
                };
                const result = functions.call(State.finish, .{ states[row], window }, &options);
                const answer: ?Made = functions.answered(State.finish, result, row) orelse continue;
                const made = answer orelse continue;
                // A group has a row at most, for which there is room.
                Rows(Made).write(out.rooms[0..Rows(Made).count], out.rows, made);
                out.origin[out.rows] = row;
                out.rows += 1;
            }
        }
    };
    const fold: runtime.Fold = .{
        .state = Rows(State).as_struct,
        .add = Loops.add,
        .merge = Loops.merge,
        .finish = Loops.finish,
        .retract = if (retracts) Loops.retract else null,
    };
    return operators.Operator(.aggregate, In, Made, Given, rules, .{ .fold = fold });
}
