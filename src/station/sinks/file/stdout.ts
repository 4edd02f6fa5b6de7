/** Lines on stdout, for a collector that reads the container's output. What is on its way when it is killed comes again. */
import type { Writable } from 'node:stream';
import { SinkError } from '../sink.ts';
import type { LineTarget } from './target.ts';

export function stdoutTarget(stream: Writable): LineTarget {
  let failure: Error | undefined;
  const onError = (error: Error) => {
    failure = error;
  };
  // Without a listener an error of the stream would end the process.
  stream.on('error', onError);
  return {
    name: 'stdout',
    check: async () => 'stdout',
    prepare: async () => {},
    append: (lines) =>
      new Promise((resolve, reject) => {
        stream.write(lines.map((line) => `${line}\n`).join(''), (error) => {
          const problem = error ?? failure;
          if (problem == null) resolve();
          else {
            const code = (problem as NodeJS.ErrnoException).code ?? problem.message;
            const message = `cannot write to stdout: ${code}; check what reads it, and start the agent again`;
            reject(new SinkError('SINK_NO_TARGET', 'act', message));
          }
        });
      }),
    close: async () => {
      stream.off('error', onError);
    },
  };
}
