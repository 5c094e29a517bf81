/** What a cogroup exports. */
import { exportsOf } from "./exports.mjs";

export default exportsOf("cogroup", ["open", "process"]);
