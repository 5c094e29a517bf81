/** What the build of a module in Java calls: its classes, as JavaScript, with the contract before them. */
import { exported } from "../component.ts";
import type { Source } from "../tables.ts";
import { serve } from "../tables.ts";
import { JavaAggregate } from "./aggregate.ts";
import { javaCogroup, javaKeyed } from "./calls.ts";
import type { Definition, Field } from "./definition.ts";
import { namesOf } from "./definition.ts";
import { JavaEnrich } from "./enrich.ts";
import type { Host } from "../log.ts";
import { counter, gauge, log } from "../log.ts";
import { JavaTransform } from "./transform.ts";

/** What `classes.js` exports: `guest-sdk/java/build/Build.java` says it for each kind. */
export interface Classes {
  definition(): string;
  open(options: object, names: string[], host: Host): void;
  /** The class and message of an exception; empty if it is not Java's. */
  failure(error: unknown): string;
  process?(...given: any[]): void;
  ask?(batch: object, rows: number): void;
  answer?(batch: object, rows: number): string | null;
  load?(at: number, names: string[], rows: readonly object[]): void;
  fold?(...given: any[]): void;
  merge?(...given: any[]): void;
  finish?(...given: any[]): void;
  zero?(made: object): void;
  migrate?(version: number, before: string[], names: string[], state: object, answer: Migrated): void;
}

/** What state of an older version is now, or why it is none; neither if it is dropped. */
export interface Migrated {
  state?: any;
  rejected?: string;
}

const HOST: Host = { log: (level, message) => log[level](message), counter, gauge };

/** Hands the options to Java. */
export function open(java: Classes, options: object, fields: readonly Field[]): void {
  java.open(options, namesOf(fields), HOST);
}

/** The export `pelton:operator/KIND`. */
export function module(java: Classes, state: Source | null = null): Record<string, unknown> {
  serve(state);
  const definition = JSON.parse(java.definition()) as Definition;
  const { kind } = definition;
  const operator =
    kind === "transform" ? new JavaTransform(java, definition)
    : kind === "aggregate" ? new JavaAggregate(java, definition)
    : kind === "enrich" ? new JavaEnrich(java, definition)
    : kind === "keyed" ? javaKeyed(java, definition)
    : javaCogroup(java, definition);
  return exported(operator, kind, (error) => java.failure(error) || String(error));
}
