/** One line on stderr that is rewritten while something long goes on; nothing when stderr is no terminal. */
import type { CaseProgress } from '../../../capture/case.ts';
import { formatBytes } from './output.ts';

const INTERVAL_MS = 200;
const ERASE_LINE = '\r\u001b[2K';

export class ProgressLine {
  readonly #enabled = process.stderr.isTTY === true && process.env['TERM'] !== 'dumb';
  // Not at once: a short file is done before anybody wants to know.
  #shownAt = Date.now();
  #isShown = false;

  show({ bytesRead, totalBytes, packets, filesDone, files }: CaseProgress): void {
    const share =
      totalBytes === undefined || totalBytes === 0 ? '' : `${Math.floor((100 * bytesRead) / totalBytes)} %  `;
    const ofFiles = files === 1 ? '' : `  ${filesDone} of ${files} files`;
    this.#rewrite(`${share}${formatBytes(bytesRead)}  ${packets} packets${ofFiles}`);
  }

  /** Of what has no end that is known. */
  showCount(packets: number): void {
    this.#rewrite(`${packets} packets`);
  }

  #rewrite(text: string): void {
    const now = Date.now();
    if (!this.#enabled || now - this.#shownAt < INTERVAL_MS) return;
    this.#shownAt = now;
    this.#isShown = true;
    process.stderr.write(`${ERASE_LINE}${text}`);
  }

  clear(): void {
    if (!this.#isShown) return;
    this.#isShown = false;
    process.stderr.write(ERASE_LINE);
  }
}
