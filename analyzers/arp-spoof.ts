/**
 * Somebody says, by ARP or neighbour discovery, that it has the address of another or of the gateway. A rule against
 * Docker's own list of addresses: the first message is a finding. It must never accuse above `low` who announces an
 * address that nobody holds, or a container whose MAC merely is not the one that Docker gave it.
 */
import { z } from 'zod';
import type { Confidence, Severity } from '../src/model/finding.ts';
import type { SpoofRecord } from '../src/model/spoof.ts';
import { defineAnalyzer } from '../src/sensor/analysis/analyzer.ts';
import { ClaimTally } from './lib/spoof/claim-tally.ts';
import { spooferKey, spooferOf } from './lib/spoof/ends.ts';

const config = z.strictObject({
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
    .describe(
      'Senders remembered at once, 1 KB each as a rule and 40 KB for one that claims hundreds of addresses.',
    ),
});

const evidence = z.object({
  addresses: z.array(z.string()).describe('Claimed; the first `sample_size` of them.'),
  addressCount: z.number(),
  addressCountIsMinimum: z.boolean().optional().describe('Present when counting stopped.'),
  macs: z.array(z.string()).describe('That it claimed them for.'),
  protocols: z.array(z.string()).describe('`arp`, `ndp`.'),
  claims: z.number().describe('Messages.'),
  threshold: z.number().describe('Messages that make a finding.'),
  rivalMac: z.string().optional().describe('The rightful MAC, when that used the address meanwhile.'),
  firstClaim: z.string(),
  lastClaim: z.string(),
});

type Kind = 'gateway-claimed' | 'address-claimed' | 'unknown-mac' | 'unassigned-address' | 'contradiction';

export default defineAnalyzer({
  id: 'arp-spoof',
  title: 'Container claims the address of another by ARP or neighbour discovery',
  attack: [{ technique: 'T1557.002', tactic: 'credential-access' }],
  severity: 'high',
  confidence: 'certain',
  maturity: 'incubating',
  flows: 'none',
  config,
  evidence,
  messages: {
    'gateway-claimed':
      '{subject} says on {network} that it is the gateway ({addresses}, by {protocols}; messages: {claims}, since {firstClaim}): who believes it sends it what is meant for outside. Stop it or take it off the network, and take NET_RAW from it; neighbours forget the wrong MAC within minutes.',
    'address-claimed':
      '{subject} says on {network} that it has {addresses}, which belong to {peers} (by {protocols}; messages: {claims}, since {firstClaim}): who believes it sends it what is meant for them. Stop it or take it off the network, and take NET_RAW from it; neighbours forget the wrong MAC within minutes.',
    'unknown-mac':
      '{subject} answers on {network} for {addresses} with the MAC {macs}, which Docker gave to nobody (messages: {claims}, since {firstClaim}; the rightful MAC, in use as well: {rivalMac}). A changed MAC or a virtual machine in the container does this; if both are in use, find the port with `bridge fdb show`.',
    'unassigned-address':
      '{subject} says on {network} that it has {addresses}, which Docker gave to nobody (messages: {claims}, since {firstClaim}). Usual for a virtual address (keepalived) or one that was added by hand; otherwise see what runs in it.',
    contradiction:
      '{subject} answers on {network} with the MAC {macs}, unasked or in turns with another MAC, for {addresses} (messages: {claims}, since {firstClaim}; another MAC that has it: {rivalMac}). Without an inventory nobody knows who is right: give one with `--inventory`, or look whose MAC it is.',
  },
  create(ctx, options) {
    const tallies = ctx.boundedMap<ClaimTally>({ name: 'senders', maxKeys: options.max_senders });

    return {
      onSpoof(record) {
        const kind = kindOf(record);
        if (kind === undefined) return;
        const key = `${keyOf(kind)} ${spooferKey(record)}`;
        if (!ctx.isOpen(key)) tallies.delete(key);
        const tally = tallies.ensure(key, () => new ClaimTally(record, options.sample_size));
        tally.add(record);
        const message = kind === 'address-claimed' && tally.isGateway ? 'gateway-claimed' : kind;
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
          evidence: { ...tally.evidence(), threshold: 1 },
        });
      },
      onClockSet(step) {
        for (const [, tally] of tallies.entries()) tally.clockSet(step);
      },
    };
  },
});

function kindOf(record: SpoofRecord): Kind | undefined {
  if (record.layer === 'ip') return undefined;
  switch (record.mismatch) {
    case 'gateway-address':
      return 'gateway-claimed';
    case 'ip-of-another':
      return 'address-claimed';
    case 'unknown-mac':
      return 'unknown-mac';
    case 'address-of-nobody':
      return 'unassigned-address';
    case 'contradiction':
      return 'contradiction';
    case 'foreign-address':
      // Nobody asks this network for an address of another: the claim takes nothing from anybody.
      return undefined;
  }
}

/** Who claims to be both ends of a conversation is one finding; what is innocent as a rule is another. */
function keyOf(kind: Kind): string {
  return kind === 'gateway-claimed' || kind === 'address-claimed' ? 'claimed' : kind;
}

/** Argued in docs/analyzers/arp-spoof.md. */
function severityOf(kind: Kind, tally: ClaimTally): Severity {
  switch (kind) {
    case 'gateway-claimed':
      return 'critical';
    case 'address-claimed':
      return 'high';
    case 'unknown-mac':
      return tally.isContested ? 'high' : 'low';
    case 'unassigned-address':
      return 'low';
    case 'contradiction':
      return 'medium';
  }
}

function confidenceOf(kind: Kind, tally: ClaimTally): Confidence {
  switch (kind) {
    case 'gateway-claimed':
    case 'address-claimed':
      return 'certain';
    case 'unknown-mac':
      return tally.isContested ? 'high' : 'low';
    case 'unassigned-address':
      return 'medium';
    case 'contradiction':
      return 'low';
  }
}
