/** Stays of users: rows made from rows by one output, rows made by timers by another, and a third that nothing is computed for. */
import {
  emit, forget, hasState, keeps, makes, nextRow, nextTimer, port, reads, readsKey, readsTimestamp, reject, setTimer,
} from "pelton-guest";

const user = readsKey<string>("user");
const at = readsTimestamp("at");
const page = reads<string>("page");
const clicks = keeps<i64>("clicks");
const ended = makes<i64>("clicks");

const begun = port("begun");
const first = begun.makes<string>("page");
begun.passOnly(["user", "at"]);
begun.rename("at", "since");

const again = port("again");
again.passAll();

const END = 1;

export function process(): void {
  while (nextRow()) {
    if (page.value == "bad") {
      reject(`${user.value} was on a bad page`);
      continue;
    }
    if (hasState()) {
      again.emitRow();
    } else {
      first.value = page.value;
      begun.emitRow();
    }
    clicks.value += 1;
    setTimer(END, at.value + 60000000);
  }
  while (nextTimer()) {
    if (!hasState()) continue;
    ended.value = clicks.value;
    emit();
    forget();
  }
}
