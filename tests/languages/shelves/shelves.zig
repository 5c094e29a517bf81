//! A list and a map that grow for many rounds, changed and read by numbers that look like chance: what is read must be the same everywhere.

const std = @import("std");
const pelton = @import("pelton");

const NoKey = struct {};
const Begin = struct { start: i64 };
const Drawn = struct { round: i64, drawn: u64 };
const Queued = struct { n: i32, x: ?f64 };
const Place = struct { late: bool, id: u32, name: []const u8 };
const Book = struct { n: i64, note: ?[]const u8 };
const Told = struct { sum: u64, length: i64, books: i64 };
const Tables = struct { queue: pelton.List(Queued), shelf: pelton.Map(Place, Book) };

const names = [_][]const u8{ "", "a", "a\x00", "ü" };
const rounds = 12;
const next_timer = 0;

const Round = struct {
    tables: Tables,
    drawn: u64,
    sum: u64 = 0,

    fn pick(round: *Round, below: u64) u64 {
        round.drawn = round.drawn *% 6364136223846793005 +% 1442695040888963407;
        return (round.drawn >> 33) % below;
    }

    fn mix(round: *Round, value: u64) void {
        round.sum = round.sum *% 31 +% value;
    }

    fn mixBook(round: *Round, place: Place, book: Book) void {
        round.mix(@as(u64, if (place.late) 1000 else 0) + place.id);
        for (names, 0..) |name, at| if (std.mem.eql(u8, name, place.name)) round.mix(at);
        round.mix(@bitCast(book.n));
        round.mix(if (book.note) |note| note.len else 7);
    }

    fn aPlace(round: *Round) Place {
        const late = round.pick(2) == 1;
        const id: u32 = @intCast(round.pick(60));
        return .{ .late = late, .id = id, .name = names[@intCast(round.pick(4))] };
    }

    /// Changes what is gone through: each book comes once.
    fn grow(round: *Round) void {
        const all = round.tables.shelf.all();
        while (all.next()) |entry| round.tables.shelf.put(entry.key, .{ .n = entry.value.n + 1, .note = entry.value.note });
    }

    fn step(round: *Round) void {
        const queue = round.tables.queue;
        const shelf = round.tables.shelf;
        switch (round.pick(16)) {
            0...4 => {
                const place = round.aPlace();
                const n = @as(i64, @intCast(round.pick(1000))) - 500;
                const number = round.pick(300);
                shelf.put(place, .{ .n = n, .note = if (number < 100) null else pelton.print("n{d}", .{number}) });
            },
            5 => shelf.remove(round.aPlace()),
            6 => {
                const place = round.aPlace();
                if (shelf.get(place)) |book| round.mixBook(place, book) else round.mix(1);
            },
            7, 8 => for (0..@intCast(round.pick(6) + 1)) |_| {
                const n: i32 = @intCast(round.pick(1000));
                queue.push(.{ .n = n, .x = if (@mod(n, 2) == 0) null else @as(f64, @floatFromInt(n)) / 4 });
            },
            9 => for (0..@intCast(round.pick(4))) |_| round.mix(if (queue.pop()) |queued| @intCast(queued.n) else 3),
            10 => round.mix(if (queue.at(@intCast(round.pick(60)))) |queued| @intCast(queued.n) else 5),
            11 => {
                const from = round.aPlace();
                round.through(shelf.range(from, round.aPlace()));
            },
            12 => {
                const from = round.aPlace();
                round.through(shelf.rangeBackward(from, round.aPlace()));
            },
            13 => {
                const from: usize = @intCast(round.pick(50));
                const some = queue.range(from, from + @as(usize, @intCast(round.pick(50))));
                while (some.next()) |queued| {
                    const n: u64 = @intCast(queued.n);
                    round.mix(if (queued.x) |x| @as(u64, @intFromFloat(x * 4)) + 9 else n);
                }
            },
            14 => {
                const backward = queue.backward();
                for (0..@intCast(round.pick(40))) |_| if (backward.next()) |queued| round.mix(@intCast(queued.n));
            },
            else => switch (round.pick(20)) {
                0 => shelf.clear(),
                1 => queue.keepLast(10),
                2 => queue.clear(),
                3, 4 => round.grow(),
                else => round.mix(queue.length()),
            },
        }
    }

    fn through(round: *Round, books: anytype) void {
        for (0..@intCast(round.pick(50))) |_| if (books.next()) |entry| round.mixBook(entry.key, entry.value);
    }
};

fn shelves(call: pelton.Call(Told), _: NoKey, state: *?Drawn, begins: []const Begin, tables: Tables) void {
    for (begins) |begin| {
        state.* = .{ .round = 0, .drawn = @bitCast(begin.start) };
        call.setTimer(next_timer, .{ .micros = 0 });
    }
    while (call.due()) |_| {
        const before = state.* orelse return;
        var round: Round = .{ .tables = tables, .drawn = before.drawn };
        for (0..200) |_| round.step();
        var books: i64 = 0;
        const all = tables.shelf.all();
        while (all.next()) |entry| {
            books += 1;
            round.mixBook(entry.key, entry.value);
        }
        state.* = .{ .round = before.round + 1, .drawn = round.drawn };
        call.emit(.{ .sum = round.sum, .length = @intCast(tables.queue.length()), .books = books });
        if (before.round + 1 < rounds) call.setTimer(next_timer, .{ .micros = 0 });
    }
}

pub const operator = pelton.keyed(shelves, .{});
