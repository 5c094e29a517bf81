//! What `guest-sdk/c/pelton.h` declares, as Zig has it: the glue in `pelton.c` speaks the contract for both languages.
//!
//! The rest of this SDK alone calls it. Each structure has the layout of the one of the same name in `pelton.h`; the numbers of types,
//! rules and verdicts are those of its enumerations. A size that differs does not compile.

/// A column that is read: `pelton_view`. Booleans have a byte for each row.
pub const View = extern struct { values: ?*const anyopaque, offsets: ?[*]const i32, valid: ?[*]const u8 };

/// A column that is made, with room for rows: `pelton_room`.
pub const Room = extern struct { values: ?*anyopaque, offsets: ?[*]i32, valid: ?[*]u8, capacity: usize };

/// The rows that a call makes: `pelton_out`.
pub const Out = extern struct {
    rows: u32,
    capacity: u32,
    origin: [*]u32,
    rooms: [*]Room,
    row: u32,
    columns: [*]const Column,
    columns_count: u32,
};

/// `pelton_port`: an output besides the main one.
pub const Port = extern struct {
    name: [*:0]const u8,
    makes: [*]const Column,
    makes_count: u32,
    rules: [*]const Rule,
    rules_count: u32,
    out: ?*Out = null,
    order: ?[*]u32 = null,
};

/// `pelton_ports`.
pub const Ports = extern struct { list: [*]const *Port, count: u32 };

/// `pelton_side_table`.
pub const SideTable = extern struct {
    name: [*:0]const u8,
    row: Struct,
    index: ?*const fn (*SideTable) callconv(.c) void,
    rows: ?*anyopaque = null,
    count: u32 = 0,
    slots: ?[*]u32 = null,
    mask: u32 = 0,
    has_come: bool = false,
    its: ?*anyopaque = null,
};

/// `pelton_side_tables`.
pub const SideTables = extern struct { list: [*]const *SideTable, count: u32 };

/// `pelton_column`: its name, and the number of its type with `nullable` where nulls are taken.
pub const Column = extern struct { name: [*:0]const u8, type: c_int };

/// The numbers of `pelton_type`.
pub const types = struct {
    pub const boolean = 0;
    pub const s8 = 1;
    pub const s16 = 2;
    pub const s32 = 3;
    pub const s64 = 4;
    pub const u8_ = 5;
    pub const u16_ = 6;
    pub const u32_ = 7;
    pub const u64_ = 8;
    pub const f32_ = 9;
    pub const f64_ = 10;
    pub const date = 11;
    pub const timestamp = 12;
    pub const text = 13;
    pub const bytes = 14;
    pub const nullable = 32;
};

/// What the glue does with a struct of columns without knowing it: `pelton_struct`.
pub const Struct = extern struct {
    columns: [*]const Column,
    count: u32,
    size: usize,
    load: *const fn ([*]const View, u32, *anyopaque) callconv(.c) void,
    store: *const fn (*const anyopaque, u32, [*]Room) callconv(.c) void,
    same: *const fn (*const anyopaque, *const anyopaque) callconv(.c) bool,
};

/// `pelton_option`.
pub const Option = extern struct { name: ?[*:0]const u8, type: c_int, needed: bool, offset: usize };

/// `pelton_rule`.
pub const Rule = extern struct { kind: RuleKind, column: ?[*:0]const u8 = null, name: ?[*:0]const u8 = null };

/// `pelton_rule_kind`.
pub const RuleKind = enum(c_int) { none, pass_none, pass_all, pass, drop, rename, time, ordered };

/// `pelton_batch`: `refused` has a byte for each row, 1 if it is rejected already.
pub const Batch = extern struct { rows: u32, views: [*]const View, refused: ?[*]const u8, options: *const anyopaque };

/// `pelton_operator`.
pub const Operator = extern struct {
    kind: [*:0]const u8,
    function: [*:0]const u8,
    reads: [*]const Column,
    makes: [*]const Column,
    reads_count: u32,
    makes_count: u32,
    options: [*]const Option,
    options_count: u32,
    options_size: usize,
    defaults: *const fn (*anyopaque) callconv(.c) void,
    rules: [*]const Rule,
    rules_count: u32,
    run: ?*const fn (*const Batch, *Out) callconv(.c) void,
    by_column: bool,
};

/// `pelton_window`: `pane` is 0 early, 1 on time, 2 late.
pub const Window = extern struct { start: i64, end: i64, pane: c_int };

