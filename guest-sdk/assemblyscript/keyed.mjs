/** What a keyed operator exports, and the interface that one adds which migrates what versions before it kept. */
import { exportsOf, inEntry, isThere, rename } from "./exports.mjs";

/** Is compiled where the author's module declares a version. */
const DECLARES_A_VERSION = "~lib/pelton-guest/versions/version";

export default class extends exportsOf("keyed", ["open", "process"]) {
  afterCompile(module) {
    const migrates = isThere(module, inEntry("migrateRows"));
    if (migrates !== isThere(module, DECLARES_A_VERSION)) {
      throw new Error("a module that declares a version before this one exports `migrate`, and no other does");
    }
    if (migrates) rename(module, "migrate", "migrate");
    else module.removeExport("migrate");
    super.afterCompile(module);
  }
}
