import { describe, expect, it } from 'vitest';
import { METADATA_SERVICES } from '../../analyzers/lib/metadata-services.ts';
import metadataAccess from '../../analyzers/metadata-access.ts';
import type { FlowRecord } from '../../src/model/flow.ts';
import { type AnalyzerEvent, runAnalyzer } from '../../src/sensor/analysis/tester.ts';
import { testAnalyzer } from '../support/analyzer-tester.ts';
import {
  address,
  BACK,
  container,
  flow,
  network,
  secs,
  setBack,
  unattributed,
  workload,
} from '../support/records.ts';

const app = container('app', '172.30.0.10', { port: 40_000 });
const app6 = { ...app, ip: 'fd00:30::10' };
const metadata = (ip = '169.254.169.254', port = 80) => address(ip, 'lan', { port });

/** One connection from its SYN to its end; what came back is in the last record. */
function asked(
  fields: Partial<FlowRecord> & Pick<FlowRecord, 'resp'>,
  end: Partial<FlowRecord> = {},
): AnalyzerEvent[] {
  const started = flow({ orig: app, ...fields });
  const over: FlowRecord = { ...started, end: started.start + 1000, reason: 'closed', ...end };
  return [
    { on: 'flow-start', flow: started },
    { on: 'flow-end', flow: over },
  ];
}

const data = (respBytes: number): Partial<FlowRecord> => ({ history: 'ShADadFf', respPackets: 5, respBytes });

