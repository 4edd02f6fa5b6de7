import { expect } from 'vitest';
import icmpTunnel from '../../analyzers/icmp-tunnel.ts';
import type { EchoTally } from '../../src/model/echo.ts';
import type { FlowRecord } from '../../src/model/flow.ts';
import type { AnalyzerEvent } from '../../src/sensor/analysis/tester.ts';
import { testAnalyzer } from '../support/analyzer-tester.ts';
import { address, BACK, container, flow, network, secs, setBack, unattributed } from '../support/records.ts';

const app = container('app', '172.30.0.10');
const app6 = container('app', 'fd00:30::10');
const outside = address('198.51.100.7', 'internet');
const outside6 = address('2001:db8::7', 'internet');
const back = network();

const pings = (fields: Partial<FlowRecord> = {}): FlowRecord =>
  flow({ orig: app, resp: outside, protocol: 'icmp', icmp: { type: 8, code: 0 }, network: back, ...fields });
const ONE = pings();

const ORDINARY: Omit<EchoTally, 'time' | 'flow'> = {
  requests: 100,
  replies: 100,
  alteredReplies: 0,
  unaskedReplies: 0,
  oddPayloads: 0,
  oddBytes: 0,
  payloadSizes: 1,
  repeatedSequences: 0,
};

function heard(seconds: number, fields: Partial<EchoTally>): AnalyzerEvent {
  return { on: 'echo', echo: { ...ORDINARY, flow: ONE, time: secs(seconds), ...fields } };
}

