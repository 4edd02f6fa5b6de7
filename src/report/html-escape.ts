/** Text as HTML text, or as an attribute's value in double quotes: nothing in it can be markup. */
export function html(text: string): string {
  return text.replaceAll(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
