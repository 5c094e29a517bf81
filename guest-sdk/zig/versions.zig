//! State of older versions of a module, made into this version's, by an author's functions of what a key's state was.

const functions = @import("functions.zig");
const runtime = @import("runtime.zig");
const Rows = @import("rows.zig").Rows;

/// The functions in a tuple, each `fn (older: Older) Rejected!?State`, for the glue. `Rejected!` and `?` may be left away.
pub fn Versions(comptime State: type, comptime tuple: anytype) type {
    return struct {
        pub const listed: ?runtime.Migrations = if (tuple.len == 0) null else .{ .list = &pointers, .count = tuple.len };

        const all: [tuple.len]runtime.Migration = blk: {
            var list: [tuple.len]runtime.Migration = undefined;
            for (&list, 0..) |*migration, at| {
                const Older = functions.Parameter(tuple[at], 0) orelse @compileError("a function that migrates takes what a version before kept");
                migration.* = .{ .older = Rows(Older).as_struct, .state = &Rows(State).columns, .migrate = One(State, Older, tuple[at]).migrate };
            }
            break :blk list;
        };

        const pointers: [tuple.len]*const runtime.Migration = blk: {
            var list: [tuple.len]*const runtime.Migration = undefined;
            for (&list, 0..) |*pointer, at| pointer.* = &all[at];
            break :blk list;
        };
    };
}

fn One(comptime State: type, comptime Older: type, comptime function: anytype) type {
    const Answer = functions.Answer(function);
    if (Answer != State and Answer != ?State) {
        @compileError("a function that migrates answers with " ++ @typeName(State) ++ ", not with " ++ @typeName(Answer));
    }
    return struct {
        fn migrate(older_at: *const anyopaque, state_at: *anyopaque) callconv(.c) c_int {
            const older: *const Older = @ptrCast(@alignCast(older_at));
            const state: *State = @ptrCast(@alignCast(state_at));
            const result = function(older.*);
            const answer: Answer = if (comptime @typeInfo(@TypeOf(result)) != .error_union) result else result catch |failed| {
                functions.check(failed);
                return runtime.verdicts.reject;
            };
            const made: ?State = answer;
            state.* = made orelse return runtime.verdicts.drop;
            return runtime.verdicts.keep;
        }
    };
}
