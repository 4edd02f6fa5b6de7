/**
 * The sink `file`: one line a record, at the end of a file or on stdout. A record is in the file once, over kills and
 * restarts; see file/tail.ts for how.
 */
import { z } from 'zod';
import { laneOf } from '../../model/lane.ts';
import { formatDelivery } from '../formats/formats.ts';
import { abortable } from './abortable.ts';
import {
  type CommonSinkConfig,
  commonOptions,
  defineSink,
  formatOption,
  type SinkDeps,
  sinkName,
} from './definition.ts';
import { LineFile } from './file/line-file.ts';
import { stdoutTarget } from './file/stdout.ts';
import type { LineTarget } from './file/target.ts';
import type { Sink } from './sink.ts';

const config = z.strictObject({
  type: z.literal('file'),
  ...commonOptions({ kinds: ['finding', 'loss', 'coverage'] }),
  format: formatOption(),
  path: z
    .string()
    .min(1)
    .describe(
      "The file, or `-` for stdout. Made with mode 0640; the station's user must be able to write there.",
    ),
  rotate_max_bytes: z
    .number()
    .int()
    .min(0)
    .max(2 ** 50)
    .default(104_857_600)
    .describe('The file is moved to `.1` before a write that would make it larger; 0: never.'),
  rotate_interval_secs: z
    .number()
    .int()
    .min(0)
    .max(31_536_000)
    .default(0)
    .describe('The same for a file that was begun so long ago; 0: never.'),
  rotate_keep: z.number().int().min(0).max(1000).default(5).describe('Moved files that are kept.'),
  rotate_gzip: z.boolean().default(false).describe('Whether moved files are compressed.'),
  fsync: z
    .enum(['write', 'never'])
    .default('write')
    .describe(
      'write: a record counts as delivered once it is on the disk. never: once the system has it, which a power cut may lose.',
    ),
});

export type FileSinkConfig = z.infer<typeof config>;

export const fileSink = defineSink({
  type: 'file',
  about: 'One line a record, in a file or on stdout.',
  config,
  create: (options, deps) => newFileSink(options, deps, targetOf(options, deps)),
});

function targetOf(options: FileSinkConfig, { now }: SinkDeps): LineTarget {
  if (options.path === '-') return stdoutTarget(process.stdout);
  return new LineFile(
    options.path,
    {
      maxBytes: options.rotate_max_bytes,
      maxAgeSecs: options.rotate_interval_secs,
      keep: options.rotate_keep,
      gzip: options.rotate_gzip,
      fsync: options.fsync,
    },
    now,
  );
}

export function newFileSink(
  { format, kinds, ...options }: Pick<FileSinkConfig, 'format'> & CommonSinkConfig,
  { host, version }: SinkDeps,
  target: LineTarget,
): Sink {
  return {
    name: sinkName(options),
    accepts: new Set(kinds),
    check: async (signal) => `${await abortable(target.check(), signal, target.name)}, ${format}`,
    prepare: (signal) => abortable(target.prepare(), signal, target.name),
    async write(batch, signal) {
      const lines = batch
        .map((delivery) => formatDelivery(format, delivery, { host, version }))
        .filter((line) => line !== undefined);
      if (lines.length > 0)
        await abortable(target.append(lines, laneOf(batch[0]!.kind)), signal, target.name);
    },
    close: () => target.close(),
  };
}
