/** What an aggregate exports, and the interface that one adds which can take rows back. */
import { exportsOf, inEntry, isThere, rename } from "./exports.mjs";

export default class extends exportsOf("aggregate", ["open", "accumulate", "merge", "finish"]) {
  afterCompile(module) {
    if (isThere(module, inEntry("takeBack"))) rename(module, "retractable", "retract");
    else module.removeExport("retract");
    super.afterCompile(module);
  }
}
