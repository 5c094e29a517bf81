//! Orders and what was paid for them, each by an output of its own: what is owed, what is paid, and the payments of what is paid twice.
const pelton = @import("pelton");

const Order = struct { order: i64 };
const Item = struct { price: f64 };
const Payment = struct { euro: f64 };
const Bill = union(enum) { owed: struct { rest: f64 }, paid, over: Payment };

fn bills(pair: pelton.Pair(Bill), order: Order, items: []const Item, payments: []const Payment) void {
    var rest: f64 = 0;
    var paid: f64 = 0;
    for (items) |item| rest += item.price;
    for (payments) |payment| paid += payment.euro;
    rest -= paid;
    for (payments, 0..) |payment, row| {
        if (items.len == 0) {
            pair.rejectRight(row, "there is no order {d}", .{order.order});
        } else if (rest < 0) pair.emit(.{ .over = payment });
    }
    if (items.len == 0 or rest < 0) return;
    pair.emit(if (rest > 0) .{ .owed = .{ .rest = rest } } else .paid);
}

pub const operator = pelton.cogroup(bills, .{
    .ports = &.{.{ .name = "over", .rename = &.{.{ .from = "order", .to = "bill" }} }},
});
