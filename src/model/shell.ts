/**
 * A word of a command that a person may paste into sh (POSIX 2.2.2): as it is where nothing in it acts, else in single quotes.
 * Names come from the wire, from Compose files of others and from the engine, which lets a network be called `x; reboot`.
 */
export function shellWord(text: string): string {
  return /^[\w.,:/@%+-][\w.,:/@%+=-]*$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
