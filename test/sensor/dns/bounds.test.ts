/** What the intake keeps, whoever asks whatever and how often. */
import { describe, expect, it } from 'vitest';
import type { DnsRecord } from '../../../src/model/dns.ts';
import { dnsConfig } from '../../../src/sensor/config.ts';
import { DnsIntake } from '../../../src/sensor/dns/intake.ts';
import { createTap } from '../../../src/sensor/taps/tap.ts';
import { T0 } from '../../support/inventory-facts.ts';
import { dnsOverTcp, dnsQuery } from '../../support/packet-builder.ts';
import { segment, startPipeline } from '../pipeline-run.ts';
import { asker, lo, toResolver } from './container-side.ts';

const MAX_PENDING = 256;

function namespace(transport: 'udp' | 'tcp') {
  const run = startPipeline();
  const told = { questions: 0, records: 0, unanswered: 0 };
  const intake = new DnsIntake({
    config: dnsConfig.parse({ max_pending: MAX_PENDING }),
    names: {
      resolve: () => ({ scope: 'unknown', names: [], attribution: { method: 'none', confidence: 'none' } }),
    },
    endsOf: () => {
      throw new Error('nothing of a namespace is in the flow table');
    },
    flowNumber: () => 0,
    onQuestion: () => void told.questions++,
    onAnswered: () => {},
    onRecord: ({ rcode }: DnsRecord) => {
      told.records++;
      if (rcode === undefined) told.unanswered++;
    },
    onNotDns: () => {},
    wants: { notDns: true },
  });
  const who = asker('db', run);
  const tap = createTap({ ...lo('db', run), asker: () => who, index: 0 });
  intake.beginTap(tap);
  const view = tap.decoder.newView();
  const send = (frame: Uint8Array, time: number): void => {
    const data = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    tap.decoder.decode(data, 0, frame.length, frame.length, tap.linkType, view);
    intake.onNamespacePacket(data, view, time, tap);
    if (time >= intake.due) intake.settle(time);
  };
  /** The message's bytes stand at the end of the frame. */
  const template = dnsQuery({ name: 'aaaaaaaa.zone.test', id: 0 });
  const stream = { src: '127.0.0.1', dst: '127.0.0.11', sport: 40_000, dport: 33_333, flags: 'PA', seq: 1 };
  const frame = transport === 'udp' ? toResolver(template, 40_000) : segment(stream, dnsOverTcp(template));
  return { intake, tap, told, send, frame, messageAt: frame.length - template.length };
}

describe('a million distinct names a minute', () => {
  it('leave no more than the bound, and every one is told', () => {
    const { intake, told, send, frame, messageAt } = namespace('udp');
    // Nine seconds of it; a second fills the bounds some sixty times.
    const names = 150_000;
    let most = 0;
    for (let i = 0; i < names; i++) {
      frame[messageAt] = i >>> 8;
      frame[messageAt + 1] = i;
      for (let c = 0; c < 8; c++) frame[messageAt + 13 + c] = 0x61 + ((i >>> (c * 4)) & 0xf);
      send(frame, T0 + i * 60);
      most = Math.max(most, intake.kept);
    }
    expect(most).toBeLessThanOrEqual(2 * MAX_PENDING);
    expect(told.questions).toBe(names);
    intake.flush();

    expect(intake.kept).toBe(0);
    expect(told).toEqual({ questions: names, records: names, unanswered: names });
  });
});

describe('half messages', () => {
  it('over more connections than are kept stay within the bounds, and are counted', () => {
    const { intake, tap, told, send } = namespace('tcp');
    const half = dnsOverTcp(dnsQuery({ name: 'half.test' })).slice(0, 20);
    for (let sport = 1; sport <= 10_000; sport++) {
      send(
        segment({ src: '127.0.0.1', dst: '127.0.0.11', sport, dport: 33_333, seq: 1, flags: 'PA' }, half),
        T0,
      );
    }
    // The reassembler keeps 4096 connections.
    expect(intake.lost).toBe(10_000 - 4096);
    intake.endTap(tap);
    intake.flush();

    expect(told).toEqual({ questions: 0, records: 0, unanswered: 0 });
    expect(intake.kept).toBe(0);
  });
});

describe('the number of a namespace', () => {
  it('is used again, so that keys stay small however often containers start', () => {
    const { intake, send, frame, tap, told } = namespace('udp');
    for (let i = 0; i < 20_000; i++) {
      if (i > 0) intake.beginTap(tap);
      send(frame, T0 + i);
      intake.endTap(tap);
    }
    intake.flush();

    expect(told).toEqual({ questions: 20_000, records: 20_000, unanswered: 20_000 });
  });
});
