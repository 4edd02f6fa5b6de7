import { describe, expect, it } from 'vitest';
import dnsTunnel from '../../analyzers/dns-tunnel.ts';
import type { LearnedRecord } from '../../src/model/learned.ts';
import { type AnalyzerEvent, runAnalyzer } from '../../src/sensor/analysis/tester.ts';
import { askEvent, secs } from '../support/records.ts';

const HOUR = 3600;
const ZONE = 'registry-mirror.net';

/** `count` names of 20 bytes from `fromSecs` on, none ever told twice by the same `salt`. */
function names(count: number, fromSecs: number, spacingSecs: number, salt: string): AnalyzerEvent[] {
  return Array.from({ length: count }, (_, i) => {
    // Every other one a little late: not by the clock.
    const time = secs(fromSecs + (i + (i % 2) * 0.4) * spacingSecs);
    const label = `${salt}${String(i).padStart(4, '0')}`.padEnd(20, 'x');
    return askEvent({ labels: [label, ...ZONE.split('.')], time });
  });
}

const ask = (hours: number) =>
  Array.from({ length: hours }, (_, hour) =>
    askEvent({ labels: ['www', ...ZONE.split('.')], time: secs(hour * HOUR) }),
  );
const told = (events: readonly AnalyzerEvent[], history: readonly LearnedRecord[] = []) =>
  runAnalyzer(dnsTunnel, events, {}, () => {}, history);
const verdicts = ({ final }: ReturnType<typeof told>) =>
  final.map(({ severity, evidence }) => ({ severity, bytes: evidence['windowBytes'] }));

describe('dns-tunnel over a restart of the agent', () => {
  it.each([
    { what: 'a zone that was quiet for a day', before: ask(25), after: names(60, 25 * HOUR, 1, 'b') },
    { what: 'one that was quiet for less', before: ask(22), after: names(60, 22 * HOUR, 1, 'b') },
    {
      what: 'one with a finding before',
      before: [...names(60, 0, 1, 'a'), ...ask(26).slice(1)],
      after: names(60, 26 * HOUR, 1, 'b'),
    },
  ])('$what is judged as without', ({ what, before, after }) => {
    const whole = told([...before, ...after]);
    const first = told(before);
    const second = told(after, first.learned);

    expect([...first.failures, ...second.failures]).toEqual([]);
    expect(verdicts(second)).toHaveLength(what.endsWith('a day') ? 0 : 1);
    expect([...verdicts(first), ...verdicts(second)]).toEqual(verdicts(whole));
  });

  it('begins the day anew where it was not over, or there were few questions', () => {
    expect(told(ask(24)).learned).toEqual([]);
    expect(told(ask(26).filter((_, hour) => hour % 2 === 0)).learned).toEqual([]);
    expect(told(ask(25)).learned).toHaveLength(1);
  });

  it('a zone with a finding never becomes a quiet one, whenever the agent restarts', () => {
    const first = told(names(60, 0, 1, 'a'));
    const again = Array.from({ length: 30 }, (_, hour) =>
      askEvent({ labels: ['www', ...ZONE.split('.')], time: secs((hour + 1) * HOUR) }),
    );
    const second = told([...again, ...names(60, 31 * HOUR, 1, 'c')], first.learned);

    expect(first.final).toHaveLength(1);
    expect(second.final).toHaveLength(1);
  });

  it('forgets what another version wrote', () => {
    const [known] = told(ask(25)).learned;
    expect(known).toMatchObject({ map: 'quiet', value: true });
    const { final, failures } = told(names(60, 25 * HOUR, 1, 'b'), [{ ...known!, value: { since: 1 } }]);

    expect(failures).toEqual([]);
    expect(final).toHaveLength(1);
  });
});
