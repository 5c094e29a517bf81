//! Transforms: an author's function of a row, or of whole columns, and the loop over a batch around it.

const std = @import("std");
const functions = @import("functions.zig");
const operators = @import("operators.zig");
const outputs = @import("outputs.zig");
const runtime = @import("runtime.zig");
const Options = @import("options.zig").Options;
const Rows = @import("rows.zig").Rows;
const rows_of = @import("rows.zig");
const Rules = @import("rules.zig").Rules;
const Taken = @import("sides.zig").Taken;

/// A map or a filter: `fn (row: In, options: *const Options) Rejected!?Out`.
///
/// `Out` is a struct of the columns that are made: a map. `?Out` leaves a row out where it is null; `bool` is a filter that makes nothing.
/// A `union(enum)` of such structs is several outputs.
/// The options and `Rejected!` may be left away. A struct of side tables (`pelton.Table`, `pelton.TableBy`) may stand behind the row.
pub fn transform(comptime function: anytype, comptime rules: Rules) type {
    const In = functions.Parameter(function, 0) orelse @compileError("the function takes no row");
    const Its = Map(function, In, Nothing, Taken(function, 1));
    return operators.Operator(.transform, In, Its.Made, Its.Given, rules, .{ .run = Its.run, .sides = Its.sides });
}

/// No argument behind the row.
const Nothing = struct {
    pub inline fn argument() @TypeOf(.{}) {
        return .{};
    }
};

/// The loop around a function that answers with what it makes of a row. `Between` gives the arguments behind the row, `Tables` those behind them.
pub fn Map(comptime function: anytype, comptime In: type, comptime Between: type, comptime Tables: type) type {
    const Answer = functions.Answer(function);
    return struct {
        pub const Made = switch (@typeInfo(Answer)) {
            .bool => struct {},
            .optional => |optional| optional.child,
            else => Answer,
        };
        pub const Given = functions.OptionsOf(function, Tables.options_at);
        pub const sides = Tables.listed;
        pub const run = if (outputs.areSeveral(Made)) split else one;

        fn one(batch: *const runtime.Batch, out: *runtime.Out) callconv(.c) void {
            if (batch.refused) |refused| rows(batch, out, refused) else rows(batch, out, null);
        }

        inline fn rows(batch: *const runtime.Batch, out: *runtime.Out, refused: ?[*]const u8) void {
            // Copies, which no store to a column can change.
            const views: Rows(In).Views = batch.views[0..Rows(In).count].*;
            var rooms: Rows(Made).Rooms = out.rooms[0..Rows(Made).count].*;
            const options = Options(Given).read(batch.options);
            const origin = out.origin;
            var made: u32 = 0;
            for (0..batch.rows) |at| {
                const row: u32 = @intCast(at);
                if (refused) |bytes| if (bytes[row] != 0) continue;
                runtime.pelton_at = row;
                const result = called(&views, row, &options);
                const value: ?Made = kept(functions.answered(function, result, row) orelse continue);
                if (comptime Rows(Made).is_plain) {
                    // Without a branch, which nobody could foresee.
                    Rows(Made).write(&rooms, made, value orelse undefined);
                    origin[made] = row;
                    made += @intFromBool(value != null);
                } else if (value) |present| {
                    Rows(Made).write(&rooms, made, present);
                    origin[made] = row;
                    made += 1;
                }
            }
            out.rooms[0..Rows(Made).count].* = rooms;
            out.rows = made;
        }

        /// Of several outputs.
        fn split(batch: *const runtime.Batch, out: *runtime.Out) callconv(.c) void {
            const views: Rows(In).Views = batch.views[0..Rows(In).count].*;
            const options = Options(Given).read(batch.options);
            for (0..batch.rows) |at| {
                const row: u32 = @intCast(at);
                if (batch.refused) |bytes| if (bytes[row] != 0) continue;
                runtime.pelton_at = row;
                out.row = row;
                const result = called(&views, row, &options);
                const value: ?Made = kept(functions.answered(function, result, row) orelse continue);
                if (value) |present| outputs.put(Made, out, present);
            }
        }

        inline fn called(views: *const Rows(In).Views, row: u32, options: *const Given) @typeInfo(@TypeOf(function)).@"fn".return_type.? {
            return functions.call(function, .{Rows(In).read(views, row)} ++ Between.argument() ++ Tables.argument(), options);
        }

        inline fn kept(answer: Answer) ?Made {
            if (Answer == bool) return if (answer) .{} else null;
            return answer;
        }
    };
}

/// The rows that a flat-map makes of one.
pub fn Emit(comptime Made: type) type {
    return struct {
        out: *runtime.Out,

        pub fn emit(self: @This(), row: Made) void {
            outputs.put(Made, self.out, row);
        }

        pub const Row = Made;
    };
}

/// A flat-map: `fn (row: In, out: pelton.Emit(Out), options: *const Options) Rejected!void` calls `out.emit(…)` as often as it likes.
/// What it emitted before it rejects its row is forgotten.
pub fn flatMap(comptime function: anytype, comptime rules: Rules) type {
    const In = functions.Parameter(function, 0) orelse @compileError("the function takes no row");
    const Out = functions.Parameter(function, 1) orelse @compileError("the function takes no pelton.Emit(…)");
    const Its = FlatMap(function, In, Out, Nothing, Taken(function, 2));
    return operators.Operator(.transform, In, Its.Made, Its.Given, rules, .{ .run = Its.run, .sides = Its.sides });
}

