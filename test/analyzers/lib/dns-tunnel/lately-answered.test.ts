import { expect, it } from 'vitest';
import { LatelyAnswered } from '../../../../analyzers/lib/dns-tunnel/lately-answered.ts';
import { parseIp } from '../../../../src/model/ip.ts';
import { secs } from '../../../support/records.ts';

const has = (answered: LatelyAnswered, ip: string): boolean => answered.has(parseIp(ip)!);

it.each(['198.51.100.7', '2001:db8::7'])('knows %s after it was answered, and no neighbour', (ip) => {
  const answered = new LatelyAnswered();
  answered.add(ip);

  expect(has(answered, ip)).toBe(true);
  expect(has(answered, '198.51.100.8')).toBe(false);
  expect(has(answered, '2001:db8::8')).toBe(false);
});

it('keeps an address for a whole turn, and forgets it after two', () => {
  const answered = new LatelyAnswered();
  answered.tick(secs(0));
  answered.add('198.51.100.7');
  answered.tick(secs(120));
  const afterOne = has(answered, '198.51.100.7');
  answered.tick(secs(240));

  expect({ afterOne, afterTwo: has(answered, '198.51.100.7') }).toEqual({ afterOne: true, afterTwo: false });
});

it('does not turn because the clock was set', () => {
  const answered = new LatelyAnswered();
  answered.tick(secs(0));
  answered.add('198.51.100.7');
  answered.clockSet({ from: secs(1), to: secs(100_001) });
  answered.tick(secs(100_060));
  answered.tick(secs(100_119));

  expect(has(answered, '198.51.100.7')).toBe(true);
});
