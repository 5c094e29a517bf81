/**
 * Gives the exports of a module the names that the contract has for them, which are no identifiers: `process` of the entry becomes
 * `pelton:operator/transform@0.1.0#process`. `pelton build` hands it to `asc --transform`.
 */
const INTERFACE = "pelton:operator/transform@0.1.0";
const NAMES = {
  open: `${INTERFACE}#open`,
  opened: `cabi_post_${INTERFACE}#open`,
  process: `${INTERFACE}#process`,
  processed: `cabi_post_${INTERFACE}#process`,
};
/** The compiler names a function by its file. */
const ENTRY = ".pelton/build/entry";

export default class {
  afterCompile(module) {
    for (const [name, exported] of Object.entries(NAMES)) {
      module.removeExport(name);
      module.addFunctionExport(`${ENTRY}/${name}`, exported);
    }
  }
}
