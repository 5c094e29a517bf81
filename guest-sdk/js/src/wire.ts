/** The records that cross the boundary, by the names of `wit/types.wit` as QuickJS has them. */

export interface Field { name: string; format: string; nullable: boolean; children: number }
export interface Node { rows: number; buffers: Uint8Array[] }
export interface Table { rows: number; nodes: Node[] }
export interface Input { name: string; fields: Field[]; key: string[]; eventTime?: string | null; mode: string }
export type OutputField = { tag: "pass"; val: [string, string] } | { tag: "computed"; val: Field };
export interface Port { name: string; fields: OutputField[]; eventTime: string | null }
export interface Contract {
  reads: string[][];
  ports: Port[];
  tables: string[];
  state: never[];
  stateVersion: number;
  properties: [string, string][];
}
/** 64-bit numbers arrive as `number`. */
export interface BatchContext { epoch: number; firstRow: number; now: number; watermark: number; seed: number | bigint }
export interface Emitted { port: number; origin: Uint8Array | null; computed: Table }
export interface Output { emitted: Emitted[]; rejected: { row: number; reason: string }[] }
