/** Orders and what was paid for them, each by an output of its own: what is owed, what is paid, and the payments of what is paid twice. */
import { cogroup, f64, s64 } from "pelton-guest";

export const bills = cogroup({
  key: { order: s64 },
  left: { price: f64 },
  right: { euro: f64 },
  ports: {
    owed: { makes: { rest: f64 } },
    paid: {},
    over: { makes: { euro: f64 }, rename: { order: "bill" } },
  },
  process({ key, left: items, right: payments, out }) {
    const rest = items.reduce((sum, { price }) => sum + price, 0) - payments.reduce((sum, { euro }) => sum + euro, 0);
    for (const payment of payments) {
      if (items.length === 0) out.reject(payment, `there is no order ${key.order}`);
      else if (rest < 0) out.emit({ over: { euro: payment.euro } });
    }
    if (items.length > 0 && rest >= 0) out.emit(rest > 0 ? { owed: { rest } } : { paid: {} });
  },
});
