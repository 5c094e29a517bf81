/** Sums by key in whole euros and cents beside them: version 2 of what keeps cents in tests/guests/versions. */
import { DROP, KEEP, Verdict, emitRow, keeps, list, makes, nextRow, reads, reject, version } from "pelton-guest";

const n = reads<i64>("n");
const nMade = makes<i64>("n");
const centsMade = makes<i64>("cents");
const lastMade = makes<i64>("last");
const versionMade = makes<i64>("version");

const euro = keeps<i64>("euro");
const cents = keeps<string>("cents");
const rows = keeps<i64>("rows");
const last = list("last");
const number = last.holds<i64>("value");

const first = version(1);
const inCents = first.keeps<i64>("cents");

function keepSum(sum: i64, count: i64): void {
  const rest = ((sum % 100) + 100) % 100;
  euro.value = (sum - rest) / 100;
  cents.value = rest.toString();
  rows.value = count;
}

export function migrate(): Verdict {
  if (inCents.value == 404404) return reject("nobody pays so much");
  if (inCents.value == 0) return DROP;
  keepSum(inCents.value, 0);
  return KEEP;
}

export function process(): void {
  while (nextRow()) {
    const sum = euro.value * 100 + (cents.value == "" ? 0 : I64.parseInt(cents.value)) + n.value;
    keepSum(sum, rows.value + 1);
    number.value = n.value;
    last.push();
    last.keepLast(3);
    nMade.value = n.value;
    centsMade.value = sum;
    let sumOfLast: i64 = 0;
    const all = last.all();
    while (all.next()) sumOfLast += number.value;
    lastMade.value = sumOfLast;
    versionMade.value = 2;
    emitRow();
  }
}
