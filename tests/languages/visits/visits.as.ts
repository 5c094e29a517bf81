// Visits of users: rows made from rows and by timers, rows refused, timers moved and cleared, state with text and nulls.
import {
  clearTimer, emit, emitRow, forget, hasState, keeps, keepsOrNull, makes, makesOrNull, nextRow, nextTimer, option, readsKey, readsOrNull,
  readsTimestamp, reject, setTimer,
} from "pelton-guest";

const gap = option<i64>("gap").or(30);
const user = readsKey<string>("user");
const at = readsTimestamp("at");
const page = readsOrNull<string>("page");

const clicks = keeps<i64>("clicks");
const last = keepsOrNull<string>("last");

const eventMade = makes<string>("event");
const clicksMade = makes<i64>("clicks");
const pageMade = makesOrNull<string>("page");

const END = 7;

export function process(): void {
  while (nextRow()) {
    const name = page.isNull ? "" : page.value;
    if (name == "bad") {
      reject(`${user.value} was on a bad page`);
      continue;
    }
    if (!hasState()) {
      tell("begin", 1);
      if (!page.isNull) pageMade.value = name;
      emitRow();
    }
    clicks.value += 1;
    if (page.isNull) last.setNull();
    else last.value = name;
    setTimer(END, at.value + gap.value * 1000000);
    if (name == "exit") {
      tell("exit", clicks.value);
      emitRow();
      forget();
      clearTimer(END);
    }
  }
  while (nextTimer()) {
    if (!hasState()) continue;
    tell("end", clicks.value);
    if (!last.isNull) pageMade.value = last.value;
    emit();
    forget();
  }
}

function tell(event: string, count: i64): void {
  eventMade.value = event;
  clicksMade.value = count;
}
