import { describe, expect, it } from 'vitest';
import { parseIp } from '../../../src/model/ip.ts';
import { setOf } from '../../support/threats.ts';

const at = (text: string, ip: string) => setOf(text).ofAddress(parseIp(ip)!)?.indicator;
const named = (text: string, name: string) => setOf(text).ofName(name)?.indicator;

describe('addresses of a list', () => {
  it.each([
    ['198.51.100.7', '198.51.100.7', '198.51.100.7'],
    ['198.51.100.7', '198.51.100.6', undefined],
    ['198.51.100.7', '198.51.100.8', undefined],
    ['198.51.100.8/29', '198.51.100.8', '198.51.100.8/29'],
    ['198.51.100.8/29', '198.51.100.15', '198.51.100.8/29'],
    ['198.51.100.8/29', '198.51.100.7', undefined],
    ['198.51.100.8/29', '198.51.100.16', undefined],
    ['198.51.100.9/29', '198.51.100.8', '198.51.100.8/29'],
    ['198.0.0.0/9', '198.127.255.255', '198.0.0.0/9'],
    ['198.0.0.0/9', '198.128.0.0', undefined],
    ['2001:db8::7', '2001:db8::7', '2001:db8::7'],
    ['2001:db8::7', '2001:db8::8', undefined],
    ['2001:db8:1::/48', '2001:db8:1:ffff::1', '2001:db8:1::/48'],
    ['2001:db8:1::/48', '2001:db8:2::', undefined],
    ['::ffff:198.51.100.7', '198.51.100.7', '198.51.100.7'],
    ['198.51.100.7', '::ffff:198.51.100.7', '198.51.100.7'],
  ])('%s asked for %s gives %s', (list, ip, expected) => {
    expect(at(list, ip)).toBe(expected);
  });

  it('are told by the longest prefix', () => {
    const list =
      '198.51.100.0/24 wide\n198.51.100.128/25 narrow\n198.51.100.200 one\n2001:db8::/32\n2001:db8::/64\n';

    expect(at(list, '198.51.100.1')).toBe('198.51.100.0/24');
    expect(at(list, '198.51.100.129')).toBe('198.51.100.128/25');
    expect(at(list, '198.51.100.200')).toBe('198.51.100.200');
    expect(at(list, '2001:db8::1')).toBe('2001:db8::/64');
    expect(at(list, '2001:db8:1::1')).toBe('2001:db8::/32');
  });

  it('are all found again among fifty thousand, and their neighbours are not', () => {
    const ips = Array.from(
      { length: 50_000 },
      (_, i) => `${11 + (i % 80)}.${(i >>> 8) & 255}.${i & 255}.${(i % 126) * 2}`,
    );
    const set = setOf([...new Set(ips)].join('\n'), {}, 65_536);

    expect(ips.filter((ip) => set.ofAddress(parseIp(ip)!)?.indicator !== ip)).toEqual([]);
    expect(
      ips.filter((ip) => set.hasAddress(parseIp(ip.replace(/\d+$/, (last) => String(Number(last) + 1)))!)),
    ).toEqual([]);
    expect(set.bytes / set.size).toBeLessThan(60);
  });

  it('of two ports of one address mean any port', () => {
    const one = setOf('198.51.100.7:443\n');
    const two = setOf('198.51.100.7:443\n198.51.100.7:8080\n');

    expect(one.ofAddress(parseIp('198.51.100.7')!)?.port).toBe(443);
    expect(two.ofAddress(parseIp('198.51.100.7')!)?.port).toBeUndefined();
    expect(two.report.duplicates).toBe(1);
  });
});