/// `pelton_fold`.
pub const Fold = extern struct {
    state: Struct,
    add: *const fn (*const Batch, [*]const u32, *anyopaque) callconv(.c) void,
    merge: *const fn (*anyopaque, *const anyopaque, u32, *const anyopaque) callconv(.c) void,
    finish: *const fn (*const anyopaque, [*]const Window, u32, *Out, *const anyopaque) callconv(.c) void,
    retract: ?*const fn (*const Batch, [*]const u32, *anyopaque) callconv(.c) void,
};

/// `pelton_timer`.
pub const Timer = extern struct { id: u32, at: i64, is_processing: bool };

/// `pelton_call`: one key with its rows and timers.
pub const Call = extern struct {
    rows: u32,
    has_state: bool,
    expiring: bool,
    key: u32,
    numbers: [*]const u32,
    due: [*]const Timer,
    due_count: u32,
    due_next: u32,
    out: *Out,
};

/// `pelton_table`, a list where there is no subkey.
pub const Table = extern struct {
    name: [*:0]const u8,
    subkey: ?*const Struct,
    value: *const Struct,
    index: u32,
    its: ?*anyopaque,
};

/// `pelton_cursor`.
pub const Cursor = opaque {};

/// `pelton_keyed`.
pub const Keyed = extern struct {
    key: Struct,
    state: Struct,
    row: Struct,
    call: *const fn (*Call, *const anyopaque, *anyopaque, *const anyopaque, *const anyopaque) callconv(.c) void,
    tables: ?[*]const *Table,
    tables_count: u32,
};

/// The numbers of `pelton_verdict`.
pub const verdicts = struct {
    pub const drop = 0;
    pub const keep = 1;
    pub const reject = 2;
};

/// `pelton_migration`.
pub const Migration = extern struct {
    older: Struct,
    state: [*]const Column,
    migrate: *const fn (*const anyopaque, *anyopaque) callconv(.c) c_int,
};

/// `pelton_migrations`.
pub const Migrations = extern struct { list: [*]const *const Migration, count: u32 };

/// `pelton_pair`: one key with its rows on two inputs.
pub const Pair = extern struct {
    left: u32,
    right: u32,
    left_numbers: [*]const u32,
    right_numbers: [*]const u32,
    key: u32,
    out: *Out,
};

/// `pelton_joined`.
pub const Joined = extern struct {
    key: Struct,
    left: Struct,
    right: Struct,
    call: *const fn (*Pair, *const anyopaque, *const anyopaque, *const anyopaque, *const anyopaque) callconv(.c) void,
};

/// `pelton_text`.
pub const Text = extern struct {
    data: ?[*]const u8,
    size: usize,

    pub fn of(text: []const u8) Text {
        return .{ .data = text.ptr, .size = text.len };
    }

    pub fn slice(self: Text) []const u8 {
        return if (self.data) |data| data[0..self.size] else "";
    }
};

/// `pelton_header`.
pub const Header = extern struct { name: Text, value: Text };

/// `pelton_request`; the capacities are those of C's own functions.
pub const Request = extern struct {
    endpoint: Text,
    method: Text,
    path: Text,
    headers: ?[*]const Header = null,
    headers_count: u32 = 0,
    body: Text = .of(""),
    path_capacity: usize = 0,
    headers_capacity: u32 = 0,
};

/// `pelton_reply`.
pub const Reply = extern struct {
    status: u16,
    headers: ?[*]const Header,
    headers_count: u32,
    body: Text,
    failed: bool,
    failure: Text,
};

/// `pelton_asked`: takes requests.
pub const Asked = opaque {};

/// `pelton_asking`.
pub const Asking = extern struct { ask: *const fn (*const Batch, *Asked) callconv(.c) void };

/// `pelton_context`.
pub const Context = extern struct { epoch: u64, first_row: u64, now: i64, watermark: i64, seed: u64 };

comptime {
    const sizes = .{
        .{ View, 12 },   .{ Room, 16 },     .{ Out, 28 },  .{ Struct, 24 },  .{ Option, 16 }, .{ Rule, 12 },
        .{ Batch, 16 },  .{ Operator, 56 }, .{ Fold, 40 }, .{ Timer, 24 },   .{ Call, 32 },   .{ Keyed, 84 },
        .{ Window, 24 }, .{ Column, 8 },    .{ Context, 40 }, .{ Table, 20 }, .{ Pair, 24 }, .{ Joined, 76 },
        .{ Port, 28 },   .{ Ports, 8 },     .{ SideTable, 56 }, .{ SideTables, 8 },
        .{ Migration, 32 }, .{ Migrations, 8 },     .{ Header, 16 },    .{ Request, 48 },  .{ Reply, 32 }, .{ Asking, 4 },
    };
    for (sizes) |pair| {
        if (@sizeOf(pair[0]) != pair[1]) @compileError(@typeName(pair[0]) ++ " is not as guest-sdk/c/pelton.h has it");
    }
}

