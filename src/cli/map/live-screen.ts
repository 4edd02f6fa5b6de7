/**
 * A terminal that is drawn again and again, on its alternate screen, so that what stood there before is there afterwards.
 * However it ends (an error, Ctrl-C, Ctrl-Z, a kill that can be caught), the cursor and the old screen come back.
 */
import type { WriteStream } from 'node:tty';

// xterm control sequences (XTerm Control Sequences, "DEC Private Mode Set").
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const ERASE_REST_OF_LINE = '\u001b[K';
const ERASE_BELOW = '\u001b[J';

const END_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface ScreenSize {
  readonly rows: number;
  readonly columns: number;
}

/** A terminal that does not know its size says 0 (serial lines, some containers). */
const USUAL_SIZE: ScreenSize = { rows: 24, columns: 80 };

export class LiveScreen {
  readonly #out: WriteStream;
  #isOpen = false;

  /** False where control sequences would be printed as text. */
  static isPossible(): boolean {
    return process.stdout.isTTY === true && process.env['TERM'] !== 'dumb';
  }

  constructor(out: WriteStream = process.stdout) {
    this.#out = out;
  }

  get size(): ScreenSize {
    const { rows, columns } = this.#out;
    return rows > 0 && columns > 0 ? { rows, columns } : USUAL_SIZE;
  }

  open(): void {
    this.#enter();
    process.on('exit', this.#leave);
    for (const signal of END_SIGNALS) process.once(signal, this.#end);
    process.on('SIGTSTP', this.#pause);
    process.on('SIGCONT', this.#enter);
  }

  /** Line by line over the old picture: clearing first would flicker. */
  draw(text: string): void {
    if (!this.#isOpen) return;
    const lines = text.split('\n').map((line) => line + ERASE_REST_OF_LINE);
    // No newline after the last one: on the last row it would scroll.
    this.#out.write(HOME + lines.join('\r\n') + ERASE_BELOW);
  }

  close(): void {
    this.#leave();
    process.off('exit', this.#leave);
    for (const signal of END_SIGNALS) process.off(signal, this.#end);
    process.off('SIGTSTP', this.#pause);
    process.off('SIGCONT', this.#enter);
  }

  readonly #enter = (): void => {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#out.write(ENTER);
  };

  readonly #leave = (): void => {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#out.write(LEAVE);
  };

  /** Ends by the signal itself, as without us: a shell loop around the command ends too. */
  readonly #end = (signal: NodeJS.Signals): void => {
    this.close();
    process.kill(process.pid, signal);
  };

  readonly #pause = (): void => {
    this.#leave();
    // What Ctrl-Z does when nobody listens for it; this one cannot be caught.
    process.kill(process.pid, 'SIGSTOP');
  };
}
