/** The globals of every JavaScript that a module has besides the language's own, for the compiler; `shims.ts` has them when it runs. */

declare global {
  interface Console {
    log(...values: any[]): void;
    info(...values: any[]): void;
    warn(...values: any[]): void;
    error(...values: any[]): void;
    debug(...values: any[]): void;
    trace(...values: any[]): void;
  }
  /** Writes to the job's log. */
  var console: Console;
}

export {};
