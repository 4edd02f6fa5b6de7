/**
 * The words of Server-Sent Events (WHATWG HTML, 9.2): blocks of lines, each ended by an empty one. Whatever comes in
 * here is one line already: the public JSON form has no line ends.
 */

/** Browsers come back after this; a station that starts again takes about as long. */
const RETRY_MS = 3000;

/** The first words of a stream. `place`: where it begins, so that even a stream that told nothing can be gone on with. */
export function greeting(place: number | undefined): string {
  return `retry: ${RETRY_MS}\n${placeLine(place)}\n`;
}

/** `id`: its place in the log; absent for what cannot be replayed. */
export function eventFrame(event: string, data: string, id?: number): string {
  return `${placeLine(id)}event: ${event}\ndata: ${data}\n\n`;
}

/**
 * Ignored by every client, but for the place: an `id` without data is no event, and where the client goes on from (so
 * it need not pass over what was not for it once more).
 */
export function comment(text: string, place?: number): string {
  return `: ${text}\n${placeLine(place)}\n`;
}

function placeLine(place: number | undefined): string {
  return place === undefined ? '' : `id: ${place}\n`;
}
