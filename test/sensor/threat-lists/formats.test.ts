/** One sample of each format as its publisher writes it, made up here. */
import { describe, expect, it } from 'vitest';
import { parseIp } from '../../../src/model/ip.ts';
import { detectFormat } from '../../../src/sensor/threat-lists/formats/detect.ts';
import type { IndicatorSet } from '../../../src/sensor/threat-lists/indicator-set.ts';
import { setOf } from '../../support/threats.ts';

const of = (set: IndicatorSet, what: string) => {
  const ip = parseIp(what);
  return ip === undefined ? set.ofName(what) : set.ofAddress(ip);
};

const PLAIN = `\ufeff# my list\r
198.51.100.7 ; SBL1\r
198.51.100.64/26\r
\r
2001:db8::7   # Emotet\r
[2001:db8::8]:8443\r
hxxp://bad[.]example/x.php?id=1#frag\r
! an advert filter says it so
||ads.example^
no address 999.1.1.1
198.51.100.1 - 198.51.100.9
010.1.2.3
bad_host!`;

const HOSTS = `127.0.0.1 localhost localhost.localdomain
::1 ip6-localhost ip6-loopback
255.255.255.255 broadcasthost
0.0.0.0 0.0.0.0
0.0.0.0 one.example two.example # both
0.0.0.0\tthree.example
`;

const FEODO = `################################################################
# A made-up list of controllers (CSV)
#
"first_seen_utc","dst_ip","dst_port","c2_status","last_online","malware"
"2026-01-02 03:04:05","198.51.100.7","443","online","2026-01-03","Dridex"
"2026-01-02 03:04:06","198.51.100.8","447","offline","2026-01-03","TrickBot"
# END 2 entries
`;

const URLHAUS = `################################################################
# Made-up URLs (CSV), with many words, commas, and more          #
#
# id,dateadded,url,url_status,last_online,threat,tags,urlhaus_link,reporter
"1","2026-01-02 03:04:05","http://198.51.100.9:37215/mozi.m","online","2026-01-02","malware_download","elf,Mozi","https://lists.example/1/","x"
"2","2026-01-02 03:04:05","https://files.example/a,b.exe","offline","","malware_download","None","https://lists.example/2/","x"
`;

const THREATFOX = `# "first_seen_utc","ioc_id","ioc_value","ioc_type","threat_type","fk_malware","malware_alias","malware_printable","last_seen_utc","confidence_level","reference","tags","anonymous","reporter"
"2026-01-02 03:04:05", "11", "198.51.100.10:8080", "ip:port", "botnet_cc", "win.x", "None", "Cobalt ""Strike""", "", "100", "", "CobaltStrike,c2", "0", "x"
"2026-01-02 03:04:05", "12", "c2.bad.example", "domain", "botnet_cc", "win.y", "None", "Lumma", "", "75", "", "", "0", "x"
"2026-01-02 03:04:05", "13", "0123456789abcdef", "sha256_hash", "payload", "win.y", "None", "Lumma", "", "75", "", "", "0", "x"
`;

const SSLBL = `# Made-up (CSV)
# Firstseen,DstIP,DstPort
2026-01-02 03:04:05,198.51.100.11,4444
`;

const MISP_CSV = `uuid,event_id,category,type,value,comment,to_ids,date
"a",1,"Network activity","ip-dst","198.51.100.12","C2, first
stage",1,20260102
"b",1,"Network activity","domain","off.example","",0,20260102
"c",1,"Network activity","domain|ip","on.example|198.51.100.13","",1,20260102
"d",1,"Payload delivery","md5","00","",1,20260102
`;

const MISP = JSON.stringify({
  Event: {
    info: 'made up',
    Orgc: { name: 'x', uuid: 'y' },
    Attribute: [
      {
        type: 'ip-dst',
        category: 'Network activity',
        to_ids: true,
        value: '198.51.100.14',
        comment: 'C2 {"[',
        Tag: [{ name: 'tlp:green' }],
      },
      {
        type: 'ip-dst|port',
        category: 'Network activity',
        to_ids: true,
        value: '198.51.100.15|8443',
        comment: '',
      },
      { type: 'ip-src', category: 'Network activity', to_ids: false, value: '198.51.100.16' },
      { type: 'hostname', category: 'Network activity', to_ids: true, value: 'host.example' },
      { type: 'sha256', category: 'Payload delivery', to_ids: true, value: '00' },
      { type: 'domain', category: 'Network activity', to_ids: true, deleted: true, value: 'gone.example' },
    ],
    Object: [
      {
        name: 'domain-ip',
        Attribute: [
          {
            type: 'domain',
            category: 'Network activity',
            to_ids: true,
            value: 'zone.example',
            ShadowAttribute: [
              { type: 'domain', category: 'x', value: 'proposed.example', proposal_to_delete: false },
            ],
          },
        ],
      },
    ],
  },
});

