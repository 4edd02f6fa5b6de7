import { describe, expect, it } from 'vitest';
import { renderSentence, type SentenceParts } from '../../../src/sensor/findings/explain.ts';
import { address, container, workload } from '../../support/records.ts';

const parts: SentenceParts = { subject: container('db', '172.30.0.10'), peers: [], evidence: {} };
const render = (template: string, more: Partial<SentenceParts> = {}) =>
  renderSentence(template, { ...parts, ...more });

describe('explanation', () => {
  it.each([
    [12, '12'],
    [1234567, '1234567'],
    [0.123456, '0.123'],
    [41.666, '41.7'],
    [true, 'yes'],
    [false, 'no'],
    ['text', 'text'],
    [undefined, 'unknown'],
    [[], 'none'],
    [[1, 2.5], '1, 2.5'],
    [['a', 'b', 'c', 'd'], 'a, b, c, d'],
    [['a', 'b', 'c', 'd', 'e', 'f'], 'a, b, c, d and 2 more'],
  ])('writes %j as %s', (value, text) => {
    expect(render('{x}', { evidence: { x: value } })).toBe(text);
  });

  it('names subject, peers and network', () => {
    const peers = [1, 2, 3, 4, 5, 6].map((i) => address(`198.51.100.${i}`, 'internet'));

    expect(render('{subject} on {network} with {peers}', { network: 'data', peers })).toBe(
      'shop/db on data with internet 198.51.100.1, internet 198.51.100.2, internet 198.51.100.3, internet 198.51.100.4 and 2 more',
    );
    expect(render('{network}, {peers}')).toBe('an unknown network, nobody known');
  });

  it('calls an outside address by the name it is known by, and always tells the address too', () => {
    const names = ['api.example.com', 'cdn.example.net'];
    const peers = [address('198.51.100.7', 'internet', { names })];

    expect(render('{peers}', { peers })).toBe('internet api.example.com (198.51.100.7)');
  });

  it('calls a container by its label, whatever names it has', () => {
    expect(render('{subject}', { subject: container('db', '172.30.0.10', { names: ['evil.test'] }) })).toBe(
      'shop/db',
    );
  });

  it('escapes what came from outside, so that it can neither colour nor break the line', () => {
    const evil = container('x', '172.30.0.10', {
      workload: workload('x', [], { composeProject: 'a\u001b[31m', composeService: 'b\n' }),
    });

    const peers = [address('198.51.100.7', 'internet', { names: ['a\u001b[31m.test\n'] })];
    expect(render('{peers}', { peers })).toBe('internet a\\x1b[31m.test\\x0a (198.51.100.7)');
    expect(render('{subject}: {x}', { subject: evil, evidence: { x: 'c\r\nd\u202e' } })).toBe(
      'a\\x1b[31m/b\\x0a: c\\x0d\\x0ad\\u{202e}',
    );
  });

  it('writes names and data as records do: escaped once', () => {
    const data = String.raw`NULL \# 4 00ff00ff`;

    expect(render('{x}', { evidence: { x: String.raw`a\255\046b.example` } })).toBe(
      String.raw`a\255\046b.example`,
    );
    expect(render('{x}', { evidence: { x: [data] } })).toBe(data);
  });

  it('shows both ends of what is long, and all of what is just short enough', () => {
    const name = (length: number) => `start${'x'.repeat(length - 12)}.end.te`;

    expect(render('{x}', { evidence: { x: name(100) } })).toBe(name(100));
    expect(render('{x}', { evidence: { x: name(101) } })).toBe(
      `start${'x'.repeat(45)}~${'x'.repeat(42)}.end.te`,
    );
    expect(render('{x}', { evidence: { x: [name(48), name(49)] } })).toBe(
      `${name(48)}, start${'x'.repeat(19)}~${'x'.repeat(16)}.end.te`,
    );
  });

  it('keeps the address of a peer whose name is long', () => {
    const ip = '2001:db8:1111:2222:3333:4444:5555:6666';
    const peers = [address(ip, 'internet', { names: [`${'x'.repeat(240)}.example.com`] })];

    expect(render('{peers}', { peers })).toMatch(
      /^internet x+~.*\(2001:db8:1111:2222:3333:4444:5555:6666\)$/,
    );
  });

  it('does not fill placeholders that stand in a value', () => {
    expect(render('{x}', { evidence: { x: '{subject}' } })).toBe('{subject}');
  });
});
