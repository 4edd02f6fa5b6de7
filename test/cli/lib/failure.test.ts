import { describe, expect, it } from 'vitest';
import { CaptureError } from '../../../capture/source.ts';
import { EXIT } from '../../../src/cli/lib/exit-codes.ts';
import { explainFailure, UsageError } from '../../../src/cli/lib/failure.ts';
import { ConfigError } from '../../../src/config/error.ts';

describe('explainFailure', () => {
  it('lists every problem of a configuration on a line of its own', () => {
    const issue = (where: string) => ({ where, path: 'a.b', problem: 'wrong' });

    const { lines, exitCode } = explainFailure(new ConfigError([issue('c.yaml:1:1'), issue('c.yaml:2:3')]));

    expect(lines).toEqual([
      'the configuration cannot be used',
      'c.yaml:1:1: a.b: wrong',
      'c.yaml:2:3: a.b: wrong',
    ]);
    expect(exitCode).toBe(EXIT.usage);
  });

  it('calls what the world refused the world, with its code once', () => {
    const ours = explainFailure(new CaptureError('CAPTURE_FILE', 'cannot open x (CAPTURE_FILE)'));
    const systems = explainFailure(Object.assign(new Error('connect failed'), { code: 'ECONNREFUSED' }));

    expect(ours).toEqual({ lines: ['cannot open x (CAPTURE_FILE)'], exitCode: EXIT.world });
    expect(systems).toEqual({ lines: ['connect failed (ECONNREFUSED)'], exitCode: EXIT.world });
  });

  it('calls what only the command line can have caused usage', () => {
    expect(explainFailure(new UsageError('--x is wrong')).exitCode).toBe(EXIT.usage);
    expect(explainFailure(new CaptureError('CAPTURE_BAD_FILTER', 'bad filter')).exitCode).toBe(EXIT.usage);
  });

  it.each([
    new TypeError('x is not a function'),
    Object.assign(new Error('bad argument'), { code: 'ERR_INVALID_ARG_TYPE' }),
    'a thrown text',
  ])('calls the rest a bug of ours, without a stack trace', (error) => {
    const { lines, exitCode } = explainFailure(error);

    expect(exitCode).toBe(EXIT.internal);
    expect(lines).toEqual([
      expect.stringMatching(/^internal error, please report it: .*BRIDGEWATCH_DEBUG=1/),
    ]);
    expect(lines[0]).not.toMatch(/\n| at .*:\d+/);
  });
});
