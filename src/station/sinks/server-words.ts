/** What a peer said, fit for a log line: one line, no control characters, not longer than a person reads. */
export function serverWords(text: string): string {
  const line = text.replace(/\p{Cc}+/gu, ' ').trim();
  if (line === '') return 'nothing more';
  return line.length > 300 ? `${line.slice(0, 299)}~` : line;
}
