/**
 * Gives the exports of a module the names that the contract has for them, which are no identifiers: `process` of the entry becomes
 * `pelton:operator/keyed@0.1.0#process`, and what is called after it `cabi_post_…`. `pelton build` hands one of the files named after the
 * kinds of operators to `asc --transform`.
 */

/** The compiler names a function by its file. */
const ENTRY = ".pelton/build/entry";

/** A transform of the compiler for the kind, whose interface has these functions. */
export function exportsOf(kind, functions) {
  return class {
    afterCompile(module) {
      for (const name of functions) rename(module, kind, name);
      module.removeExport("done");
    }
  };
}

/** Whether the module has the function, which it has if something calls it. */
export function isThere(module, name) {
  return module.getFunction(name) !== 0;
}

/** The name of a function of the entry. */
export function inEntry(name) {
  return `${ENTRY}/${name}`;
}

/** Exports a function of the entry by the name that it has in an interface. */
export function rename(module, interfaceName, name) {
  const exported = `pelton:operator/${interfaceName}@0.1.0#${name}`;
  module.removeExport(name);
  module.addFunctionExport(inEntry(name), exported);
  module.addFunctionExport(inEntry("done"), `cabi_post_${exported}`);
}
