// What is still to be paid of each order, if it is `least` or more.
import { cogroup, f64, s64 } from "pelton-guest";

export const {{camel}} = cogroup({
  options: { least: f64 },
  key: { order: s64 },
  left: { price: f64 },
  right: { euro: f64 },
  makes: { unpaid: f64 },
  process({ key, left: items, right: payments, out, options }) {
    if (items.length === 0) {
      for (const payment of payments) out.reject(payment, `there is no order ${key.order}`);
      return;
    }
    const due = items.reduce((sum, { price }) => sum + price, 0);
    const unpaid = payments.reduce((left, { euro }) => left - euro, due);
    if (unpaid >= options.least) out.emit({ unpaid });
  },
});
