/**
 * Real captures, benign and malformed: every frame through decoder, DNS and flow table. What tshark says of the same
 * files is the oracle. Development captures live outside the repository; without them this is skipped, loudly.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatIp } from '../../../src/model/ip.ts';
import { anomalyTable } from '../../../src/sensor/decode/anomaly.ts';
import { Decoder } from '../../../src/sensor/decode/decoder.ts';
import { DnsView, decodeDns } from '../../../src/sensor/decode/dns.ts';
import { readDnsContent } from '../../../src/sensor/decode/dns-record.ts';
import { DnsTcpReassembler } from '../../../src/sensor/decode/dns-tcp.ts';
import { FRAGMENT, LAYER, type PacketView, TCP_FLAG } from '../../../src/sensor/decode/packet-view.ts';
import { FlowTable } from '../../../src/sensor/flow/table.ts';

const CORPUS = join(import.meta.dirname, '../../../../shared/corpus');
const hasCorpus = existsSync(CORPUS);
const hasTshark = spawnSync('tshark', ['--version']).status === 0;
if (!hasCorpus) console.warn(`SKIPPED: no captures at ${CORPUS}: the corpus tests of the decoder do not run`);
if (!hasTshark) console.warn('SKIPPED: no tshark on the PATH: nothing to compare the decoder with');

// Made by a hook, not while the file is read: a run that skips every test here calls no hook and leaves nothing.
let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'bridgewatch-corpus-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Frame {
  readonly linkType: number;
  readonly at: number;
  readonly capLen: number;
  readonly wireLen: number;
  readonly timeMicros: number;
}

function filesOf(folder: string): string[] {
  if (!hasCorpus) return [];
  return readdirSync(join(CORPUS, folder))
    .filter((name) => /\.(pcap|cap|pcapng)$/.test(name))
    .map((name) => join(CORPUS, folder, name));
}

/** Classic pcap as it stands; pcapng by way of editcap. Stops at the first record that is no record. */
function readCapture(path: string): { data: DataView; frames: Frame[] } | undefined {
  let bytes = readFileSync(path);
  if (bytes.length >= 4 && bytes.readUInt32BE(0) === 0x0a0d0d0a) {
    const converted = spawnSync('editcap', ['-F', 'pcap', path, '-'], { maxBuffer: 256 * 1024 * 1024 });
    if (converted.status !== 0) return undefined;
    bytes = converted.stdout;
  }
  if (bytes.length < 24) return undefined;
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = data.getUint32(0, true);
  const little = magic === 0xa1b2c3d4 || magic === 0xa1b23c4d;
  const nanoseconds = data.getUint32(0, little) === 0xa1b23c4d;
  if (!little && data.getUint32(0) !== 0xa1b2c3d4 && !nanoseconds) return undefined;
  const linkType = data.getUint32(20, little) & 0xffff;
  const frames: Frame[] = [];
  let at = 24;
  while (at + 16 <= bytes.length) {
    const capLen = data.getUint32(at + 8, little);
    if (capLen > 300_000 || at + 16 + capLen > bytes.length) break;
    const fraction = data.getUint32(at + 4, little);
    frames.push({
      linkType,
      at: at + 16,
      capLen,
      wireLen: data.getUint32(at + 12, little),
      timeMicros: data.getUint32(at, little) * 1e6 + (nanoseconds ? Math.floor(fraction / 1000) : fraction),
    });
    at += 16 + capLen;
  }
  return { data, frames };
}

/** What we say of a frame, in tshark's columns: addresses, protocol, ports of the outermost packet, DNS names. */
function describeFrame(data: DataView, p: PacketView): string[] {
  if ((p.layers & LAYER.IP) === 0) return ['', '', '', '', '', ''];
  const w = p.words;
  const hasPorts = (p.layers & (LAYER.TCP | LAYER.UDP)) !== 0;
  return [
    formatIp(w[0]!, w[1]!, w[2]!, w[3]!),
    formatIp(w[4]!, w[5]!, w[6]!, w[7]!),
    hasPorts ? String(p.srcPort) : '',
    hasPorts ? String(p.dstPort) : '',
    hasPorts || (p.layers & (LAYER.ICMP | LAYER.ICMPV6)) === 0 ? '' : String(p.icmpType),
    dnsNameOf(data, p),
  ];
}