describe('names of a list', () => {
  it.each([
    ['bad.example', 'bad.example', 'bad.example'],
    ['bad.example', 'BAD.Example.', 'bad.example'],
    ['bad.example', 'x.y.bad.example', 'bad.example'],
    ['bad.example', 'notbad.example', undefined],
    ['bad.example', 'bad.example.org', undefined],
    ['bad.example', 'example', undefined],
    ['.bad.example', 'bad.example', 'bad.example'],
    ['*.bad.example', 'x.bad.example', '*.bad.example'],
    ['*.bad.example', 'bad.example', undefined],
    ['0.0.0.0 bad.example', 'bad.example', 'bad.example'],
    ['0.0.0.0 bad.example', 'x.bad.example', undefined],
    ['||bad.example^', 'x.bad.example', 'bad.example'],
    ['https://bad.example/a.exe', 'bad.example', 'bad.example'],
    ['https://bad.example/a.exe', 'x.bad.example', undefined],
    ['bücher.example', 'xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['hxxp.example', 'hxxp.example', 'hxxp.example'],
    ['bad.example', '', undefined],
    ['bad.example', '.', undefined],
    ['bad.example', `${'a.'.repeat(200)}bad.example`, undefined],
    ['bad.example', '\\255\\000.bad.example', 'bad.example'],
  ])('%s asked for %s gives %s', (list, name, expected) => {
    expect(named(`${list}\n`, name)).toBe(expected);
  });

  it('are told by the longest', () => {
    expect(named('bad.example\nvery.bad.example\n', 'x.very.bad.example')).toBe('very.bad.example');
  });

  it('said as a host and as a domain mean both', () => {
    const set = setOf('0.0.0.0 bad.example\n*.bad.example\n');

    expect(set.nameCount).toBe(1);
    expect(set.hasName('bad.example')).toBe(true);
    expect(set.hasName('x.bad.example')).toBe(true);
  });

  it('are all found again among fifty thousand, and those that look alike are not', () => {
    const names = Array.from(
      { length: 50_000 },
      (_, i) => `zz${i.toString(36)}.${['net', 'example.org', 'co.uk'][i % 3]}`,
    );
    const set = setOf(names.join('\n'), {}, 65_536);

    expect(names.filter((name) => set.ofName(`www.${name}`)?.indicator !== name)).toEqual([]);
    expect(names.filter((name) => set.hasName(`x${name}`))).toEqual([]);
    expect(set.bytes / set.size).toBeLessThan(100);
  });
});

describe('what would accuse everybody', () => {
  it.each([
    '0.0.0.0/0',
    '::/0',
    '::ffff:0:0/96',
    '8.0.0.0/7',
    '10.1.2.3',
    '172.16.0.0/12',
    '192.168.1.0/24',
    '127.0.0.1',
    '100.64.1.1',
    '169.254.169.254',
    '224.0.0.0/8',
    '255.255.255.255',
    '172.0.0.0/8',
    '::1',
    '::',
    'fd00::1',
    'fe80::1',
    'ff02::1',
    '2000::/15',
    'com.',
    'co.uk',
    'duckdns.org',
    'github.io',
    'https://github.com/x/y.exe',
  ])('%s is refused and said', (line) => {
    const { size, report } = setOf(`198.51.100.7\n${line}\n`);

    expect(size).toBe(1);
    expect(report.refused.count + report.notUnderstood.count).toBe(1);
    expect((report.refused.first ?? report.notUnderstood.first)?.line).toBe(2);
  });

  it.each(['8.0.0.0/8', '2000::/16', 'x.duckdns.org', 'github.com', 'https://github.community/x'])(
    '%s is not',
    (line) => {
      expect(setOf(`${line}\n`).size).toBe(1);
    },
  );

  it('is private addresses only until they are allowed', () => {
    const list = '10.1.2.3\n192.168.0.0/16\nfd00:1::/32\n127.0.0.1\n0.0.0.0/0\n224.0.0.1\n';

    expect(setOf(list, { allowPrivate: true }).size).toBe(4);
    expect(setOf(list, { allowPrivate: true }).report.refused.count).toBe(2);
  });
});

it('notes are kept once, bounded, and beyond their number left out and counted', () => {
  const lines = Array.from(
    { length: 65_600 },
    (_, i) => `11.${i >>> 16}.${(i >>> 8) & 255}.${i & 255} # note ${i}`,
  );
  const set = setOf(lines.join('\n'), {}, 65_536);

  expect(set.ofAddress(parseIp('11.0.0.7')!)?.note).toBe('note 7');
  expect(set.notesLost).toBe(65);
  expect(
    setOf(`198.51.100.7 # ${'x'.repeat(5000)}\n`).ofAddress(parseIp('198.51.100.7')!)?.note?.length,
  ).toBe(120);
});

it('two versions are compared', () => {
  const before = setOf(
    '198.51.100.1\n198.51.100.2\n198.51.100.0/24\n2001:db8::1\nbad.example\nworse.example\n',
  );
  const after = setOf('198.51.100.2\n198.51.100.3\n198.51.100.0/25\n2001:db8::1\nworse.example\n');
  const work = after.common(before);
  let step = work.next();
  while (step.done !== true) step = work.next();

  expect(step.value).toBe(3);
});