testAnalyzer(metadataAccess, {
  fires: [
    {
      name: 'the first packet to it, low: most programs that know clouds try once',
      events: [{ on: 'flow-start', flow: flow({ orig: app, resp: metadata() }) }],
      findings: [
        {
          message: 'attempted',
          severity: 'low',
          confidence: 'certain',
          evidence: { addresses: ['169.254.169.254'], connections: 1, answered: 0, thresholdBytes: 1000 },
        },
      ],
    },
    {
      name: 'an attempt that nobody answered',
      events: asked({ resp: metadata() }, { reason: 'idle' }),
      findings: [{ message: 'attempted', severity: 'low', evidence: { connections: 1, unanswered: 1 } }],
    },
    {
      name: 'a refusal',
      events: asked({ resp: metadata() }, { history: 'Sr', respPackets: 1, respBytes: 40 }),
      findings: [{ message: 'refused', severity: 'low', evidence: { refused: 1, unanswered: 0 } }],
    },
    {
      name: 'a handshake without a byte back, as with a hop limit of 1',
      events: asked({ resp: metadata() }, { history: 'ShADF', respPackets: 2, respBytes: 112 }),
      findings: [{ message: 'attempted', severity: 'low', evidence: { withoutData: 1, answered: 0 } }],
    },
    {
      name: 'an answer one byte short of credentials',
      events: asked({ resp: metadata() }, data(999)),
      findings: [{ message: 'answered', severity: 'medium', evidence: { largestAnswerBytes: 999 } }],
    },
    {
      name: 'an answer as large as credentials, as one finding that rose',
      events: [
        ...asked({ resp: metadata() }, data(400)),
        ...asked({ resp: metadata(), start: secs(1) }, data(1000)),
      ],
      findings: [
        {
          message: 'credentials-sized',
          severity: 'high',
          evidence: { connections: 2, answered: 2, answerBytes: 1400, largestAnswerBytes: 1000 },
        },
      ],
      also: ({ findings }) => expect(findings.map(({ status }) => status)).not.toContain('closed'),
    },
    {
      name: 'an answer that is large only over several connections, as no credentials',
      events: Array.from({ length: 5 }, (_, i) =>
        asked({ resp: metadata(), start: secs(i) }, data(400)),
      ).flat(),
      findings: [{ message: 'answered', severity: 'medium', evidence: { answerBytes: 2000 } }],
    },
    {
      name: 'AWS over IPv6',
      events: asked({ orig: app6, resp: metadata('fd00:ec2::254') }, data(1500)),
      findings: [{ message: 'credentials-sized', evidence: { clouds: ['AWS'] } }],
    },
    {
      name: 'the wire server of Azure, whose address is a public one',
      events: asked({ resp: address('168.63.129.16', 'internet', { port: 32_526 }) }, data(600)),
      findings: [{ message: 'answered', evidence: { clouds: ['Azure'] } }],
    },
    {
      name: "a task's own credentials, never above low, and apart from the machine's",
      events: [
        ...asked({ resp: metadata('169.254.170.2') }, data(1500)),
        ...asked({ resp: metadata('169.254.170.23') }, data(1500)),
        ...asked({ resp: metadata() }),
      ],
      findings: [
        { message: 'credentials-sized', severity: 'low', evidence: { clouds: ['AWS ECS', 'AWS EKS'] } },
        { message: 'attempted', severity: 'low' },
      ],
    },
    {
      name: 'the name in the request, which tells the cloud',
      events: asked({ resp: metadata() }, { ...data(1500), serverName: 'metadata.google.internal' }),
      findings: [
        {
          message: 'credentials-sized',
          evidence: { clouds: ['Google'], names: ['metadata.google.internal'] },
        },
      ],
    },
    {
      name: 'the name at another address: a proxy is asked for it',
      events: asked(
        { resp: address('10.9.9.9', 'lan', { port: 80 }) },
        { ...data(700), serverName: 'Metadata.Google.Internal' },
      ),
      findings: [{ message: 'answered', evidence: { addresses: ['10.9.9.9'], connections: 1 } }],
    },
    {
      name: 'an address of the network that nobody could name: a capture without an inventory',
      events: asked({ orig: unattributed('172.30.0.77'), resp: metadata(), network: network() }),
      findings: [{ message: 'attempted' }],
    },
    {
      name: 'each container for itself',
      events: [
        ...asked({ resp: metadata() }),
        ...asked({ orig: container('web', '172.30.0.11'), resp: metadata() }),
      ],
      findings: [{ message: 'attempted' }, { message: 'attempted' }],
    },
  ],
  silent: [
    {
      name: 'names asked of it: Google and Azure have their resolver there',
      events: [
        ...asked({ resp: metadata('169.254.169.254', 53) }, data(2000)),
        ...asked({ resp: metadata('168.63.129.16', 53), protocol: 'udp' }),
      ],
    },
    {
      name: 'the time of Amazon, an address beside it',
      events: asked({ resp: metadata('169.254.169.123', 123), protocol: 'udp' }),
    },
    {
      name: 'the host and its agents',
      events: [
        ...asked({ orig: address('10.0.0.5', 'host'), resp: metadata() }, data(2000)),
        ...asked({ orig: address('172.30.0.1', 'gateway'), resp: metadata() }, data(2000)),
      ],
    },
    {
      name: "a container on the host's network",
      events: asked(
        {
          orig: address('10.0.0.5', 'host', { workload: workload('ssm', [], { networkMode: 'host' }) }),
          resp: metadata(),
        },
        data(2000),
      ),
    },
    {
      name: "Azure's health probes, which come from its address",
      events: asked({ orig: metadata('168.63.129.16'), resp: { ...app, port: 80 } }, data(2000)),
    },
    {
      name: 'a container that imitates metadata for tests, by its name',
      events: asked(
        { resp: container('imds', '172.30.0.20', { port: 80 }) },
        { ...data(2000), serverName: 'metadata.google.internal' },
      ),
    },
    {
      name: 'a name that only ends alike',
      events: asked(
        { resp: address('198.51.100.7', 'internet', { port: 80 }) },
        { ...data(2000), serverName: 'xmetadata.google.internal.example' },
      ),
    },
    {
      name: 'an answer to a packet from there',
      events: asked({ resp: metadata() }, { history: '^hR' }).map((event) =>
        'flow' in event ? { ...event, flow: { ...event.flow, history: 'H' } } : event,
      ) as AnalyzerEvent[],
    },
    {
      name: "a neighbour with another's address",
      events: asked({
        orig: {
          ...app,
          mac: '02:42:00:00:00:99',
          attribution: { method: 'ip@time', confidence: 'likely', reason: 'MAC of another' },
        },
        resp: metadata(),
      }),
    },
  ],
});

describe('metadata-access', () => {
  it.each(METADATA_SERVICES)('knows $address, with whose it is and where that stands', (service) => {
    const orig = service.address.includes(':') ? app6 : app;
    const { final } = runAnalyzer(metadataAccess, asked({ orig, resp: metadata(service.address) }));

    expect(final).toMatchObject([{ message: 'attempted', evidence: { clouds: service.clouds } }]);
    expect(service.source).toMatch(/\./);
  });

  it('goes on when the clock is set: one finding, with times of the new clock', () => {
    const { final } = runAnalyzer(metadataAccess, [
      ...asked({ resp: metadata() }),
      setBack(10),
      ...asked({ resp: metadata(), start: secs(BACK + 20) }, { end: secs(BACK + 21) }),
    ]);

    expect(final).toMatchObject([{ evidence: { connections: 2, lastSeen: '2025-12-31T22:00:21.000000Z' } }]);
  });

  it('remembers a bounded number of containers, and says how many it forgot', () => {
    const events = Array.from({ length: 40 }, (_, i) =>
      asked({ orig: container(`c${i}`, `172.30.0.${i}`), resp: metadata(), start: secs(i) }),
    ).flat();
    const { losses } = runAnalyzer(metadataAccess, events, { max_clients: 16 });

    expect(
      losses.filter(({ where }) => where === 'metadata-access.clients').map(({ count }) => count),
    ).not.toEqual([]);
  });
});
