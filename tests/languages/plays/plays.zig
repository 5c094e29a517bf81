//! Lists and maps of state: read and changed in the call of the rows, and again, from the engine, in the calls of timers.

const std = @import("std");
const pelton = @import("pelton");

const User = struct { user: []const u8 };
const Play = struct { song: []const u8, at: pelton.Timestamp };
const Round = struct { round: i64 };
const Played = struct { song: []const u8, at: ?pelton.Timestamp };
const Place = struct { times: i32, song: []const u8 };
const Told = struct { what: []const u8, text: []const u8, n: i64 };
const Tables = struct { recent: pelton.List(Played), songs: pelton.Map([]const u8, i64), places: pelton.Map(Place, f64) };
const Call = pelton.Call(Told);

const tell_timer = 0;

/// Words with commas between them.
const Words = struct {
    text: []const u8 = "",

    fn add(words: *Words, word: []const u8) void {
        words.text = if (words.text.len == 0) word else pelton.print("{s},{s}", .{ words.text, word });
    }
};

fn plays(call: Call, _: User, round: *?Round, rows: []const Play, tables: Tables) void {
    for (rows, 0..) |play, row| {
        const times = (tables.songs.get(play.song) orelse 0) + 1;
        tables.songs.put(play.song, times);
        tables.recent.push(.{ .song = play.song, .at = if (times > 1) play.at else null });
        tables.places.put(.{ .times = @intCast(times), .song = play.song }, @as(f64, @floatFromInt(times)) / 2);
        if (times > 1) tables.places.remove(.{ .times = @intCast(times - 1), .song = play.song });
        call.emitFrom(row, .{ .what = "play", .text = play.song, .n = times });
        call.setTimer(tell_timer, play.at);
    }
    while (call.due()) |_| {
        const number = if (round.*) |before| before.round + 1 else 1;
        round.* = .{ .round = number };
        tell(call, tables);
        var popped: Words = .{};
        for (0..2) |_| if (tables.recent.pop()) |played| popped.add(played.song);
        call.emit(.{ .what = "popped", .text = popped.text, .n = number });
        tables.recent.keepLast(20);
        tables.recent.push(.{ .song = "last", .at = null });
        tables.songs.remove("s01");
        tables.songs.put("zz", number);
        tables.places.put(.{ .times = -1, .song = "ü" }, 0.25);
        tell(call, tables);
        if (number == 2) tables.places.clear();
        if (number < 3) call.setTimer(tell_timer, .{ .micros = 0 });
    }
}

fn tell(call: Call, tables: Tables) void {
    var recent: Words = .{};
    var dated: i64 = 0;
    const all = tables.recent.all();
    while (all.next()) |played| {
        recent.add(played.song);
        dated += @intFromBool(played.at != null);
    }
    call.emit(.{ .what = "recent", .text = recent.text, .n = @intCast(tables.recent.length()) });
    var last: Words = .{};
    const backward = tables.recent.backward();
    for (0..3) |_| if (backward.next()) |played| last.add(played.song);
    call.emit(.{ .what = "last", .text = last.text, .n = dated });
    var some: Words = .{};
    const range = tables.recent.range(5, 8);
    while (range.next()) |played| some.add(played.song);
    call.emit(.{ .what = "some", .text = some.text, .n = @intFromBool(tables.recent.at(30) != null) });
    var songs: Words = .{};
    var sum: i64 = 0;
    const entries = tables.songs.all();
    while (entries.next()) |entry| {
        songs.add(pelton.print("{s}={d}", .{ entry.key, entry.value }));
        sum += entry.value;
    }
    call.emit(.{ .what = "songs", .text = songs.text, .n = sum });
    var below: Words = .{};
    const before = tables.songs.rangeBackward(null, "s12");
    for (0..3) |_| if (before.next()) |entry| below.add(entry.key);
    call.emit(.{ .what = "below", .text = below.text, .n = tables.songs.get("s01") orelse -1 });
    var twice: Words = .{};
    const twos = tables.places.range(.{ .times = 2, .song = "" }, .{ .times = 3, .song = "" });
    while (twos.next()) |entry| twice.add(entry.key.song);
    var quarters: i64 = 0;
    const places = tables.places.all();
    while (places.next()) |entry| quarters += @intFromFloat(entry.value * 4);
    call.emit(.{ .what = "twice", .text = twice.text, .n = quarters });
}

pub const operator = pelton.keyed(plays, .{});
