/** JSON, as far as options need it: an object of numbers, texts and truth values. The engine checked its form. */

export class Reader {
  private at: i32 = 0;

  constructor(public json: string) {}

  /** Whether `mark` comes next, which is passed over then. */
  isNext(mark: string): bool {
    this.space();
    if (this.json.charAt(this.at) != mark) return false;
    this.at++;
    return true;
  }

  /** A text, or null if none comes next. */
  text(): string | null {
    if (!this.isNext('"')) return null;
    let text = "";
    while (this.at < this.json.length) {
      const letter = this.json.charAt(this.at++);
      if (letter == '"') return text;
      text += letter == "\\" ? this.escaped() : letter;
    }
    return null;
  }

  /** All that is left, without space around it: a number, `true`, `false`. */
  word(): string {
    return this.json.slice(this.at).trim();
  }

  /** Passes over a value; its own text. */
  value(): string {
    this.space();
    const start = this.at;
    let depth = 0;
    while (this.at < this.json.length) {
      const letter = this.json.charAt(this.at);
      if (letter == '"') this.text();
      else if (letter == "{" || letter == "[") depth++, this.at++;
      else if (letter == "}" || letter == "]") {
        if (depth == 0) break;
        depth--;
        this.at++;
      } else if (letter == "," && depth == 0) break;
      else this.at++;
    }
    return this.json.slice(start, this.at).trim();
  }

  private escaped(): string {
    const letter = this.json.charAt(this.at++);
    if (letter == "u") {
      const code = <i32>I32.parseInt(this.json.slice(this.at, this.at + 4), 16);
      this.at += 4;
      return String.fromCharCode(code);
    }
    const place = "bfnrt".indexOf(letter);
    return place < 0 ? letter : "\b\f\n\r\t".charAt(place);
  }

  private space(): void {
    while (this.at < this.json.length && this.json.charCodeAt(this.at) <= 32) this.at++;
  }
}
