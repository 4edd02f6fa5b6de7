/**
 * dns-tunnel against channels that were built without looking at it. Each case runs at both vantage points, amid
 * ordinary look-ups of the same container and of two others. The table is part of the result: it stands in the docs.
 */
import { describe, expect, it } from 'vitest';
import { type Score, scoresOf, tableOf } from '../support/dns-traffic/score.ts';
import { EVASIONS, IDLE, TOOLS } from '../support/dns-traffic/tunnel-cases.ts';

/** What a tool may do before it is found, by the goal of this detector. */
const TOOL_GOAL = { queries: 40, nameBytes: 1000, seconds: 45 };
const IDLE_QUERIES = 15;
const LEAST_SHARE = 0.95;

const say = (title: string, scores: readonly Score[]): void => {
  if (process.env['BRIDGEWATCH_TABLES'] === '1') console.log(`\n${title}\n${tableOf(scores)}`);
};
const wronged = (scores: readonly Score[]): string[] => scores.flatMap((score) => score.wronged);

describe('dns-tunnel, tools', { timeout: 60_000 }, () => {
  it('finds every tool within 40 questions, 1 kB of names and 45 s, in the right container', () => {
    const scores = scoresOf(TOOLS);
    say('tools', scores);

    const late = scores.filter(
      ({ found, queries, nameBytes, seconds }) =>
        found === undefined ||
        queries > TOOL_GOAL.queries ||
        nameBytes > TOOL_GOAL.nameBytes ||
        seconds > TOOL_GOAL.seconds,
    );
    expect(late, tableOf(late)).toEqual([]);
    expect(wronged(scores)).toEqual([]);
  });

  it('finds idle ones within 15 questions', () => {
    const scores = scoresOf(IDLE);
    say('idle', scores);

    const late = scores.filter(({ found, queries }) => found === undefined || queries > IDLE_QUERIES);
    expect(late, tableOf(late)).toEqual([]);
    expect(wronged(scores)).toEqual([]);
  });
});

describe('dns-tunnel, evasions', () => {
  it('finds at least 95 % of them, in the right container', { timeout: 120_000 }, () => {
    const scores = scoresOf(EVASIONS);
    say('evasions', scores);

    const missed = scores.filter(({ found }) => found === undefined);
    const share = 1 - missed.length / scores.length;
    expect(share, `missed ${missed.length} of ${scores.length}:\n${tableOf(missed)}`).toBeGreaterThanOrEqual(
      LEAST_SHARE,
    );
    expect(wronged(scores)).toEqual([]);
  });
});