const STIX = JSON.stringify(
  {
    type: 'bundle',
    objects: [
      {
        type: 'indicator',
        name: 'first',
        pattern_type: 'stix',
        pattern: "[ipv4-addr:value = '198.51.100.17']",
      },
      {
        type: 'indicator',
        pattern_type: 'stix',
        pattern: "[domain-name:value = 'a.example' OR domain-name:value = 'b.example']",
      },
      {
        type: 'indicator',
        pattern_type: 'stix',
        pattern: "[ipv6-addr:value = '2001:db8::17'] AND [domain-name:value = 'c.example']",
      },
      {
        type: 'indicator',
        pattern_type: 'stix',
        revoked: true,
        pattern: "[ipv4-addr:value = '198.51.100.18']",
      },
      { type: 'indicator', pattern_type: 'stix', pattern: "[file:hashes.MD5 = '00']" },
      {
        type: 'malware',
        name: 'x',
        external_references: [{ source_name: 'y', url: 'https://docs.example/' }],
      },
    ],
  },
  undefined,
  1,
);

const FLAT = '[{"ip_address":"198.51.100.19","port":443,"status":"online","malware":"Dridex"}]';

describe('plain text', () => {
  const set = setOf(PLAIN);

  it('holds addresses, networks, names and URLs, with ports, and the comment is the note', () => {
    expect(detectFormat(PLAIN)).toBe('plain');
    expect(of(set, '198.51.100.7')).toMatchObject({ note: 'SBL1', line: 2 });
    expect(of(set, '198.51.100.65')).toMatchObject({ indicator: '198.51.100.64/26', kind: 'network' });
    expect(of(set, '2001:db8::7')).toMatchObject({ note: 'Emotet' });
    expect(of(set, '2001:db8::8')).toMatchObject({ port: 8443 });
    expect(of(set, 'bad.example')).toMatchObject({ kind: 'url' });
    expect(of(set, 'x.ads.example')).toMatchObject({ kind: 'domain', line: 9 });
  });

  it('counts what it does not understand, and tells the first', () => {
    expect(set.report.notUnderstood).toEqual({ count: 4, first: { line: 10, text: 'no' } });
    expect(set.report.lines).toBe(13);
    expect(set.size).toBe(6);
  });

  it('of a hosts file holds its hosts and none of its furniture', () => {
    const hosts = setOf(HOSTS);

    expect(hosts.report).toMatchObject({ refused: { count: 0 }, notUnderstood: { count: 0 } });
    expect(hosts.size).toBe(3);
    expect(of(hosts, 'two.example')).toMatchObject({ kind: 'host', note: 'both', line: 5 });
    expect(of(hosts, 'x.two.example')).toBeUndefined();
  });
});

describe('CSV', () => {
  it.each([
    ['Feodo Tracker', FEODO, 2, '198.51.100.7', { port: 443, note: 'Dridex', line: 5 }],
    ['URLhaus', URLHAUS, 2, '198.51.100.9', { port: 37_215, note: 'elf,Mozi', kind: 'address' }],
    ['URLhaus, a name', URLHAUS, 2, 'files.example', { kind: 'url', note: 'malware_download' }],
    ['ThreatFox', THREATFOX, 2, '198.51.100.10', { port: 8080, note: 'Cobalt "Strike"' }],
    ['ThreatFox, a domain', THREATFOX, 2, 'x.c2.bad.example', { kind: 'domain', note: 'Lumma' }],
    ['SSLBL', SSLBL, 1, '198.51.100.11', { port: 4444 }],
    ['MISP', MISP_CSV, 3, '198.51.100.12', { note: 'C2, first\nstage', line: 2 }],
    ['MISP, a pair', MISP_CSV, 3, '198.51.100.13', { line: 5 }],
    ['semicolons', 'host;reason\nbad.example;x\n', 1, 'bad.example', { kind: 'host' }],
    ['tabs', 'Domain\tComment\nbad.example\tx\n', 1, 'x.bad.example', { note: 'x' }],
    ['one column', 'ip\n198.51.100.7\n', 1, '198.51.100.7', { line: 2 }],
  ])('of %s', (_, text, size, what, expected) => {
    const set = setOf(text);

    expect(detectFormat(text)).toBe('csv');
    expect(set.size).toBe(size);
    expect(of(set, what)).toMatchObject(expected);
    expect(set.report.notUnderstood.count).toBe(0);
  });

  it('passes over what no traffic shows, and what is not for detection', () => {
    expect(setOf(THREATFOX).report.passedOver).toBe(1);
    expect(setOf(MISP_CSV).report.passedOver).toBe(2);
    expect(of(setOf(MISP_CSV), 'off.example')).toBeUndefined();
  });

  it('takes a formula for the text it is', () => {
    const set = setOf(
      'ip,comment\n=HYPERLINK("http://198.51.100.7"),x\n198.51.100.8,"=cmd|\'/c calc\'!A1"\n',
    );

    expect(set.size).toBe(1);
    expect(set.report.notUnderstood.first).toMatchObject({ line: 2 });
    expect(of(set, '198.51.100.8')?.note).toBe("=cmd|'/c calc'!A1");
  });

  it('goes on after a quote that is never closed, and a row that is too short', () => {
    const set = setOf(`ip,comment\n198.51.100.7,"open\n${'x\n'.repeat(40_000)}198.51.100.8,x\n`, {}, 4096);

    expect(set.report.notUnderstood.first).toMatchObject({ line: 2, why: 'a quote is never closed' });
    expect(of(set, '198.51.100.8')).toBeDefined();
  });

  it('is not what a comment of plain text reads like', () => {
    expect(detectFormat('# Domain, host, url\nbad.example\n')).toBe('plain');
    expect(detectFormat('# ip\n198.51.100.7\n')).toBe('plain');
  });
});

