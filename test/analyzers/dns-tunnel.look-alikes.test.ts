/**
 * dns-tunnel and what is no tunnel: every look-alike right after a start, over 25 hours at the pace at which it really
 * comes, and at 20 names a second. Nothing above low, ever. The names are made in test/support/dns-traffic.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import dnsTunnel from '../../analyzers/dns-tunnel.ts';
import { runAnalyzer } from '../../src/sensor/analysis/tester.ts';
import {
  type Asker,
  atEmbeddedResolver,
  by,
  neighbour,
  onBridge,
  steps,
  together,
} from '../support/dns-traffic/exchange.ts';
import { LOOK_ALIKES, type LookAlike } from '../support/dns-traffic/look-alike-cases.ts';
import { ordinary } from '../support/dns-traffic/ordinary.ts';
import type { Pace } from '../support/dns-traffic/pace.ts';
import { random } from '../support/dns-traffic/random.ts';
import { listed } from '../support/dns-traffic/resolvers.ts';
import { isAtLeast } from '../support/dns-traffic/score.ts';

const HOUR = 3600;
const POPULAR = fileURLToPath(new URL('../../../shared/corpus/benign-domains.txt', import.meta.url));
const isThere = existsSync(POPULAR);
if (!isThere) process.stderr.write(`SKIPPED: dns-tunnel on 30,000 popular names: no ${POPULAR}\n`);

const ASKERS: readonly Asker[] = [onBridge('app', '172.30.0.10'), atEmbeddedResolver('app')];

/** What it said above low, with the worst first. */
function accusations(lookAlike: Pick<LookAlike, 'stream'>, pace: Pace, seed: number, asker: Asker): string[] {
  const stream = together(
    lookAlike.stream(random(seed), pace),
    ordinary(random(seed + 1), pace.untilSecs, Math.max(5, pace.untilSecs / 500)),
    by(neighbour(1), ordinary(random(seed + 2), pace.untilSecs, Math.max(5, pace.untilSecs / 500))),
  );
  const { final, failures } = runAnalyzer(dnsTunnel, events(stream, asker));
  if (failures.length > 0) throw failures[0]!.error;
  return final
    .filter(({ severity }) => isAtLeast(severity, 'medium'))
    .map(({ severity, explanation }) => `${severity}: ${explanation}`);
}

function* events(stream: Parameters<typeof steps>[0], asker: Asker) {
  for (const { event } of steps(stream, asker)) yield event;
}

const none = (lines: readonly string[]) => expect(lines.length, lines.slice(0, 3).join('\n')).toBe(0);

describe('dns-tunnel accuses nobody of', { timeout: 60_000 }, () => {
  it.each(LOOK_ALIKES)('$name, in the first ten minutes after a start', (lookAlike) => {
    const everySecs = lookAlike.everySecs / (lookAlike.neverFast === true ? 1 : 10);
    for (const [i, asker] of ASKERS.entries())
      none(accusations(lookAlike, { untilSecs: 600, everySecs }, 10 + i, asker));
  });

  it.each(LOOK_ALIKES)('$name, over 25 hours', (lookAlike) => {
    none(accusations(lookAlike, { untilSecs: 25 * HOUR, everySecs: lookAlike.everySecs }, 20, ASKERS[1]!));
  });

  it.each(LOOK_ALIKES.filter(({ neverFast }) => neverFast !== true))(
    '$name, at 20 names a second',
    (lookAlike) => {
      none(accusations(lookAlike, { untilSecs: 120, everySecs: 0.05 }, 30, ASKERS[0]!));
    },
  );

  it.skipIf(!isThere)('30,000 popular names, at 20 names a second', () => {
    const names = readFileSync(POPULAR, 'utf8').trim().split('\n');
    const stream: LookAlike['stream'] = (from, pace) => listed(from, pace, names);
    none(accusations({ stream }, { untilSecs: names.length / 10, everySecs: 0.05 }, 40, ASKERS[1]!));
  });
});
