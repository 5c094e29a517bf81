//! Keyed operators: an author's function of one key, with the state that the engine keeps for it, and timers.

const functions = @import("functions.zig");
const operators = @import("operators.zig");
const outputs = @import("outputs.zig");
const runtime = @import("runtime.zig");
const words = @import("words.zig");
const Options = @import("options.zig").Options;
const Rows = @import("rows.zig").Rows;
const Rules = @import("rules.zig").Rules;
const Stored = @import("tables.zig").Stored;
const Timestamp = @import("rows.zig").Timestamp;
const Versions = @import("versions.zig").Versions;

/// A timer that is due. The time now may be later than what it was set for.
pub const Timer = struct { id: u32, at: Timestamp, is_processing: bool };

/// One key's call: what its function may do besides changing the state. Rows are those of the key, from 0.
pub fn Call(comptime Made: type) type {
    return struct {
        it: *runtime.Call,

        const Self = @This();
        pub const Row = Made;

        /// Whether the key's time to live has ended: this is its last call.
        pub fn isExpiring(self: Self) bool {
            return self.it.expiring;
        }

        /// A row that came from none: columns that pass, beside the key and the event time, are null.
        pub fn emit(self: Self, made: Made) void {
            outputs.put(Made, runtime.pelton_from_none(self.it), made);
        }

        /// A row that has the event time of the key's row `row` and, if any pass, its columns.
        pub fn emitFrom(self: Self, row: usize, made: Made) void {
            outputs.put(Made, runtime.pelton_from(self.it, @intCast(row)), made);
        }

        /// Refuses the key's row `row`, which goes to `operator.rejected`. The first reason counts.
        pub fn reject(self: Self, row: usize, comptime format: []const u8, arguments: anytype) void {
            const reason = words.print(format, arguments);
            runtime.pelton_reject_row_text(self.it, @intCast(row), reason.ptr, reason.len);
        }

        /// Timer `id` is due when the watermark reaches `at`; if that is past, in the next epoch. The key's timer of the same number
        /// is moved.
        pub fn setTimer(self: Self, id: u32, at: Timestamp) void {
            runtime.pelton_set_timer(self.it, id, at.micros);
        }

        /// The same for processing time: `pelton.now()`.
        pub fn setProcessingTimer(self: Self, id: u32, at: Timestamp) void {
            runtime.pelton_set_processing_timer(self.it, id, at.micros);
        }

        pub fn clearTimer(self: Self, id: u32) void {
            runtime.pelton_clear_timer(self.it, id);
        }

        /// The next timer that is due, in order of time. One that this call has set again or cleared is not: what rows do comes first.
        pub fn due(self: Self) ?Timer {
            const timer = runtime.pelton_due(self.it) orelse return null;
            return .{ .id = timer.id, .at = .{ .micros = timer.at }, .is_processing = timer.is_processing };
        }

        /// Makes `pelton.rowNumber` and `pelton.random` speak of the key's row `row`; before, they speak of the first.
        pub fn atRow(self: Self, row: usize) void {
            runtime.pelton_at_row(self.it, @intCast(row));
        }
    };
}

/// `fn (call: pelton.Call(Out), key: Key, state: *?State, rows: []const In, options: *const Options) void`, called for each key that has
/// rows, a timer that is due, or has come to the end of its time to live.
///
/// A struct of lists and maps (`pelton.List`, `pelton.Map`) may stand behind the rows.
///
/// `state.*` is null if nothing is kept; what it is afterwards is kept. Only keys whose state differs cost a write. `struct {}` is a key
/// of which nothing is read.
pub fn keyed(comptime function: anytype, comptime rules: Rules) type {
    return keyedFrom(function, .{}, rules);
}

/// The same for a module whose state has another form than before: `pelton.keyedFrom(sums, .{fromCents}, .{})`. Each function is of what a version
/// before this one kept for a key, the first first: `fn (older: Older) Rejected!?State`. Null drops it, and `pelton.reject` says why it cannot be
/// taken over.
pub fn keyedFrom(comptime function: anytype, comptime versions: anytype, comptime rules: Rules) type {
    const Calls = functions.Parameter(function, 0) orelse @compileError("the function takes no pelton.Call(…)");
    const Key = functions.Parameter(function, 1) orelse @compileError("the function takes no key");
    const State = StateOf(functions.Parameter(function, 2) orelse @compileError("the function takes no state"));
    const In = RowOf(functions.Parameter(function, 3) orelse @compileError("the function takes no rows"));
    const Tables = TablesOf(functions.Parameter(function, 4));
    const has_tables = Tables != NoTables;
    const Given = functions.OptionsOf(function, if (has_tables) 5 else 4);
    const One = struct {
        fn call(
            it: *runtime.Call,
            key_at: *const anyopaque,
            state_at: *anyopaque,
            rows_at: *const anyopaque,
            given: *const anyopaque,
        ) callconv(.c) void {
            const kept: *State = @ptrCast(@alignCast(state_at));
            const rows: [*]const In = @ptrCast(@alignCast(rows_at));
            const key: *const Key = @ptrCast(@alignCast(key_at));
            const options = Options(Given).read(given);
            var state: ?State = if (it.has_state) kept.* else null;
            if (comptime has_tables) {
                const tables = Stored(Tables).tables();
                functions.call(function, .{ Calls{ .it = it }, key.*, &state, rows[0..it.rows], tables }, &options);
            } else {
                functions.call(function, .{ Calls{ .it = it }, key.*, &state, rows[0..it.rows] }, &options);
            }
            it.has_state = state != null;
            kept.* = state orelse Rows(State).nothing();
        }
    };
    const its: runtime.Keyed = .{
        .key = Rows(Key).as_struct,
        .state = Rows(State).as_struct,
        .row = Rows(In).as_struct,
        .call = One.call,
        .tables = if (has_tables) &Stored(Tables).pointers else null,
        .tables_count = if (has_tables) Stored(Tables).count else 0,
    };
    return operators.Operator(.keyed, In, Calls.Row, Given, rules, .{ .keyed = its, .migrations = Versions(State, versions).listed });
}

/// No struct: the function takes none.
const NoTables = struct {};

fn TablesOf(comptime Fifth: ?type) type {
    const Given = Fifth orelse return NoTables;
    return if (@typeInfo(Given) == .@"struct") Given else NoTables;
}

fn StateOf(comptime Pointer: type) type {
    const says = "the third parameter is the state, `*?State`, not " ++ @typeName(Pointer);
    const Optional = switch (@typeInfo(Pointer)) {
        .pointer => |pointer| pointer.child,
        else => @compileError(says),
    };
    return switch (@typeInfo(Optional)) {
        .optional => |optional| optional.child,
        else => @compileError(says),
    };
}

fn RowOf(comptime Slice: type) type {
    return switch (@typeInfo(Slice)) {
        .pointer => |pointer| pointer.child,
        else => @compileError("the fourth parameter is the key's rows, `[]const In`, not " ++ @typeName(Slice)),
    };
}
