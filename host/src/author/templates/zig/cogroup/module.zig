//! What is still to be paid of each order, if it is `least` or more.

const pelton = @import("pelton");

const Options = struct { least: f64 };
const Order = struct { order: i64 };
const Item = struct { price: f64 };
const Payment = struct { euro: f64 };
const Unpaid = struct { unpaid: f64 };

fn {{camel}}(pair: pelton.Pair(Unpaid), order: Order, items: []const Item, payments: []const Payment, options: *const Options) void {
    if (items.len == 0) {
        for (0..payments.len) |row| pair.rejectRight(row, "there is no order {d}", .{order.order});
        return;
    }
    var unpaid: f64 = 0;
    for (items) |item| unpaid += item.price;
    for (payments) |payment| unpaid -= payment.euro;
    if (unpaid >= options.least) pair.emit(.{ .unpaid = unpaid });
}

pub const operator = pelton.cogroup({{camel}}, .{});
