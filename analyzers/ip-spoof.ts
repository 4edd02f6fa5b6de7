/**
 * A container sends packets from an address that is not its own. Certain where the address is another container's;
 * otherwise routers do the same: a VPN, or any container that forwards, sends what others wrote. It must never accuse
 * those above `low`.
 */
import { z } from 'zod';
import type { Confidence, Severity } from '../src/model/finding.ts';
import { parseIp } from '../src/model/ip.ts';
import type { SpoofRecord } from '../src/model/spoof.ts';
import { MICROS_PER_SECOND } from '../src/model/time.ts';
import { defineAnalyzer } from '../src/sensor/analysis/analyzer.ts';
import { judgeAddress } from './lib/address-kind.ts';
import { prefixOf, SourceSpread } from './lib/ip-spoof/source-spread.ts';
import { ClaimTally } from './lib/spoof/claim-tally.ts';
import { spooferKey, spooferOf } from './lib/spoof/ends.ts';

const config = z.strictObject({
  many_sources: z
    .number()
    .int()
    .min(2)
    .max(200)
    .default(16)
    .describe(
      'Invented sources within `window_secs` that make a flood of it: addresses of the own subnet, or /24 (IPv6: /48) networks from elsewhere on their way to the outside.',
    ),
  window_secs: z
    .number()
    .int()
    .min(1)
    .max(3600)
    .default(60)
    .describe('How close together these sources must be.'),
  sample_size: z
    .number()
    .int()
    .min(1)
    .max(100)
    .default(16)
    .describe('Addresses and MACs named in one finding; the others are counted.'),
  max_senders: z
    .number()
    .int()
    .min(16)
    .max(100_000)
    .default(500)
    .describe('Senders remembered at once, 1 KB each as a rule and 60 KB for one with hundreds of sources.'),
});

const evidence = z.object({
  addresses: z.array(z.string()).describe('Sent from; the first `sample_size` of them.'),
  addressCount: z.number(),
  addressCountIsMinimum: z.boolean().optional().describe('Present when counting stopped.'),
  macs: z.array(z.string()).describe('In whose frames they came.'),
  protocols: z.array(z.string()).describe('Always `ip`.'),
  claims: z.number().describe('New flows with such a source.'),
  rivalMac: z.string().optional().describe('The rightful MAC, when that used the address meanwhile.'),
  sourcesInWindow: z
    .number()
    .optional()
    .describe('The most seen within `window_secs`, as the option counts them.'),
  manySources: z.number().optional().describe('Their threshold.'),
  firstClaim: z.string(),
  lastClaim: z.string(),
});

type Kind = 'address-of-another' | 'unknown-mac' | 'not-its-own' | 'many-sources';

interface Sender {
  readonly tally: ClaimTally;
  readonly own: SourceSpread;
  readonly elsewhere: SourceSpread;
  most: number;
}