describe('JSON', () => {
  it.each([1, 7, 65_536])('of MISP, read in pieces of %d', (pieceChars) => {
    const set = setOf(MISP, {}, pieceChars);

    expect(set.size).toBe(4);
    expect(of(set, '198.51.100.14')).toMatchObject({ note: 'C2 {"[', line: 1 });
    expect(of(set, '198.51.100.15')).toMatchObject({ port: 8443, note: 'Network activity' });
    expect(of(set, 'host.example')).toMatchObject({ kind: 'host' });
    expect(of(set, 'x.zone.example')).toMatchObject({ kind: 'domain' });
    expect(set.report.passedOver).toBe(2);
    expect(set.report.notUnderstood.count).toBe(0);
  });

  it('of STIX: what compares one value, and the rest is said', () => {
    const set = setOf(STIX);

    expect(set.size).toBe(3);
    expect(of(set, '198.51.100.17')).toMatchObject({ note: 'first' });
    expect(of(set, 'b.example')).toMatchObject({ kind: 'host' });
    expect(set.report.notUnderstood).toMatchObject({
      count: 1,
      first: { why: 'not a comparison of one value' },
    });
    expect(set.report.passedOver).toBe(2);
  });

  it('of flat objects', () => {
    expect(of(setOf(FLAT), '198.51.100.19')).toMatchObject({ port: 443, note: 'Dridex' });
  });

  it('is told from addresses in brackets', () => {
    expect(detectFormat('[2001:db8::7]:443\n')).toBe('plain');
    expect(detectFormat(' \n[ {"type":')).toBe('json');
  });

  it('of an attribute behind megabytes of one event costs no memory and is found', () => {
    const padding = JSON.stringify({ Event: { info: 'x'.repeat(300_000), Attribute: [] } }).slice(0, -3);
    const text = `${padding}{"type":"ip-dst","category":"x","to_ids":true,"value":"198.51.100.14"}]}}`;

    expect(of(setOf(text, {}, 4096), '198.51.100.14')).toBeDefined();
  });
});

describe('hostile text never throws and always ends', () => {
  const deep = `${'{"a":['.repeat(5000)}1`;
  it.each([
    ['a line of a megabyte', `198.51.100.7\n${'x'.repeat(1_000_000)}\n198.51.100.8\n`],
    ['NUL bytes', '198.51.100.7\n\0\0\x0198.51.100.9\n198.51.100.8\n'],
    ['what is no UTF-8', '198.51.100.7\nb\ufffd\ufffdd.example\n198.51.100.8\n'],
    ['escape sequences', '198.51.100.7\n\u001b[2J\u001b]0;x\u0007.example\n198.51.100.8\n'],
  ])('%s is one line that is not understood', (_, text) => {
    const set = setOf(text, {}, 4096);

    expect(set.size).toBe(2);
    expect(set.report.notUnderstood).toMatchObject({ count: 1, first: { line: 2 } });
    expect(of(set, '198.51.100.8')).toMatchObject({ line: 3 });
  });

  it.each([
    ['a hundred levels', deep],
    ['closing what is not open', '{}]]]]}}'],
    ['an object that is none', '{"type":"ip-dst" "value":1}'],
    ['prototypes', '{"__proto__":{"ioc_value":"x"},"constructor":1,"ioc_value":"198.51.100.7"}'],
    ['a page', '<html><body>429 Too Many Requests</body></html>'],
  ])('%s', (_, text) => {
    expect(() => setOf(text)).not.toThrow();
  });
});