/// The `pelton.Emit(…)` that a function takes as its parameter `place`, if it is one.
pub fn EmitOf(comptime function: anytype, comptime place: usize) ?type {
    const Given = functions.Parameter(function, place) orelse return null;
    if (@typeInfo(Given) != .@"struct" or !@hasDecl(Given, "Row") or !@hasDecl(Given, "emit")) return null;
    return Given;
}

/// The loop around a function that emits. `Between` gives the arguments behind the row, `Tables` those behind `out`.
pub fn FlatMap(comptime function: anytype, comptime In: type, comptime Out: type, comptime Between: type, comptime Tables: type) type {
    return struct {
        pub const Made = Out.Row;
        pub const Given = functions.OptionsOf(function, Tables.options_at);
        pub const sides = Tables.listed;

        pub fn run(batch: *const runtime.Batch, out: *runtime.Out) callconv(.c) void {
            const views: Rows(In).Views = batch.views[0..Rows(In).count].*;
            const options = Options(Given).read(batch.options);
            for (0..batch.rows) |at| {
                const row: u32 = @intCast(at);
                if (batch.refused) |bytes| if (bytes[row] != 0) continue;
                runtime.pelton_at = row;
                out.row = row;
                const before = out.rows;
                const arguments = .{Rows(In).read(&views, row)} ++ Between.argument() ++ .{Out{ .out = out }} ++ Tables.argument();
                if (functions.answered(function, functions.call(function, arguments, &options), row) == null) {
                    out.rows = before;
                    runtime.pelton_ports_forget(row);
                }
            }
        }
    };
}

/// Whole columns that are read; without the rows that have a null where the field takes none.
pub fn Columns(comptime T: type) type {
    return struct {
        rows: u32,
        views: Rows(T).Views,

        /// All values of a column of numbers, as a slice: `bids.values(.price)`.
        pub inline fn values(self: *const @This(), comptime column: @EnumLiteral()) []const Number(T, @tagName(column)) {
            const name = @tagName(column);
            return rows_of.valuesOf(Number(T, name), self.views[Rows(T).indexOf(name)])[0..self.rows];
        }

        /// For a column of `?T` a byte for each row, 0 where it is null; null if it has no nulls.
        pub inline fn valid(self: *const @This(), comptime column: @EnumLiteral()) ?[]const u8 {
            const bytes = self.views[Rows(T).indexOf(@tagName(column))].valid orelse return null;
            return bytes[0..self.rows];
        }

        /// One value, of any type.
        pub inline fn get(self: *const @This(), comptime column: @EnumLiteral(), row: usize) Rows(T).TypeOf(@tagName(column)) {
            return Rows(T).getAt(@tagName(column), &self.views, row);
        }

        pub const Row = T;
    };
}

/// Whole columns that are made, with room for as many rows as there are in the batch.
pub fn Room(comptime T: type) type {
    return struct {
        /// For each row that is made, the row of the batch that it came from.
        origin: []u32,
        rooms: *Rows(T).Rooms,

        /// All values of a column of numbers: `priced.values(.euro)`.
        pub inline fn values(self: @This(), comptime column: @EnumLiteral()) []Number(T, @tagName(column)) {
            const name = @tagName(column);
            return rows_of.roomOf(Number(T, name), self.rooms[Rows(T).indexOf(name)])[0..self.origin.len];
        }

        /// One value, of any type. Texts are put in the order of their rows.
        pub inline fn put(self: @This(), comptime column: @EnumLiteral(), row: usize, value: Rows(T).TypeOf(@tagName(column))) void {
            Rows(T).putAt(@tagName(column), self.rooms, row, value);
        }

        pub const Row = T;
    };
}

/// The type of a column that is a slice of numbers: of `?T` what is under its nulls is anything.
fn Number(comptime T: type, comptime name: []const u8) type {
    const Field = Rows(T).TypeOf(name);
    const Value = switch (@typeInfo(Field)) {
        .optional => |optional| optional.child,
        else => Field,
    };
    return switch (Value) {
        bool => u8,
        []const u8, rows_of.Bytes => @compileError("`" ++ name ++ "` is no column of numbers: take get and put"),
        else => Value,
    };
}

/// Whole columns: `fn (in: pelton.Columns(In), out: pelton.Room(Out), options: *const Options) u32` answers how many rows it made, at most
/// one for each row, with the row of each in `out.origin`.
pub fn columns(comptime function: anytype, comptime rules: Rules) type {
    const In = functions.Parameter(function, 0) orelse @compileError("the function takes no pelton.Columns(…)");
    const Out = functions.Parameter(function, 1) orelse @compileError("the function takes no pelton.Room(…)");
    const Tables = Taken(function, 2);
    const Given = functions.OptionsOf(function, Tables.options_at);
    const Loop = struct {
        fn run(batch: *const runtime.Batch, out: *runtime.Out) callconv(.c) void {
            const in: In = .{ .rows = batch.rows, .views = batch.views[0..Rows(In.Row).count].* };
            const room: Out = .{ .origin = out.origin[0..batch.rows], .rooms = out.rooms[0..Rows(Out.Row).count] };
            const options = Options(Given).read(batch.options);
            out.rows = functions.call(function, .{ in, room } ++ Tables.argument(), &options);
        }
    };
    return operators.Operator(.transform, In.Row, Out.Row, Given, rules, .{ .run = Loop.run, .by_column = true, .sides = Tables.listed });
}
