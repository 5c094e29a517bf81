/** What a transform exports. */
import { exportsOf } from "./exports.mjs";

export default exportsOf("transform", ["open", "process"]);
