import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeSyslog, type SyslogMessage } from '../../../src/station/formats/rfc5424.ts';
import { syslogMessage } from '../../../src/station/formats/syslog.ts';
import { EMITTER, lineProblems } from '../../support/format-schemas.ts';
import { hostileText } from '../support/hostile.ts';
import { finding, loss } from '../support/records.ts';
import { publicForm } from './support.ts';

const message: SyslogMessage = {
  facility: 16,
  severity: 3,
  time: '2026-11-23T14:00:00.001000Z',
  host: 'vps1',
  app: 'bridgewatch',
  messageId: 'internal-egress',
  data: { id: 'bridgewatch@32473', params: [['id', 'f-1']] },
  text: 'shop/db tried to leave',
};
const encode = (over: Partial<SyslogMessage>, maxBytes?: number) =>
  encodeSyslog({ ...message, ...over }, maxBytes === undefined ? {} : { maxBytes }).toString('utf8');

describe('RFC 5424', () => {
  it('has header, structured data and text', () => {
    expect(encode({})).toBe(
      '<131>1 2026-11-23T14:00:00.001000Z vps1 bridgewatch - internal-egress [bridgewatch@32473 id="f-1"] shop/db tried to leave',
    );
  });

  it('writes a hyphen for what is not known', () => {
    expect(encode({ time: undefined, host: '', messageId: undefined, data: undefined })).toBe(
      '<131>1 - - bridgewatch - - - shop/db tried to leave',
    );
  });

  it('escapes quotes, brackets and backslashes in values, and them alone', () => {
    const data = { id: 'bridgewatch@32473', params: [['subject', 'a"b]c\\d=e é']] as const };

    expect(encode({ data })).toContain('[bridgewatch@32473 subject="a\\"b\\]c\\\\d=e é"]');
  });

  it('keeps the header printable ASCII without spaces, within its lengths', () => {
    const hostile = encode({ host: 'a b\né', app: 'x'.repeat(60), messageId: 'y'.repeat(40) });

    expect(hostile).toMatch(/^<131>1 \S+ a\?b\?\? x{48} - y{32} \[/);
  });

  it('marks a text as UTF-8 when it is not ASCII, unless the receiver stumbles over that', () => {
    expect(encode({ text: 'plain' })).toMatch(/\] plain$/);
    expect(encode({ text: 'café' })).toMatch(/\] \ufeffcafé$/);
    expect(encodeSyslog({ ...message, text: 'café' }, { byteOrderMark: false }).toString()).toMatch(
      /\] café$/,
    );
  });

  it('cuts at a whole character, and says how long it was', () => {
    const ascii = 'x'.repeat(600);
    const whole = encode({ text: ascii });
    expect(encode({ text: ascii }, whole.length)).toBe(whole);
    expect(encode({ text: ascii }, whole.length - 1)).toMatch(/ cutFromBytes="600"\] x{500,}$/);

    const text = '漢'.repeat(400);
    for (const maxBytes of [480, 481, 482, 483]) {
      const bytes = encodeSyslog({ ...message, text }, { maxBytes });
      expect(bytes.length).toBeLessThanOrEqual(maxBytes);
      expect(bytes.length).toBeGreaterThan(maxBytes - 3);
      expect(bytes.toString()).toMatch(/ cutFromBytes="1203"\] \ufeff漢+$/);
    }
  });

  it('leaves room for the text whatever the structured data wants, and says what it left out', () => {
    const params = Array.from({ length: 30 }, (_, i) => [`p${i}`, 'v'.repeat(2000)] as const);
    const line = encode({ data: { id: 'bridgewatch@32473', params }, text: 'y'.repeat(9000) });

    expect(Buffer.byteLength(line)).toBeLessThanOrEqual(8192);
    expect(line).toMatch(/ p0="v{1023}~" p1=.* leftOut="\d+" cutFromBytes="9000"\] y{3000,}$/);
  });

  it('is one line of at most its bound, whatever is put into it', () => {
    fc.assert(
      fc.property(hostileText, hostileText, fc.integer({ min: 480, max: 2048 }), (value, text, maxBytes) => {
        const data = { id: value, params: [[value, value.repeat(30)]] as const };
        const bytes = encodeSyslog(
          { ...message, host: value, messageId: text, data, text: text.repeat(40) },
          { maxBytes },
        );
        const line = bytes.toString('utf8');

        expect(bytes.length).toBeLessThanOrEqual(maxBytes);
        expect(line).toMatch(/^<131>1 \S+ \S+ \S+ - \S+ \[[^\]]*?(\\.[^\]]*?)*\] /);
        expect(lineProblems(line.replace('\ufeff', ''))).toEqual([]);
      }),
    );
  });
});

describe('a record in syslog', () => {
  const severityOf = (record: Parameters<typeof publicForm>[0]) =>
    syslogMessage(publicForm(record), 'text', EMITTER).severity;

  it.each([
    ['critical', 2],
    ['high', 3],
    ['medium', 4],
    ['low', 5],
    ['informational', 6],
  ] as const)('is as grave as its severity: %s is %i', (severity, number) => {
    expect(severityOf(finding(1, { severity }))).toBe(number);
  });

  it('wakes nobody when it is over', () => {
    expect(severityOf(finding(1, { severity: 'critical', status: 'closed' }))).toBe(5);
    expect(severityOf(finding(1, { severity: 'informational', status: 'closed' }))).toBe(6);
  });

  it('is a warning when something was not seen', () => {
    expect(severityOf(loss(1))).toBe(4);
  });

  it('has what one filters by', () => {
    const { data, messageId } = syslogMessage(publicForm(finding(1)), 'text', EMITTER, { enterprise: 99 });

    expect(messageId).toBe('internal-egress');
    expect(data?.id).toBe('bridgewatch@99');
    expect(Object.fromEntries(data?.params ?? [])).toMatchObject({
      id: 'f-1',
      status: 'open',
      severity: 'high',
      network: 'shop_data',
      subject: 'shop/db',
      peerIp: '198.51.100.7',
      peerPort: '443',
      attack: 'T1048',
    });
  });
});
