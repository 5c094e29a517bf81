/** What an aggregate exports. */
import { exportsOf } from "./exports.mjs";

export default exportsOf("aggregate", ["open", "accumulate", "merge", "finish"]);