export default defineAnalyzer({
  id: 'ip-spoof',
  title: 'Container sends from an address that is not its own',
  attack: [
    { technique: 'T1557', tactic: 'credential-access' },
    { technique: 'T1498', tactic: 'impact' },
  ],
  severity: 'low',
  confidence: 'medium',
  maturity: 'incubating',
  flows: 'none',
  config,
  evidence,
  messages: {
    'address-of-another':
      '{subject} sent packets on {network} from {addresses}, which belong to {peers} (flows: {claims}, since {firstClaim}). It writes them itself, or forwards what it drew to itself by ARP: look at what runs in it, and take NET_RAW and NET_ADMIN from it.',
    'unknown-mac':
      '{subject} sends on {network} from {addresses} with the MAC {macs}, which Docker gave to nobody (flows: {claims}, since {firstClaim}; the rightful MAC, in use as well: {rivalMac}). A changed MAC or a virtual machine in the container does this; if both are in use, find the port with `bridge fdb show`.',
    'not-its-own':
      '{subject} sent packets on {network} from addresses that Docker gave to nobody there, such as {addresses} (flows: {claims}, addresses: {addressCount}, since {firstClaim}). Expected of a VPN or router container without masquerading, and of a virtual address; of others it is not.',
    'many-sources':
      '{subject} sends on {network} from {sourcesInWindow} or more invented sources within one window (threshold: {manySources}), such as {addresses} (flows: {claims}, since {firstClaim}): a flood or a scan that hides its origin. See what runs in it, and take NET_RAW from it.',
  },
  create(ctx, options) {
    const senders = ctx.boundedMap<Sender>({ name: 'senders', maxKeys: options.max_senders });
    const windowMicros = options.window_secs * MICROS_PER_SECOND;

    function senderOf(key: string, record: SpoofRecord): Sender {
      if (!ctx.isOpen(key)) senders.delete(key);
      return senders.ensure(key, () => ({
        tally: new ClaimTally(record, options.sample_size),
        own: new SourceSpread(windowMicros),
        elsewhere: new SourceSpread(windowMicros),
        most: 0,
      }));
    }

    /** Answers from outside that a container passes on are from anywhere; only what leaves can be told from those. */
    function leaves({ target }: SpoofRecord): boolean {
      if (target === undefined || judgeAddress(target)?.kind !== 'outside') return false;
      return ctx.surroundings.networkAt(parseIp(target)!) === undefined;
    }

    function countSource(sender: Sender, record: SpoofRecord): void {
      const { mismatch, ip, time } = record;
      if (mismatch === 'address-of-nobody') sender.most = Math.max(sender.most, sender.own.add(ip, time));
      else if (mismatch === 'foreign-address' && record.holder === undefined && leaves(record))
        sender.most = Math.max(sender.most, sender.elsewhere.add(prefixOf(ip), time));
    }

    return {
      onSpoof(record) {
        const kind = kindOf(record);
        if (kind === undefined) return;
        const key = `${kind} ${spooferKey(record)}`;
        const sender = senderOf(key, record);
        const { tally } = sender;
        tally.add(record);
        if (kind === 'not-its-own') countSource(sender, record);
        const message = sender.most >= options.many_sources ? 'many-sources' : kind;
        ctx.report({
          message,
          time: record.time,
          since: tally.first,
          key,
          subject: spooferOf(record),
          peers: tally.peers,
          ...(record.network === undefined ? {} : { network: record.network }),
          severity: severityOf(message, tally),
          confidence: confidenceOf(message, tally),
          evidence: {
            ...tally.evidence(),
            ...(kind === 'not-its-own'
              ? { sourcesInWindow: sender.most, manySources: options.many_sources }
              : {}),
          },
        });
      },
      onClockSet(step) {
        for (const [, { tally, own, elsewhere }] of senders.entries()) {
          tally.clockSet(step);
          own.clockSet(step);
          elsewhere.clockSet(step);
        }
      },
    };
  },
});

/** The gateway's address in packets is told by rogue-gateway, claims by ARP and neighbour discovery by arp-spoof. */
function kindOf({ layer, mismatch }: SpoofRecord): Kind | undefined {
  if (layer !== 'ip') return undefined;
  switch (mismatch) {
    case 'ip-of-another':
      return 'address-of-another';
    case 'unknown-mac':
      return 'unknown-mac';
    case 'address-of-nobody':
    case 'foreign-address':
      return 'not-its-own';
    default:
      return undefined;
  }
}

/** Argued in docs/analyzers/ip-spoof.md. */
function severityOf(kind: Kind, tally: ClaimTally): Severity {
  switch (kind) {
    case 'address-of-another':
      return 'high';
    case 'many-sources':
      return 'medium';
    case 'unknown-mac':
      return tally.isContested ? 'medium' : 'low';
    case 'not-its-own':
      return 'low';
  }
}

function confidenceOf(kind: Kind, tally: ClaimTally): Confidence {
  switch (kind) {
    case 'address-of-another':
      return 'high';
    case 'unknown-mac':
      return tally.isContested ? 'medium' : 'low';
    case 'many-sources':
    case 'not-its-own':
      return 'medium';
  }
}
