//! Enrich operators: an author's functions that say what a row asks, and what becomes of it with the reply.

const functions = @import("functions.zig");
const operators = @import("operators.zig");
const runtime = @import("runtime.zig");
const transform = @import("transform.zig");
const Reply = @import("request.zig").Reply;
const Request = @import("request.zig").Request;
const None = @import("options.zig").None;
const Options = @import("options.zig").Options;
const Rows = @import("rows.zig").Rows;
const Rules = @import("rules.zig").Rules;
const Taken = @import("sides.zig").Taken;

/// Two functions of one row, `fn ask(row: In, options: *const Options) ?Request` and `fn answer(row: In, reply: ?Reply, options: *const Options)
/// Rejected!?Out`. The engine sends each different request of a batch once, to an endpoint that the job file allows; `reply` is null where nothing
/// was asked.
///
/// Where `ask` answers with a `Request`, always, `answer` takes a `Reply`. What `answer` answers with is what the function of `pelton.transform` may;
/// and with a `pelton.Emit(Out)` behind its reply it is a function of `pelton.flatMap`. The options and `Rejected!` may be left away.
pub fn enrich(comptime ask: anytype, comptime answer: anytype, comptime rules: Rules) type {
    const In = functions.Parameter(ask, 0) orelse @compileError("`ask` takes no row");
    const Asked = functions.Answer(ask);
    const Told = switch (Asked) {
        Request => Reply,
        ?Request => ?Reply,
        else => @compileError("`ask` answers with a pelton.Request or ?pelton.Request, not with " ++ @typeName(Asked)),
    };
    if (@typeInfo(@typeInfo(@TypeOf(ask)).@"fn".return_type.?) == .error_union) {
        @compileError("`ask` refuses no row: it answers with null, and `answer` refuses it");
    }
    const Same = functions.Parameter(answer, 0) orelse @compileError("`answer` takes no row");
    if (Same != In) @compileError("`answer` is called with the rows that `ask` was: both take the same, not " ++ @typeName(Same));
    const Given = functions.Parameter(answer, 1) orelse @compileError("`answer` takes no reply behind its row");
    if (Given != Told) {
        const words = if (Told == Reply) "pelton.Reply behind its row, for `ask` answers with pelton.Request" else "?pelton.Reply behind its row, for `ask` answers with ?pelton.Request";
        @compileError("`answer` takes " ++ words ++ ", not " ++ @typeName(Given));
    }
    const Ours = functions.OptionsOf(ask, 1);
    const Loop = struct {
        fn all(batch: *const runtime.Batch, asked: *runtime.Asked) callconv(.c) void {
            const views: Rows(In).Views = batch.views[0..Rows(In).count].*;
            const options = Options(Ours).read(batch.options);
            for (0..batch.rows) |at| {
                const row: u32 = @intCast(at);
                if (batch.refused) |bytes| if (bytes[row] != 0) continue;
                runtime.pelton_at = row;
                const request: ?Request = functions.call(ask, .{Rows(In).read(&views, row)}, &options);
                if (request) |one| runtime.pelton_asks(asked, row, &one.it);
            }
        }
    };
    const Between = struct {
        pub inline fn argument() struct { Told } {
            const reply = runtime.pelton_told();
            if (Told == Reply) return .{.{ .it = reply.? }};
            return .{if (reply) |it| .{ .it = it } else null};
        }
    };
    const Answered = if (transform.EmitOf(answer, 2)) |Out|
        transform.FlatMap(answer, In, Out, Between, Taken(answer, 3))
    else
        transform.Map(answer, In, Between, Taken(answer, 2));
    if (Answered.sides != null) @compileError("side tables are for transforms");
    if (Ours != Answered.Given and Ours != None and Answered.Given != None) {
        @compileError("a module has one struct of options: `ask` takes " ++ @typeName(Ours) ++ ", `answer` " ++ @typeName(Answered.Given));
    }
    const All = if (Ours == None) Answered.Given else Ours;
    return operators.Operator(.enrich, In, Answered.Made, All, rules, .{ .run = Answered.run, .asking = .{ .ask = Loop.all } });
}
