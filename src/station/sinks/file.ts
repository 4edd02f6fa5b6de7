/** The sink `file`: one line a record, appended to a file or written to stdout. */
import { type FileHandle, open } from 'node:fs/promises';
import { z } from 'zod';
import { formatDelivery } from '../formats/formats.ts';
import { commonOptions, defineSink, formatOption, sinkName } from './definition.ts';
import { SinkError } from './sink.ts';

export const fileSink = defineSink({
  type: 'file',
  about: 'One line a record, in a file.',
  config: z.strictObject({
    type: z.literal('file'),
    ...commonOptions({ kinds: ['finding', 'loss', 'coverage'] }),
    format: formatOption(),
    path: z.string().min(1).describe('The file to append to.'),
  }),
  create(config, { host, version }) {
    const { path, format } = config;
    let handle: FileHandle | undefined;
    const opened = async () => {
      try {
        handle ??= await open(path, 'a', 0o640);
        return handle;
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code ?? String(error);
        throw new SinkError('SINK_NO_TARGET', 'act', `cannot open ${path}: ${code}; check sinks[].path`);
      }
    };
    return {
      name: sinkName(config),
      accepts: new Set(config.kinds),
      async check() {
        await opened();
        return `${path}, ${format}`;
      },
      async prepare() {
        await opened();
      },
      async write(batch) {
        const lines = batch.map((delivery) => formatDelivery(format, delivery, { host, version }));
        const text = lines.filter((line) => line !== undefined).map((line) => `${line}\n`);
        await (await opened()).appendFile(text.join(''));
      },
      async close() {
        await handle?.close();
      },
    };
  },
});
