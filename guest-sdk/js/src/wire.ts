/** The records that cross the boundary, by the names of `wit/types.wit` as QuickJS has them. */

export interface Field { name: string; format: string; nullable: boolean; children: number }
export interface Node { rows: number; buffers: Uint8Array[] }
export interface Table { rows: number; nodes: Node[] }
export interface Input { name: string; fields: Field[]; key: string[]; eventTime?: string | null; mode: string }
export type OutputField = { tag: "pass"; val: [string, string] } | { tag: "computed"; val: Field };
export interface Port { name: string; fields: OutputField[]; eventTime: string | null }
export interface StateTable { name: string; subkey: Field[]; values: Field[] }
export interface Contract {
  reads: string[][];
  ports: Port[];
  tables: string[];
  state: StateTable[];
  stateVersion: number;
  properties: [string, string][];
}
/** 64-bit numbers arrive as `number`. */
export interface BatchContext { epoch: number; firstRow: number; now: number; watermark: number; seed: number | bigint }
export interface Emitted { port: number; origin: Uint8Array | null; computed: Table }
export interface Output { emitted: Emitted[]; rejected: { row: number; reason: string }[] }

/** Of `wit/keyed.wit`. Buffers of little-endian numbers. */
export interface Due { key: Uint8Array; ids: Uint8Array; at: Uint8Array; clock: Uint8Array }
export interface KeyedEmitted {
  port: number;
  key: Uint8Array;
  origin: Uint8Array | null;
  time: Uint8Array | null;
  computed: Table;
}
export interface Change { table: number; kind: Uint8Array; key: Uint8Array; rows: Table }
export interface KeyedOutput {
  emitted: KeyedEmitted[];
  changes: Change[];
  timers: { timers: Due; cleared: Uint8Array };
  rejected: { row: number; reason: string }[];
}

/** Of `wit/enrich.wit`. */
export interface AskedRequest { endpoint: string; method: string; path: string; headers: [string, string][]; body: Uint8Array }
/** `wanted` is a buffer of u32. */
export interface AskedRequests { requests: AskedRequest[]; wanted: Uint8Array }
export interface ToldReply { status: number; headers: [string, string][]; body: Uint8Array; error?: string | null }