function dnsNameOf(data: DataView, p: PacketView): string {
  if ((p.layers & LAYER.UDP) === 0 || (p.srcPort !== 53 && p.dstPort !== 53)) return '';
  const view = new DnsView();
  const complete = p.payloadEnd - p.payloadAt === p.payloadLength && p.fragment === FRAGMENT.NONE;
  decodeDns(data, p.payloadAt, p.payloadEnd, complete, view);
  return readDnsContent(data, view).question?.query ?? '';
}

const FIELDS = [
  'ip.src',
  'ipv6.src',
  'ip.dst',
  'ipv6.dst',
  'tcp.srcport',
  'udp.srcport',
  'tcp.dstport',
  'udp.dstport',
  'icmp.type',
  'icmpv6.type',
  'dns.qry.name',
];

/**
 * One tshark for all files, because starting it takes longer than its work. First occurrences: of a tunnel the outer
 * packet, of a message the first question. GTP is off because we do not follow it.
 */
function askTshark(paths: readonly string[]): string[][] {
  const merged = join(scratch, 'merged.pcapng');
  execFileSync('mergecap', ['-a', '-w', merged, ...paths]);
  const options = ['-o', 'ip.defragment:FALSE', '-o', 'ipv6.defragment:FALSE', '--disable-protocol', 'gtp'];
  return tsharkFields(merged, [...options, '-E', 'occurrence=f'], FIELDS).map((f) => {
    const either = (i: number) => f[i] || f[i + 1] || '';
    const icmp = either(8);
    // What an ICMP error quotes is no packet of its own; names over TCP are compared below.
    if (icmp !== '') return [either(0), either(2), '', '', icmp, ''];
    return [either(0), either(2), either(4), either(6), '', f[4] === '' ? (f[10] ?? '') : ''];
  });
}

function tsharkFields(path: string, options: readonly string[], fields: readonly string[]): string[][] {
  const stdout = execFileSync(
    'tshark',
    ['-n', '-r', path, ...options, '-T', 'fields', ...fields.flatMap((field) => ['-e', field])],
    { encoding: 'latin1', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 256 * 1024 * 1024 },
  );
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split('\t'));
}

describe.skipIf(!hasCorpus)('malformed captures', () => {
  it.each(filesOf('malformed').map((path) => [path.split('/').pop()!, path]))('%s', (_name, path) => {
    const capture = readCapture(path);
    if (capture === undefined) return;
    const decoder = new Decoder();
    const view = decoder.newView();
    const table = new FlowTable({ onEnd() {} }, { maxFlows: 1000 });
    const begin = performance.now();

    let framesWithAnomaly = 0;
    for (const frame of capture.frames) {
      decoder.decode(capture.data, frame.at, frame.capLen, frame.wireLen, frame.linkType, view);
      for (let p: PacketView | undefined = view; p !== undefined; p = p.inner) {
        table.observe(p, frame.timeMicros, 0);
        dnsNameOf(capture.data, p);
        expect(p.payloadAt).toBeLessThanOrEqual(p.payloadEnd);
        expect(p.payloadEnd).toBeLessThanOrEqual(frame.at + frame.capLen);
        if ((p.layers & LAYER.INNER) === 0) break;
      }
      if (view.anomaly !== 0) framesWithAnomaly++;
    }
    table.flush();

    const counted = Object.values(anomalyTable(decoder.anomalyCounts)).reduce((sum, n) => sum + n, 0);
    expect(counted).toBeGreaterThanOrEqual(framesWithAnomaly);
    expect(table.size).toBe(0);
    expect(performance.now() - begin).toBeLessThan(5000);
  });

  it('show their anomalies', () => {
    const seen = new Set<string>();
    for (const path of filesOf('malformed')) {
      const capture = readCapture(path);
      if (capture === undefined) continue;
      const decoder = new Decoder();
      const view = decoder.newView();
      for (const frame of capture.frames) {
        decoder.decode(capture.data, frame.at, frame.capLen, frame.wireLen, frame.linkType, view);
      }
      for (const code of Object.keys(anomalyTable(decoder.anomalyCounts))) seen.add(code);
    }

    expect([...seen]).toEqual(expect.arrayContaining(['ipv4-length-beyond-frame', 'udp-length-beyond-ip']));
  });
});

