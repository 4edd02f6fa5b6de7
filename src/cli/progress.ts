/** One line on stderr that is rewritten while a long file is read; nothing when stderr is no terminal. */
import type { FileProgress } from '../../capture/file.ts';
import { formatBytes } from './output.ts';

const INTERVAL_MS = 200;
const ERASE_LINE = '\r\u001b[2K';

export class ProgressLine {
  readonly #enabled = process.stderr.isTTY === true && process.env['TERM'] !== 'dumb';
  // Not at once: a short file is done before anybody wants to know.
  #shownAt = Date.now();
  #isShown = false;

  show({ bytesRead, totalBytes, packets }: FileProgress): void {
    const now = Date.now();
    if (!this.#enabled || now - this.#shownAt < INTERVAL_MS) return;
    this.#shownAt = now;
    this.#isShown = true;
    const share =
      totalBytes === undefined || totalBytes === 0 ? '' : `${Math.floor((100 * bytesRead) / totalBytes)} %  `;
    process.stderr.write(`${ERASE_LINE}${share}${formatBytes(bytesRead)}  ${packets} packets`);
  }

  clear(): void {
    if (!this.#isShown) return;
    this.#isShown = false;
    process.stderr.write(ERASE_LINE);
  }
}
