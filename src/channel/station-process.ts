/**
 * Keeps the station alive from the sensor's process: starts it, joins the link with it, starts it again with growing
 * pauses when it ends, whatever it died of. One pipe is all that the two share.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import type { Logger } from '../telemetry/logger.ts';
import type { StationLink } from './station-link.ts';

export interface StationCommand {
  readonly file: string;
  readonly args: readonly string[];
  /** Absent: as this process. */
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

export interface StationProcessOptions {
  readonly command: StationCommand;
  readonly link: StationLink;
  readonly log: Logger;
  /** It ended before it ever said anything: to start it again would not help. */
  readonly onStillborn: (how: string) => void;
  /** Before it is started again: the first, doubled each time, up to the longest. */
  readonly pauses?: { readonly firstMs: number; readonly maxMs: number };
}

/** The descriptor of the pipe in the station's process. */
export const PIPE_FD = 3;

const PAUSES = { firstMs: 500, maxMs: 30_000 };
/** One that lived this long was well. */
const WELL_AFTER_MS = 60_000;

export class StationProcess {
  readonly #options: StationProcessOptions;
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  readonly #pauses: { readonly firstMs: number; readonly maxMs: number };
  #pauseMs: number;
  #hasBeenWell = false;
  #isStopping = false;

  constructor(options: StationProcessOptions) {
    this.#options = options;
    this.#pauses = options.pauses ?? PAUSES;
    this.#pauseMs = this.#pauses.firstMs;
  }

  start(): void {
    const { command, link, log } = this.#options;
    const startedAt = performance.now();
    const { uid, gid } = command;
    const child = spawn(command.file, [...command.args], {
      stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
    });
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      const ended = (how: string) => {
        if (this.#child !== child) return;
        this.#child = undefined;
        link.detach();
        resolve();
        if (!this.#isStopping) this.#again(how, performance.now() - startedAt);
      };
      child.once('error', (error) => ended(error.message));
      child.once('exit', (code, signal) => ended(signal ?? `exit code ${code}`));
    });
    log.debug({ pid: child.pid }, 'the station is started');
    // Without a pid the process was not made, and `error` follows.
    if (child.pid !== undefined) link.attach(child.stdio[PIPE_FD] as Duplex);
  }

  /** It answered: from now on its end is an accident. */
  isWell(): void {
    this.#hasBeenWell = true;
  }

  /** What it says makes no sense: another may do better. */
  hangUp(): void {
    this.#child?.kill('SIGKILL');
  }

  /** Tells the station that nothing more comes, and waits for its end, no longer than that. */
  async stop(limitMs: number): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#timer);
    // In a pause after an accident: what waits is told all the same.
    if (this.#child === undefined && this.#hasBeenWell && this.#options.link.waiting > 0) this.start();
    if (this.#child === undefined) return;
    this.#options.link.close();
    const timer = setTimeout(() => {
      this.#options.log.error({ limitMs }, 'the station did not end in time; it is killed');
      this.hangUp();
    }, limitMs);
    await this.#exited;
    clearTimeout(timer);
  }

  #again(how: string, livedMs: number): void {
    if (!this.#hasBeenWell) {
      this.#options.onStillborn(how);
      return;
    }
    if (livedMs >= WELL_AFTER_MS) this.#pauseMs = this.#pauses.firstMs;
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(pauseMs * 2, this.#pauses.maxMs);
    this.#options.log.error(
      { how, pauseMs, waiting: this.#options.link.waiting },
      'the station ended; records wait here, and it is started again',
    );
    this.#timer = setTimeout(() => this.start(), pauseMs);
  }
}
