/** What a transform exports, and the interface that one adds which looks up in side tables. */
import { exportsOf, isThere, rename } from "./exports.mjs";

/** Is compiled where the author's module makes a table. */
const MAKES_A_TABLE = "~lib/pelton-guest/side/SideTable#constructor";

export default class extends exportsOf("transform", ["open", "process"]) {
  afterCompile(module) {
    if (isThere(module, MAKES_A_TABLE)) rename(module, "tables", "load");
    else module.removeExport("load");
    super.afterCompile(module);
  }
}