describe.skipIf(!hasCorpus || !hasTshark)('agrees with tshark', () => {
  const paths = filesOf('benign');
  const captures = new Map(paths.map((path) => [path, readCapture(path)!]));
  const theirs = new Map<string, string[][]>();

  beforeAll(() => {
    const all = askTshark(paths);
    let from = 0;
    for (const [path, { frames }] of captures) {
      theirs.set(path, all.slice(from, from + frames.length));
      from += frames.length;
    }
    expect(from).toBe(all.length);
  }, 60_000);

  it.each(paths.map((path) => [path.split('/').pop()!, path]))('on %s', (_name, path) => {
    const { data, frames } = captures.get(path)!;
    const decoder = new Decoder();
    const view = decoder.newView();

    const ours = frames.map((frame) => {
      decoder.decode(data, frame.at, frame.capLen, frame.wireLen, frame.linkType, view);
      return describeFrame(data, view);
    });

    expect(ours).toEqual(theirs.get(path));
  });

  it('on the Community ID of every whole packet', () => {
    const options = ['--enable-protocol', 'communityid', '--disable-protocol', 'gtp'];
    const defragment = ['-o', 'ip.defragment:FALSE', '-o', 'ipv6.defragment:FALSE', '-E', 'occurrence=f'];
    const all = tsharkFields(
      join(scratch, 'merged.pcapng'),
      [...options, ...defragment],
      ['communityid', '_ws.malformed'],
    );
    let at = 0;
    let compared = 0;
    for (const { data, frames } of captures.values()) {
      const decoder = new Decoder();
      const view = decoder.newView();
      const table = new FlowTable({ onEnd() {} });
      for (const frame of frames) {
        const [expected, malformed] = all[at++]!;
        decoder.decode(data, frame.at, frame.capLen, frame.wireLen, frame.linkType, view);
        const slot = table.observe(view, frame.timeMicros, 0);
        const transport = LAYER.TCP | LAYER.UDP | LAYER.ICMP | LAYER.ICMPV6;
        if ((view.layers & transport) === 0 || view.fragment !== FRAGMENT.NONE) continue;
        // When the packet that an ICMP error quotes is cut, tshark hashes the quoted addresses.
        if (malformed !== '') continue;
        expect(table.communityId(slot)).toBe(expected);
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(10_000);
  }, 60_000);

  it.each(['dnscap--dnso1tcp.pcap', 'packets--dns_tcp.pcapng'])('on the names over TCP of %s', (name) => {
    const path = join(CORPUS, 'benign', name);
    const { data, frames } = captures.get(path)!;
    const decoder = new Decoder();
    const view = decoder.newView();
    const table = new FlowTable({ onEnd() {} });
    const streams = new DnsTcpReassembler();
    const ours: string[] = [];

    for (const frame of frames) {
      decoder.decode(data, frame.at, frame.capLen, frame.wireLen, frame.linkType, view);
      const slot = table.observe(view, frame.timeMicros, 0);
      if ((view.layers & LAYER.TCP) === 0 || (view.srcPort !== 53 && view.dstPort !== 53)) continue;
      const isSyn = (view.tcpFlags & TCP_FLAG.SYN) !== 0;
      const { payloadAt, payloadEnd } = view;
      streams.push(
        slot,
        table.fromOrig,
        view.words[8]!,
        isSyn,
        data,
        payloadAt,
        payloadEnd,
        (message, at, end) => {
          const dns = new DnsView();
          decodeDns(message, at, end, true, dns);
          ours.push(readDnsContent(message, dns).question?.query ?? '');
        },
      );
    }

    const lines = tsharkFields(path, ['-Y', 'dns && tcp', '-E', 'occurrence=a'], ['dns.qry.name']);
    expect(ours).toEqual(lines.flatMap(([names]) => names!.split(',')));
    expect(ours.length).toBeGreaterThan(0);
  });
});
