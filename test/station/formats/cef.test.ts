import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CEF_MAX_BYTES } from '../../../src/station/formats/cef.ts';
import { lineProblems } from '../../support/format-schemas.ts';
import { hostileText } from '../support/hostile.ts';
import { endpoint, finding, outside } from '../support/records.ts';
import { encoded } from './support.ts';

describe('CEF', () => {
  it('has the seven fields of the header, and the extension by name', () => {
    const line: string = encoded('cef', finding(1));

    expect(line).toMatch(
      /^CEF:0\|Bridgewatch\|bridgewatch\|0\.1\.0\|internal-egress\/attempted-blocked\|Egress from an internal network\|8\|rt=1795442400001 /,
    );
    expect(read(line).extension).toMatchObject({
      externalId: 'f-1',
      src: '172.30.1.5',
      dpt: '443',
      cs1Label: 'network',
      cs1: 'shop_data',
      cs5: '{"attempts":3,"ports":[443,8443]}',
      flexString2: '1:abc=,c1',
    });
  });

  it('escapes what its syntax is made of', () => {
    const line: string = encoded('cef', finding(1, { title: 'a|b\\c=d', explanation: 'a|b\\c=d\r\ne' }));

    expect(line).toContain('|a\\|b\\\\c=d|8|');
    expect(line).toContain('msg=a|b\\\\c\\=d\\r\\ne ');
  });

  it('has IPv6 where the dictionary has it', () => {
    const line: string = encoded('cef', finding(1, { subject: endpoint({ ip: '2001:db8::1' }) }));

    expect(read(line).extension).toMatchObject({
      c6a2Label: 'sourceIPv6',
      c6a2: '2001:db8::1',
      dst: '198.51.100.7',
    });
    expect(read(line).extension).not.toHaveProperty('src');
  });

  it('reads back as what went in, whatever that is', () => {
    fc.assert(
      fc.property(hostileText, hostileText, (title, text) => {
        const line: string = encoded('cef', finding(1, { title, explanation: text, network: text }));
        const { header, extension } = read(line);

        expect(lineProblems(line)).toEqual([]);
        expect(header).toHaveLength(7);
        expect(extension['externalId']).toBe('f-1');
        expect(extension['msg'] ?? '').toBe(readable(text));
        expect(extension['cs1'] ?? '').toBe(readable(text));
      }),
    );
  });

  it('cuts a long text where the dictionary ends it', () => {
    const { extension } = read(encoded('cef', finding(1, { explanation: 'x'.repeat(1023) })));
    const { extension: cut } = read(encoded('cef', finding(1, { explanation: 'x'.repeat(1024) })));

    expect(extension['msg']).toBe('x'.repeat(1023));
    expect(cut['msg']).toBe(`${'x'.repeat(1022)}~`);
  });

  it('stays within its bound and names what it left out', () => {
    const record = finding(1, {
      explanation: '\u202e'.repeat(2000),
      evidence: { long: 'é'.repeat(3000) },
      peers: Array.from({ length: 400 }, () => outside()),
    });
    const line: string = encoded('cef', record);

    expect(Buffer.byteLength(line)).toBeLessThanOrEqual(CEF_MAX_BYTES);
    expect(read(line).extension).toMatchObject({ externalId: 'f-1', flexString1Label: 'leftOut' });
    expect(read(line).extension['flexString1']).toMatch(/evidence/);
  });
});

/** As a receiver reads it: the header at unescaped pipes, the extension at keys, escapes undone. */
function read(line: string): { header: string[]; extension: Record<string, string> } {
  const header: string[] = [];
  let rest = line;
  for (let i = 0; i < 7; i++) {
    const [, field = '', after = ''] = /^((?:\\.|[^|\\])*)\|(.*)$/.exec(rest) ?? [];
    header.push(field);
    rest = after;
  }
  const extension: Record<string, string> = {};
  const keys = [...rest.matchAll(/(?:^| )(\w+)=/g)].filter(({ index, 0: match }) =>
    isKey(rest, index + match.length - 1),
  );
  keys.forEach((match, i) => {
    const value = rest.slice(match.index + match[0].length, keys[i + 1]?.index);
    extension[match[1]!] = value.replace(/\\(.)/g, (_, char: string) => ({ n: '\n', r: '\r' })[char] ?? char);
  });
  return { header, extension };
}

function isKey(text: string, equalsAt: number): boolean {
  return text[equalsAt - 1] !== '\\';
}

/** Control characters are told as text; line ends have a form in CEF. */
function readable(text: string): string {
  return text
    .split(/([\n\r])/)
    .map((part) => (part === '\n' || part === '\r' ? part : JSON.parse(`"${unprintable(part)}"`)))
    .join('');
}

function unprintable(part: string): string {
  const escaped = part.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is told as text.
    /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Cs}/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return escaped.replaceAll('\\', '\\\\').replaceAll('"', '\\"');
}
