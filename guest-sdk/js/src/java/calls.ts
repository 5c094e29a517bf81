/** Keyed operators and cogroups in Java: those of JavaScript, with a function that calls Java. */
import type { Cogroup } from "../cogroup.ts";
import { cogroup } from "../cogroup.ts";
import type { Keyed } from "../keyed.ts";
import { keyed } from "../keyed.ts";
import { older } from "../migrate.ts";
import { Reject } from "../rows.ts";
import { list, map } from "../tables.ts";
import { columnsOf, type Definition, type Field, namesOf, outputsOf, portNames, typeOf } from "./definition.ts";
import type { Classes, Migrated } from "./module.ts";
import { open } from "./module.ts";

export function javaKeyed(java: Classes, definition: Definition): Keyed<any, any, any, any, any, any, any> {
  const { options, key, reads, state, tables, migrate = [] } = definition;
  const held = (fields: Field[], single: boolean): any => (single ? typeOf(fields[0]!) : columnsOf(fields));
  const fieldsOf = (fields: Field[] | undefined, single: boolean): string[] | null => (fields === undefined || single ? null : namesOf(fields));
  const names = {
    key: namesOf(key),
    rows: namesOf(reads),
    state: namesOf(state ?? []),
    ports: portNames(definition),
    tables: Object.fromEntries(tables.map(({ name, single, singleKey, list, by, holds }) => [
      name, { key: fieldsOf(by, singleKey), value: fieldsOf(list ?? holds, single) },
    ])),
  };
  const emits = emitter(definition);
  const opened = opener(java, options);
  return keyed<any, any, any, any, any, any, any>({
    ...outputsOf(definition),
    options: columnsOf(options),
    key: columnsOf(key),
    reads: columnsOf(reads),
    ...(state === undefined ? {} : { state: columnsOf(state) }),
    tables: Object.fromEntries(tables.map(({ name, single, singleKey, list: of, by, holds }) => [
      name, of === undefined ? map(held(by!, singleKey), held(holds!, single)) : list(held(of, single)),
    ])),
    migrate: migrate.map((fields, at) => older(columnsOf(fields), (before: object) => {
      const answer: Migrated = {};
      java.migrate!(at + 1, namesOf(fields), names.state, before, answer);
      if (answer.rejected !== undefined) throw new Reject(answer.rejected);
      return answer.state ?? null;
    })),
    process(call: any) {
      opened(call.options);
      java.process!({ ...call, context: call.ctx, names, ...emits(call.out) });
    },
  });
}

export function javaCogroup(java: Classes, definition: Definition): Cogroup<any, any, any, any, any, any> {
  const { options, key, left, right } = definition;
  const names = { key: namesOf(key), left: namesOf(left), right: namesOf(right), ports: portNames(definition) };
  const emits = emitter(definition);
  const opened = opener(java, options);
  return cogroup<any, any, any, any, any, any>({
    ...outputsOf(definition),
    options: columnsOf(options),
    key: columnsOf(key),
    left: columnsOf(left),
    right: columnsOf(right),
    process(pair: any) {
      opened(pair.options);
      java.process!({ ...pair, context: pair.ctx, names, ...emits(pair.out) });
    },
  });
}

/** Hands the options to Java, once for each time that the operator is opened. */
function opener(java: Classes, fields: readonly Field[]): (options: object) => void {
  let last: object | null = null;
  return (options) => {
    if (options === last) return;
    last = options;
    open(java, options, fields);
  };
}

/** Outputs are numbers in Java. */
function emitter({ ports }: Definition): (out: any) => object {
  return (out) => ({
    emit: (port: number, made: object, of?: object) => out.emit(ports === undefined ? made : { [ports[port]!.name]: made }, of),
    reject: (row: object, reason: string) => out.reject(row, reason),
  });
}
