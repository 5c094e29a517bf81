/** What an enrich operator exports. */
import { exportsOf } from "./exports.mjs";

export default exportsOf("enrich", ["open", "ask", "answer"]);
