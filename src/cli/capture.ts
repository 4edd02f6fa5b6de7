/** Packets of networks, containers or services into a pcapng file or a pipe, with names in it. */
import { printableJson } from '../model/serialize.ts';
import { parseCount, parseDuration, parseSize } from '../query/quantities.ts';
import { requireCapture } from '../sensor/privileges.ts';
import { fileOutput, type RecordingOutput, streamOutput } from '../sensor/recording/output.ts';
import type { Recording, RecordingLimits, RecordingSummary } from '../sensor/recording/recording.ts';
import { captureLast } from './capture/last.ts';
import { startRecording } from './capture/recording.ts';
import { captureRecord, captureText, writeSidecar } from './capture/summary.ts';
import { tellAgent } from './capture/trail.ts';
import { EXIT } from './lib/exit-codes.ts';
import { reportFailure, UsageError } from './lib/failure.ts';
import { complain, printLine } from './lib/output.ts';
import { ProgressLine } from './lib/progress.ts';
import { loadSettings, type SettingsOptions } from './lib/settings.ts';

interface CaptureOptions extends SettingsOptions {
  readonly filter?: string;
  readonly write?: string;
  readonly for?: string;
  readonly count?: string;
  readonly maxSize?: string;
  readonly rotate?: string;
  readonly snaplen?: string;
  readonly last?: string;
  readonly json?: boolean;
}

const PROGRESS_MS = 200;
const STDOUT = 1;

export async function captureCommand(words: readonly string[], options: CaptureOptions): Promise<void> {
  const { forMs, path: givenPath, keep, ...wish } = checked(options);
  const config = loadSettings(options);
  if (options.last !== undefined) {
    refuseWithLast(options);
    const path = givenPath ?? usualName(words);
    const { last, json } = options;
    await captureLast(config.store.path, words, { last, path, json: json === true });
    return;
  }
  await requireCapture(config.capture.backend);
  let path = givenPath ?? '';
  const { recording, stop } = await startRecording(config, {
    words,
    ...wish,
    output: (targets) => {
      path = givenPath ?? usualName(targets.map(({ name }) => name));
      return outputTo(path, keep);
    },
  });
  const summary = await untilItEnds(recording, forMs);
  await stop();
  report(summary, words, path, options.json === true);
  await tellAgent(config.store.path, words, wish.filter, summary);
}

interface How {
  readonly filter?: string;
  /** `-`: stdout. */
  readonly path?: string;
  readonly forMs?: number;
  readonly keep?: number;
  readonly snaplenBytes?: number;
  readonly limits: RecordingLimits;
}

function checked(options: CaptureOptions): How {
  const number = (
    flag: string,
    text: string | undefined,
    parse: (text: string) => number | undefined,
    example: string,
  ) => {
    if (text === undefined) return undefined;
    const value = parse(text);
    if (value === undefined || value <= 0)
      throw new UsageError(`${flag} "${text}" is none: give it as ${example}`);
    return value;
  };
  const forMicros = number('--for', options.for, (text) => parseDuration(text), '30s, 5m or 1h30m');
  const packets = number('--count', options.count, parseCount, '1000');
  const bytes = number('--max-size', options.maxSize, parseSize, '50MB or 1GiB');
  const keep = number('--rotate', options.rotate, parseCount, '10');
  const snaplenBytes = number('--snaplen', options.snaplen, parseCount, '96');
  const { write: path, filter } = options;
  if (keep !== undefined && bytes === undefined)
    throw new UsageError(
      '--rotate says how many files are kept; --max-size says when the next begins: give both',
    );
  if (keep !== undefined && path === '-') throw new UsageError('stdout cannot be rotated: give -w a file');
  if (path === '-' && process.stdout.isTTY === true)
    throw new UsageError(
      'a terminal cannot show a capture: pipe it on, as in `... -w - | wireshark -k -i -`',
    );
  if (path === '-' && options.json === true)
    throw new UsageError('stdout is the capture with -w -: there is no room for --json');
  return {
    ...(filter === undefined ? {} : { filter }),
    ...(path === undefined ? {} : { path }),
    ...(forMicros === undefined ? {} : { forMs: forMicros / 1000 }),
    ...(keep === undefined ? {} : { keep }),
    ...(snaplenBytes === undefined ? {} : { snaplenBytes }),
    limits: {
      ...(packets === undefined ? {} : { packets }),
      ...(bytes === undefined ? {} : { bytes }),
    },
  };
}

/** What is over cannot be filtered, bounded or rotated while it happens. */
function refuseWithLast(options: CaptureOptions): void {
  const others = {
    for: '--for',
    count: '--count',
    maxSize: '--max-size',
    rotate: '--rotate',
    snaplen: '--snaplen',
  };
  for (const [name, flag] of [...Object.entries(others), ['filter', '--filter'] as const])
    if (options[name as keyof typeof others] !== undefined)
      throw new UsageError(
        `--last takes what is over already, as the agent remembers it; ${flag} is for packets that are still to come`,
      );
}

function outputTo(path: string, keep: number | undefined): RecordingOutput {
  return path === '-' ? streamOutput(STDOUT) : fileOutput({ path, ...(keep === undefined ? {} : { keep }) });
}

/** `shop_data-20261123T140207Z.pcapng` in this folder; nothing of a name that a file name cannot hold. */
function usualName(targets: readonly string[]): string {
  const names = targets.map((name) => name.replaceAll(/[^A-Za-z0-9_.-]+/g, '-').replace(/^[.-]+/, ''));
  const stamp = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
  return `${names.join('+').slice(0, 100)}-${stamp}.pcapng`;
}

/** A signal, the time, a limit, or the end of all that could be seen. */
async function untilItEnds(recording: Recording, forMs: number | undefined): Promise<RecordingSummary> {
  const stop = () => recording.stop();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, stop);
  const timer = forMs === undefined ? undefined : setTimeout(stop, forMs);
  const progress = new ProgressLine();
  const shown = setInterval(() => progress.showCount(recording.packets), PROGRESS_MS);
  try {
    return await recording.finished;
  } finally {
    clearTimeout(timer);
    clearInterval(shown);
    progress.clear();
  }
}

function report(summary: RecordingSummary, words: readonly string[], path: string, json: boolean): void {
  const record = captureRecord(summary, words);
  if (summary.files.length > 0) writeSidecar(path, record);
  if (json) printLine(printableJson(record));
  else complain(...captureText(record));
  if (summary.end === 'failed') reportFailure(summary.error);
  else if (summary.end === 'interfaces-gone') process.exitCode = EXIT.world;
}
