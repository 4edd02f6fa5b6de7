import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fifo } from '../../src/model/fifo.ts';
import { LossTally } from '../../src/model/loss-tally.ts';
import { influxdbConfig, storeConfig } from '../../src/station/config.ts';
import { TieBreaker } from '../../src/station/entry.ts';
import { FailureLog } from '../../src/station/failure-log.ts';
import { Secret } from '../../src/station/secret.ts';
import { Backoff } from '../../src/station/sinks/backoff.ts';
import { memoryLogger } from './support/harness.ts';

describe('Fifo', () => {
  it('behaves as an array with push and shift does', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(), { nil: undefined }), { maxLength: 500 }), (steps) => {
        const fifo = new Fifo<number>();
        const model: number[] = [];
        for (const step of steps) {
          if (step === undefined) expect(fifo.shift()).toBe(model.shift());
          else {
            fifo.push(step);
            model.push(step);
          }
          expect(fifo.length).toBe(model.length);
          expect(fifo.at(0)).toBe(model[0]);
          expect(fifo.at(model.length - 1)).toBe(model.at(-1));
        }
      }),
    );
  });
});

describe('TieBreaker', () => {
  it('counts the records of one microsecond and starts at 0 for each', () => {
    const ties = new TieBreaker();

    expect([7, 7, 8, 7, 8].map((time) => ties.next(time))).toEqual([0, 1, 0, 2, 1]);
  });

  it('remembers only the latest microseconds', () => {
    const ties = new TieBreaker(2);
    ties.next(1);
    ties.next(2);
    ties.next(3);

    expect(ties.next(3)).toBe(1);
    expect(ties.next(1)).toBe(0);
  });
});

describe('LossTally', () => {
  it('adds up by place and hands over each sum once', () => {
    const losses = new LossTally();
    losses.add('store', 'flow', 2, 50, 60);
    losses.add('store', 'flow', 1, 40);
    losses.add('sink-queue', 'influxdb', 7, 55);
    losses.add('store', 'dns', 0, 1);

    expect(losses.drain(100)).toEqual([
      { kind: 'loss', time: 100, source: 'store', where: 'flow', count: 3, first: 40, last: 60 },
      { kind: 'loss', time: 100, source: 'sink-queue', where: 'influxdb', count: 7, first: 55, last: 55 },
    ]);
    expect(losses.drain(101)).toEqual([]);
    expect(losses.total).toBe(10);
  });
});

describe('FailureLog', () => {
  it('says a failure when it begins, changes, has lasted, and ends; not each time', () => {
    const { logger, lines } = memoryLogger();
    const failures = new FailureLog(logger, { failing: 'down', recovered: 'up' });

    failures.succeeded();
    for (let i = 0; i < 21; i++) failures.failed('refused', {});
    failures.failed('timeout', {});
    failures.succeeded();
    failures.succeeded();

    expect(lines.map(({ msg, attempts }) => [msg, attempts])).toEqual([
      ['down', 1],
      ['down', 21],
      ['down', 1],
      ['up', 1],
    ]);
  });
});

describe('Backoff', () => {
  it('doubles its ceiling up to the maximum, with full jitter below it', () => {
    const top = new Backoff({ firstMs: 100, maxMs: 1000 }, () => 1);
    const half = new Backoff({ firstMs: 100, maxMs: 1000 }, () => 0.5);

    expect([1, 2, 3, 4, 5, 6].map(() => top.next())).toEqual([100, 200, 400, 800, 1000, 1000]);
    expect([1, 2, 3, 4, 5].map(() => half.next())).toEqual([50, 100, 200, 400, 500]);
    top.reset();
    expect(top.next()).toBe(100);
  });

  it('waits at least as long as the peer asked, but not for ever', () => {
    const backoff = new Backoff({ firstMs: 100, maxMs: 1000 }, () => 0);

    expect(backoff.next(7000)).toBe(7000);
    expect(backoff.next(7 * 86_400_000)).toBe(300_000);
  });
});

describe('Secret', () => {
  it('shows itself to nobody but who asks for it', () => {
    const secret = new Secret('hunter2');
    const { logger, text } = memoryLogger();

    logger.info({ secret, nested: { secret } }, 'config');

    const shown = [
      `${secret}`,
      JSON.stringify({ secret }),
      inspect({ secret }, { showHidden: true }),
      text(),
    ];
    expect(shown.join()).not.toContain('hunter2');
    expect(text()).toContain('***');
    expect(secret.reveal()).toBe('hunter2');
  });
});

describe('station configuration', () => {
  it('needs nothing', () => {
    expect(storeConfig.parse({}).path).toBe('/var/lib/bridgewatch/bridgewatch.db');
    expect(influxdbConfig.parse({}).url).toBeUndefined();
  });

  it('makes the password unprintable', () => {
    const config = influxdbConfig.parse({ url: 'http://127.0.0.1:8086', username: 'u', password: 'hunter2' });

    expect(JSON.stringify(config) + inspect(config)).not.toContain('hunter2');
    expect(config.password?.reveal()).toBe('hunter2');
  });

  it.each([
    ['a password in the address', { url: 'http://u:hunter2@influxdb:8086' }, /username and password_file/],
    ['another protocol', { url: 'udp://influxdb:8089' }, /http:\/\//],
    ['a password without a user', { password: 'x' }, /needs a username/],
    ['two passwords', { username: 'u', password: 'x', password_file: '/x' }, /exclude each other/],
    ['an unknown key', { databse: 'x' }, /databse/],
  ])('refuses %s', (_, input, message) => {
    const result = influxdbConfig.safeParse(input);

    expect(result.error?.message).toMatch(message);
    expect(result.error?.message).not.toContain('hunter2');
  });

  it('describes every option', () => {
    for (const schema of [storeConfig, influxdbConfig]) {
      for (const [key, option] of Object.entries(schema.shape)) {
        expect(option.description, key).toMatch(/\.$/);
      }
    }
  });
});