testAnalyzer(icmpTunnel, {
  fires: [
    {
      name: 'three replies in a minute that bring other data than their request',
      events: [
        heard(1, { alteredReplies: 1, oddBytes: 500 }),
        heard(2, { alteredReplies: 3, oddBytes: 1500 }),
      ],
      findings: [
        {
          message: 'altered-replies',
          severity: 'high',
          confidence: 'high',
          network: 'back',
          subject: app,
          peers: [outside],
          evidence: { alteredReplies: 3, alteredPerMinute: 3, thresholdAltered: 3, oddBytes: 1500 },
        },
      ],
      also: ({ final }) =>
        expect(final[0]!.explanation).toContain(
          'shop/app and internet 198.51.100.7 exchange data in pings: 3 of 100 replies brought other data',
        ),
    },
    {
      name: 'the same over IPv6',
      events: [
        heard(1, { flow: pings({ orig: app6, resp: outside6, protocol: 'icmp6' }), alteredReplies: 3 }),
      ],
      findings: [{ message: 'altered-replies', severity: 'high', subject: app6 }],
    },
    {
      name: 'one altered reply with the magic number of a tool',
      events: [heard(1, { alteredReplies: 1, tool: 'ptunnel-ng' })],
      findings: [
        {
          message: 'altered-replies',
          severity: 'high',
          evidence: { tool: 'ptunnel-ng', reasons: ['the data begins as that of ptunnel-ng does'] },
        },
      ],
    },
    {
      name: 'a tunnel into a container, as that of the container',
      events: [heard(1, { flow: pings({ orig: outside, resp: app }), alteredReplies: 9 })],
      findings: [{ message: 'altered-replies', subject: app, peers: [outside] }],
    },
    {
      name: 'ends that nobody could name, as without an inventory',
      events: [
        heard(1, {
          flow: pings({ orig: unattributed('172.30.0.9'), resp: unattributed('198.51.100.7') }),
          alteredReplies: 9,
        }),
      ],
      findings: [{ message: 'altered-replies', subject: unattributed('172.30.0.9') }],
    },
    {
      name: 'ten replies that nobody asked for, with data',
      events: [
        heard(1, { unaskedReplies: 9, oddBytes: 9000 }),
        heard(5, { unaskedReplies: 10, oddBytes: 10_000 }),
      ],
      findings: [
        {
          message: 'unasked-replies',
          severity: 'medium',
          evidence: { unaskedReplies: 10, oddBytesPerMinute: 10_000, thresholdBytesPerMinute: 10_000 },
        },
      ],
    },
    {
      name: 'random data of one size, which a monitor may send, as odd and no more',
      events: [heard(1, { oddPayloads: 10, oddBytes: 10_000 })],
      findings: [{ message: 'odd-payloads', severity: 'low', confidence: 'low', evidence: { reasons: [] } }],
    },
    {
      name: 'odd data whose size changes: three sizes are odd, four are more',
      events: [
        heard(1, { oddPayloads: 10, oddBytes: 10_000, payloadSizes: 3 }),
        heard(2, { oddPayloads: 11, oddBytes: 11_000, payloadSizes: 4 }),
      ],
      findings: [{ message: 'odd-payloads', severity: 'medium', confidence: 'medium' }],
      also: ({ findings }) => expect(findings.map(({ severity }) => severity)).toEqual(['low', 'medium']),
    },
    {
      name: 'odd data under one sequence number',
      events: [heard(1, { requests: 41, oddPayloads: 20, oddBytes: 20_000, repeatedSequences: 21 })],
      findings: [
        {
          message: 'odd-payloads',
          severity: 'medium',
          evidence: { reasons: ['the sequence number stays the same'] },
        },
      ],
    },
    {
      name: 'odd data under numbers of which fewer than twenty are the same, as odd',
      events: [heard(1, { requests: 20, oddPayloads: 20, oddBytes: 20_000, repeatedSequences: 19 })],
      findings: [{ message: 'odd-payloads', severity: 'low' }],
    },
    {
      name: 'two flows of one pair, as one finding with both',
      events: [
        heard(1, { alteredReplies: 2, oddBytes: 100 }),
        heard(2, { flow: pings(), alteredReplies: 2, oddBytes: 100 }),
      ],
      findings: [
        { message: 'altered-replies', evidence: { alteredReplies: 4, requests: 200, oddBytes: 200 } },
      ],
    },
    {
      name: 'a minute that began before the clock was set back',
      events: [heard(1, { alteredReplies: 2 }), setBack(5), heard(10 + BACK, { alteredReplies: 3 })],
      findings: [{ message: 'altered-replies', evidence: { alteredPerMinute: 3 } }],
    },
    {
      name: 'a pair that comes again after its finding was closed, counted anew',
      events: [
        heard(1, { alteredReplies: 5 }),
        { on: 'tick', now: secs(4000) },
        heard(8000, { flow: pings(), alteredReplies: 3 }),
      ],
      findings: [
        { message: 'altered-replies', status: 'closed', evidence: { alteredReplies: 5 } },
        { message: 'altered-replies', evidence: { alteredReplies: 3 } },
      ],
    },
  ],
  silent: [
    { name: 'two altered replies, as a broken network may bring', events: [heard(1, { alteredReplies: 2 })] },
    {
      name: 'three altered replies in more than a minute',
      events: [heard(1, { alteredReplies: 2 }), heard(65, { alteredReplies: 3 })],
    },
    {
      name: 'the magic number of a tool alone, as ping -p may send it',
      events: [heard(1, { tool: 'ptunnel-ng' })],
    },
    {
      name: 'a monitor with random data below the threshold',
      events: [heard(1, { oddPayloads: 9, oddBytes: 9999, payloadSizes: 9 })],
    },
    {
      name: 'a monitor with random data that adds up over hours',
      events: Array.from({ length: 60 }, (_, i) =>
        heard(i * 60, { oddPayloads: i, oddBytes: i * 9000, payloadSizes: 1 }),
      ),
    },
    {
      name: 'replies to broadcast pings, which no request of theirs asked for',
      events: [heard(1, { unaskedReplies: 1000, replies: 1000, requests: 0 })],
    },
    { name: 'a flood of pings', events: [heard(1, { requests: 1e6, replies: 1e6 })] },
    {
      name: 'a monitor whose pings have one number',
      events: [heard(1, { requests: 1000, repeatedSequences: 999 })],
    },
  ],
});
