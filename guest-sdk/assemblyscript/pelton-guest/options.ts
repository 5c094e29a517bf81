/** The options of a job file, declared as constants at the top of a module's source: `const rate = option<f64>("rate");`. */
import { Reader } from "./json";
import { suggest } from "./names";

/** An option, whatever it is. */
export abstract class Setting {
  isNeeded: bool = true;
  isGiven: bool = false;

  constructor(public name: string) {}

  /** What it must be, for messages. */
  abstract words(): string;

  /** Takes the value; whether it was one. */
  abstract take(value: Reader): bool;
}

/** An option of `T`: `bool`, `i32`, `i64`, `f64` or `string`. */
export class Option<T> extends Setting {
  value: T;

  constructor(name: string) {
    super(name);
    if (isString<T>()) this.value = changetype<T>("");
    else this.value = <T>0;
  }

  /** What it is if the job file does not say. */
  or(fallback: T): Option<T> {
    this.value = fallback;
    this.isNeeded = false;
    return this;
  }

  words(): string {
    if (isBoolean<T>()) return "true or false";
    if (isString<T>()) return "a text";
    return isFloat<T>() ? "a number" : "an integer";
  }

  take(reader: Reader): bool {
    if (isString<T>()) {
      const text = reader.text();
      if (text === null) return false;
      this.value = changetype<T>(text);
      return true;
    } else if (isBoolean<T>()) {
      const word = reader.word();
      this.value = <T>(word == "true");
      return word == "true" || word == "false";
    } else if (isFloat<T>()) {
      const number = F64.parseFloat(reader.word());
      this.value = <T>number;
      return !isNaN(number);
    } else {
      const word = reader.word();
      const number = I64.parseInt(word);
      this.value = <T>number;
      return number.toString() == word && <i64>(<T>number) == number;
    }
  }
}

export const settings: Setting[] = [];

/** An option that must be given, or with `.or(…)` one that may. */
export function option<T>(name: string): Option<T> {
  const setting = new Option<T>(name);
  settings.push(setting);
  return setting;
}

/** Reads the options; what is wrong, or an empty text. */
export function readOptions(text: string): string {
  const reader = new Reader(text);
  if (!reader.isNext("{")) return "the options must be a table of names and values";
  while (!reader.isNext("}")) {
    const name = reader.text();
    if (name === null || !reader.isNext(":")) return "the options are not JSON";
    const value = new Reader(reader.value());
    reader.isNext(",");
    const setting = settingOf(name);
    if (setting === null) {
      const names = settings.map<string>((setting) => setting.name);
      const hint = names.length > 0 ? suggest(name, names) : "this module has no options";
      return "there is no option `" + name + "`: " + hint;
    }
    setting.isGiven = true;
    if (!setting.take(value)) {
      return "option `" + name + "` must be " + setting.words() + ", not " + value.json.slice(0, 200);
    }
  }
  for (let i = 0; i < settings.length; i++) {
    const setting = settings[i];
    if (setting.isNeeded && !setting.isGiven) return "option `" + setting.name + "` is missing: it must be " + setting.words();
  }
  return "";
}

function settingOf(name: string): Setting | null {
  for (let i = 0; i < settings.length; i++) if (settings[i].name == name) return settings[i];
  return null;
}
