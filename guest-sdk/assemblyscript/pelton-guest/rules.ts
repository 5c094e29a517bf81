/**
 * Which columns of the input leave besides those that are made: of a transform all of them and of a keyed operator those of the key, unless
 * one of these is called at the top of the source. What `port` declares may have rules of its own, in the place of these.
 */

/** Rules of one output, or of all that have none of their own. */
export class Rules {
  only: string[] | null = null;
  all: bool = false;
  dropped: string[] = [];
  renamed: Map<string, string> = new Map<string, string>();
  /** Whether there is one. */
  isGiven: bool = false;

  passOnly(columns: string[]): void {
    this.only = columns;
    this.isGiven = true;
  }

  passAll(): void {
    this.all = true;
    this.isGiven = true;
  }

  drop(column: string): void {
    this.dropped.push(column);
    this.isGiven = true;
  }

  rename(column: string, name: string): void {
    this.renamed.set(column, name);
    this.isGiven = true;
  }

  /** Whether the column leaves, if those in `usual` do where no rule says otherwise; null: all of them. */
  passes(column: string, usual: string[] | null): bool {
    if (this.dropped.includes(column)) return false;
    let columns = this.only;
    if (columns === null && !this.all) columns = usual;
    return columns === null || columns.includes(column);
  }

  nameFor(column: string): string {
    return this.renamed.has(column) ? this.renamed.get(column) : column;
  }

  /** All columns that rules name. */
  get named(): string[] {
    const columns = this.only;
    const others = this.dropped.concat(this.renamed.keys());
    return columns === null ? others : columns.concat(others);
  }
}

/** Those that are called at the top. */
export const rules: Rules = new Rules();
export let isOrdered: bool = false;
export let eventTimeColumn: string = "";

/** Only these columns of the input leave. */
export function passOnly(columns: string[]): void {
  rules.passOnly(columns);
}

export function passNone(): void {
  rules.passOnly([]);
}

/** All columns of the input leave, in a keyed operator. */
export function passAll(): void {
  rules.passAll();
}

/** The `merge` of the aggregate needs to know which side is earlier. */
export function ordered(): void {
  isOrdered = true;
}

/** All but this column leave. */
export function drop(column: string): void {
  rules.drop(column);
}

/** The column leaves under another name. */
export function rename(column: string, name: string): void {
  rules.rename(column, name);
}

/** The column that is the main output's event time. */
export function eventTime(column: string): void {
  eventTimeColumn = column;
}
