//! From what an author declared to the symbols that the glue looks for.

const runtime = @import("runtime.zig");
const Options = @import("options.zig").Options;
const Rows = @import("rows.zig").Rows;
const Outputs = @import("outputs.zig").Outputs;
const Rules = @import("rules.zig").Rules;
const listed = @import("rules.zig").listed;

/// As `--kind` and manifests have them.
pub const Kind = enum { transform, aggregate, keyed, cogroup, enrich };

/// What differs from kind to kind.
pub const Parts = struct {
    run: ?*const fn (*const runtime.Batch, *runtime.Out) callconv(.c) void = null,
    by_column: bool = false,
    fold: ?runtime.Fold = null,
    keyed: ?runtime.Keyed = null,
    joined: ?runtime.Joined = null,
    asking: ?runtime.Asking = null,
    sides: ?runtime.SideTables = null,
    migrations: ?runtime.Migrations = null,
};

/// `pub const operator = …` of a module; the build declares it.
pub fn Operator(
    comptime its_kind: Kind,
    comptime In: type,
    comptime Made: type,
    comptime Given: type,
    comptime rules: Rules,
    comptime parts: Parts,
) type {
    return struct {
        /// Exports the operator under the name of its module; `said` is the kind that the project's manifest says.
        pub fn declare(comptime name: [:0]const u8, comptime said: Kind) void {
            if (said != its_kind) {
                @compileError("the operator is of the kind `" ++ @tagName(its_kind) ++ "`, but pelton-module.toml says kind = \"" ++
                    @tagName(said) ++ "\"");
            }
            // Rules of outputs that there are not do not compile.
            comptime _ = Outputs(Made).ports(rules);
            const the = struct {
                const operator: runtime.Operator = .{
                    .kind = @tagName(its_kind),
                    .function = name.ptr,
                    .reads = &Rows(In).columns,
                    .makes = &Rows(Outputs(Made).Main).columns,
                    .reads_count = Rows(In).count,
                    .makes_count = Rows(Outputs(Made).Main).count,
                    .options = &Options(Given).list,
                    .options_count = Options(Given).count,
                    .options_size = Options(Given).size,
                    .defaults = Options(Given).defaults,
                    .rules = listed(rules).ptr,
                    .rules_count = listed(rules).len,
                    .run = parts.run,
                    .by_column = parts.by_column,
                };
                const fold: runtime.Fold = parts.fold.?;
                const keyed: runtime.Keyed = parts.keyed.?;
                const joined: runtime.Joined = parts.joined.?;
                const asking: runtime.Asking = parts.asking.?;
                const sides: runtime.SideTables = parts.sides.?;
                const migrations: runtime.Migrations = parts.migrations.?;
                var ports: [Outputs(Made).others]runtime.Port = Outputs(Made).ports(rules);
                const pointers: [Outputs(Made).others]*runtime.Port = blk: {
                    var list: [Outputs(Made).others]*runtime.Port = undefined;
                    for (&list, 0..) |*pointer, at| pointer.* = &ports[at];
                    break :blk list;
                };
                const others: runtime.Ports = .{ .list = &pointers, .count = Outputs(Made).others };
            };
            @export(&the.operator, .{ .name = "pelton_the_operator" });
            if (parts.fold != null) @export(&the.fold, .{ .name = "pelton_the_fold" });
            if (parts.keyed != null) @export(&the.keyed, .{ .name = "pelton_the_keyed" });
            if (parts.sides != null) @export(&the.sides, .{ .name = "pelton_the_side_tables" });
            if (parts.migrations != null) @export(&the.migrations, .{ .name = "pelton_the_migrations" });
            if (Outputs(Made).others > 0) @export(&the.others, .{ .name = "pelton_the_ports" });
            if (parts.joined != null) @export(&the.joined, .{ .name = "pelton_the_cogroup" });
            if (parts.asking != null) @export(&the.asking, .{ .name = "pelton_the_asking" });
        }
    };
}
