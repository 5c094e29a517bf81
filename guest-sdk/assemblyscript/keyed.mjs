/** What a keyed operator exports. */
import { exportsOf } from "./exports.mjs";

export default exportsOf("keyed", ["open", "process"]);