pub extern var pelton_at: u32;
pub extern fn pelton_rejected(row: u32) void;
pub extern fn pelton_reject_text(reason: [*]const u8, size: usize) c_int;
pub extern fn pelton_log_text(level: c_int, line: [*]const u8, size: usize) void;
pub extern fn pelton_counter(name: [*:0]const u8, delta: u64) void;
pub extern fn pelton_gauge(name: [*:0]const u8, value: f64) void;
pub extern fn pelton_alloc(size: usize) [*]align(16) u8;
pub extern fn pelton_current() *const Context;
pub extern fn pelton_row_number() u64;
pub extern fn pelton_random() f64;
pub extern fn pelton_random_u64() u64;
pub extern fn pelton_room_for_text(room: *Room, used: usize, more: usize) void;
pub extern fn pelton_out_grow(out: *Out) void;
pub extern fn pelton_port_out(at: u32, row: u32) *Out;
pub extern fn pelton_ports_forget(row: u32) void;
pub extern fn pelton_side_check(table: *const SideTable) void;
pub extern fn pelton_hash(bytes: [*]const u8, size: usize) u64;
pub extern fn pelton_asks(asked: *Asked, row: u32, request: *const Request) void;
pub extern fn pelton_told() ?*const Reply;
pub extern fn pelton_reply_again_text(reply: *const Reply, why: [*]const u8, size: usize) c_int;
pub extern fn pelton_due(call: *Call) ?*const Timer;
pub extern fn pelton_set_timer(call: *Call, id: u32, at: i64) void;
pub extern fn pelton_set_processing_timer(call: *Call, id: u32, at: i64) void;
pub extern fn pelton_clear_timer(call: *Call, id: u32) void;
pub extern fn pelton_from(call: *Call, row: u32) *Out;
pub extern fn pelton_from_none(call: *Call) *Out;
pub extern fn pelton_reject_row_text(call: *Call, row: u32, reason: [*]const u8, size: usize) void;
pub extern fn pelton_at_row(call: *Call, row: u32) void;
pub extern fn pelton_list_push(table: *Table, element: *const anyopaque) void;
pub extern fn pelton_list_first(table: *Table, element: ?*anyopaque) bool;
pub extern fn pelton_list_last(table: *Table, element: ?*anyopaque) bool;
pub extern fn pelton_list_at(table: *Table, position: usize, element: ?*anyopaque) bool;
pub extern fn pelton_list_pop(table: *Table, element: ?*anyopaque) bool;
pub extern fn pelton_list_length(table: *Table) usize;
pub extern fn pelton_list_keep_last(table: *Table, count: usize) void;
pub extern fn pelton_list_range(table: *Table, from: usize, to: usize, backward: bool) *Cursor;
pub extern fn pelton_list_next(cursor: *Cursor, element: ?*anyopaque) bool;
pub extern fn pelton_map_get(table: *Table, subkey: *const anyopaque, value: ?*anyopaque) bool;
pub extern fn pelton_map_put(table: *Table, subkey: *const anyopaque, value: *const anyopaque) void;
pub extern fn pelton_map_remove(table: *Table, subkey: *const anyopaque) void;
pub extern fn pelton_map_clear(table: *Table) void;
pub extern fn pelton_map_range(table: *Table, from: ?*const anyopaque, to: ?*const anyopaque, backward: bool) *Cursor;
pub extern fn pelton_map_next(cursor: *Cursor, subkey: ?*anyopaque, value: ?*anyopaque) bool;
pub extern fn pelton_of_key(pair: *Pair) *Out;
pub extern fn pelton_reject_left_text(pair: *Pair, row: u32, reason: [*]const u8, size: usize) void;
pub extern fn pelton_reject_right_text(pair: *Pair, row: u32, reason: [*]const u8, size: usize) void;
pub extern fn pelton_at_left(pair: *Pair, row: u32) void;
pub extern fn pelton_at_right(pair: *Pair, row: u32) void;
