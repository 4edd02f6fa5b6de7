/** The thread that questions run in: what it does not finish is ended, what waits is bounded, and it comes again. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Questions } from '../../../src/station/api/questions.ts';
import { memoryLogger, temporaryDirectory } from '../support/harness.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let log: ReturnType<typeof memoryLogger>;
let questions: Questions;

beforeEach(() => {
  directory = temporaryDirectory();
  log = memoryLogger();
});

afterEach(async () => {
  await questions.close();
  directory.remove();
});

/** A thread that does what the question's id says: answers it, spins for ever, or dies. */
function thread(): URL {
  const path = join(directory.path, 'thread.mjs');
  writeFileSync(
    path,
    `import { parentPort } from 'node:worker_threads';
     parentPort.on('message', ({ id, question }) => {
       if (question.id === 'spin') for (;;);
       if (question.id === 'die') process.exit(1);
       if (question.id === 'throw') throw new Error('of the thread');
       parentPort.postMessage({ id, answer: [question.id] });
     });`,
  );
  return pathToFileURL(path);
}

function begin(timeLimitMs = 10_000): void {
  questions = new Questions({
    storePath: join(directory.path, 'none.db'),
    logger: log.logger,
    timeLimitMs,
    script: thread(),
  });
}

const ask = (id: string) => questions.ask({ type: 'finding', id });

describe('questions', () => {
  it('are answered in their order', async () => {
    begin();

    expect(await Promise.all(['a', 'b', 'c'].map(ask))).toEqual([['a'], ['b'], ['c']]);
  });

  it('that take too long are ended, with what to do; the next one is answered, and nobody was held up', async () => {
    begin(2500);
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 10);

    const [slow, next] = await Promise.allSettled([ask('spin'), ask('next')]);
    clearInterval(timer);

    expect(slow).toMatchObject({
      reason: { status: 503, message: expect.stringMatching(/narrow the time/) },
    });
    expect(next).toEqual({ status: 'fulfilled', value: ['next'] });
    expect(ticks).toBeGreaterThan(10);
  });

  it.each(['die', 'throw'])(
    'on which the thread fails (%s) are a fault of ours; the next one is answered',
    async (how) => {
      begin();

      const [failed, next] = await Promise.allSettled([ask(how), ask('next')]);

      expect(failed).toMatchObject({ reason: { status: 500 } });
      expect(next).toEqual({ status: 'fulfilled', value: ['next'] });
    },
  );

  it('wait in a line of 32 behind the one that runs; more are refused', async () => {
    begin(2500);
    const answers = Array.from({ length: 35 }, (_, i) => ask(i === 0 ? 'spin' : String(i)));

    const outcomes = await Promise.allSettled(answers);

    expect(outcomes.slice(1, 33).every(({ status }) => status === 'fulfilled')).toBe(true);
    expect(outcomes.slice(33)).toMatchObject([{ reason: { status: 503 } }, { reason: { status: 503 } }]);
  });

  it('are refused when the station stops, those that run and wait too', async () => {
    begin();
    const asked = [ask('spin'), ask('waits')];
    const settled = Promise.allSettled(asked);
    await questions.close();

    expect(await settled).toMatchObject([{ reason: { status: 503 } }, { reason: { status: 503 } }]);
    await expect(ask('late')).rejects.toMatchObject({ status: 503 });
  });

  it('about a database that is not there say so without its path', async () => {
    questions = new Questions({ storePath: join(directory.path, 'none.db'), logger: log.logger });

    const refusal = ask('x');

    await expect(refusal).rejects.toMatchObject({
      status: 503,
      message: expect.stringContaining('STORE_MISSING'),
    });
    await expect(refusal).rejects.not.toMatchObject({ message: expect.stringContaining(directory.path) });
  });
});
