/**
 * Which columns of the input leave besides those that are made: of a transform all of them and of a keyed operator those of the key, unless
 * one of these is called at the top of the source.
 */

export let only: string[] | null = null;
export let all: bool = false;
export let isOrdered: bool = false;
export const dropped: string[] = [];
export const renamed: Map<string, string> = new Map<string, string>();
export let eventTimeColumn: string = "";

/** Only these columns of the input leave. */
export function passOnly(columns: string[]): void {
  only = columns;
}

export function passNone(): void {
  only = [];
}

/** All columns of the input leave, in a keyed operator. */
export function passAll(): void {
  all = true;
}

/** The `merge` of the aggregate needs to know which side is earlier. */
export function ordered(): void {
  isOrdered = true;
}

/** All but this column leave. */
export function drop(column: string): void {
  dropped.push(column);
}

/** The column leaves under another name. */
export function rename(column: string, name: string): void {
  renamed.set(column, name);
}

/** The column that is the output's event time. */
export function eventTime(column: string): void {
  eventTimeColumn = column;
}

/** Whether the column leaves, if those in `usual` do where no rule says otherwise; null: all of them. */
export function passes(column: string, usual: string[] | null): bool {
  if (dropped.includes(column)) return false;
  let columns = only;
  if (columns === null && !all) columns = usual;
  return columns === null || columns.includes(column);
}

export function nameFor(column: string): string {
  return renamed.has(column) ? renamed.get(column) : column;
}

/** All columns that rules name. */
export function named(): string[] {
  const columns = only;
  const others = dropped.concat(renamed.keys());
  return columns === null ? others : columns.concat(others);
}
