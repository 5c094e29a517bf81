/** Which columns of the input leave besides those that are made: all of them, unless one of these is called at the top of the source. */

export let only: string[] | null = null;
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

export function passes(column: string): bool {
  if (dropped.includes(column)) return false;
  const columns = only;
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
