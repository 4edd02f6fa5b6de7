/**
 * An overlay network crosses the wire between hosts in clear. Worth little where Docker's default is just that, worth
 * much where somebody asked for encryption and does not have it. It must never call a default a breach.
 */
import { z } from 'zod';
import { type Endpoint, endpointLabel } from '../src/model/endpoint.ts';
import type { Severity } from '../src/model/finding.ts';
import type { Network } from '../src/model/network.ts';
import type { OverlayTraffic } from '../src/model/overlay.ts';
import { formatMicros, type Micros } from '../src/model/time.ts';
import { defineAnalyzer } from '../src/sensor/analysis/analyzer.ts';
import { Sample } from './lib/sample.ts';

/** moby libnetwork/drivers/overlay: the one option that counts, whatever its value but for these. */
const OPTION = 'encrypted';
const NO = /^(?:false|0|f|no)$/i;
/** Options that somebody took for it; the engine ignores what it does not know, without a word. */
const MEANT = /^(?:com\.docker\.network\.driver\.overlay\.)?(?:--?)?(?:enc?r|crypt|ipsec)/i;
const MAX_PEERS = 16;

const config = z.strictObject({
  ignore_networks: z
    .array(z.string().min(1))
    .default([])
    .describe('Names of overlay networks that may cross the wire in clear.'),
  sample_size: z
    .number()
    .int()
    .min(1)
    .max(64)
    .default(8)
    .describe('Pairs of hosts, and of containers, named in one finding.'),
  max_networks: z
    .number()
    .int()
    .min(16)
    .max(100_000)
    .default(250)
    .describe('Overlay networks, or identifiers that belong to none, remembered at once, about 10 KB each.'),
});

const evidence = z.object({
  kind: z.string().describe('Same as the message.'),
  vni: z.number().describe('VXLAN network identifier.'),
  network: z.string().optional().describe('Absent when no network is known by that identifier.'),
  option: z.string().optional().describe('The option that asks for encryption, or was meant to.'),
  interface: z.string().describe('Where it was seen first.'),
  hosts: z.array(z.string()).describe('Pairs of hosts, the first `sample_size`.'),
  hostPairs: z.number().describe('64 stands for more.'),
  conversations: z.array(z.string()).describe('Ends inside, of one frame a minute and pair of hosts.'),
  frames: z.number(),
  bytes: z.number(),
  firstFrame: z.string(),
  lastFrame: z.string(),
});

type Kind = 'encrypted-in-clear' | 'option-misspelt' | 'in-clear' | 'network-unknown';

class Tally {
  readonly first: { at: Micros; readonly interface: string };
  last: Micros;
  frames = 0;
  bytes = 0;
  readonly hosts: Sample;
  readonly conversations: Sample;
  readonly peers: Endpoint[] = [];

  constructor({ time, interface: at }: OverlayTraffic, sampleSize: number) {
    this.first = { at: time, interface: at };
    this.last = time;
    this.hosts = new Sample(sampleSize, 64);
    this.conversations = new Sample(sampleSize, 64);
  }

  add({ time, sender, receiver, inner, frames, bytes }: OverlayTraffic): void {
    this.last = Math.max(this.last, time);
    this.frames += frames;
    this.bytes += bytes;
    this.hosts.add(`${sender.ip} -> ${receiver.ip}`);
    this.#addPeer(receiver);
    if (inner === undefined) return;
    this.conversations.add(`${labelOf(inner.from)} -> ${labelOf(inner.to)}`);
    this.#addPeer(inner.from);
    this.#addPeer(inner.to);
  }

  #addPeer(end: Endpoint): void {
    if (this.peers.length < MAX_PEERS && !this.peers.some(({ ip }) => ip === end.ip)) this.peers.push(end);
  }
}

export default defineAnalyzer({
  id: 'overlay-cleartext',
  title: 'Overlay network crosses the wire in clear',
  attack: [
    { technique: 'T1040', tactic: 'credential-access' },
    { technique: 'T1040', tactic: 'discovery' },
  ],
  severity: 'low',
  confidence: 'certain',
  maturity: 'incubating',
  flows: 'none',
  config,
  evidence,
  messages: {
    'encrypted-in-clear':
      '{subject} sends frames of the overlay network {network} over the wire in clear, though that has the option {option} (VXLAN {vni} on {interface}, {hosts}; inside: {conversations}). Whoever is on the way reads them. See that its kernel has IPsec (xfrm, esp4) and its iptables the module u32 or bpf, and that no firewall drops ESP; then restart the engine there.',
    'option-misspelt':
      '{subject} sends frames of the overlay network {network} over the wire in clear (VXLAN {vni} on {interface}, {hosts}; inside: {conversations}), though its option {option} was most likely meant to encrypt it. The engine ignores options that it does not know; make the network anew with --opt encrypted.',
    'in-clear':
      '{subject} sends frames of the overlay network {network} over the wire in clear, as overlays do unless made with --opt encrypted (VXLAN {vni} on {interface}, {hosts}; inside: {conversations}). Where the wire between the hosts is not yours alone, make it anew with that option.',
    'network-unknown':
      '{subject} sends VXLAN in clear with network identifier {vni} ({interface}, {hosts}; inside: {conversations}). No overlay network is known by it: give analyze an inventory, or see which Swarm or other program there sends it.',
  },
  create(ctx, options) {
    const tallies = ctx.boundedMap<Tally>({ name: 'networks', maxKeys: options.max_networks });

    return {
      onOverlay(traffic) {
        const { vni, network, sender, time } = traffic;
        if (network !== undefined && options.ignore_networks.includes(network.name)) return;
        const key = network === undefined ? `vni ${vni}` : `network ${network.id}`;
        if (!ctx.isOpen(key)) tallies.delete(key);
        const tally = tallies.ensure(key, () => new Tally(traffic, options.sample_size));
        tally.add(traffic);
        const { kind, option, severity } = judge(network);
        ctx.report({
          message: kind,
          time,
          since: tally.first.at,
          key,
          subject: sender,
          peers: tally.peers.filter(({ ip }) => ip !== sender.ip),
          ...(network === undefined ? {} : { network: network.name }),
          severity,
          evidence: {
            ...{ kind, vni, network: network?.name, option, interface: tally.first.interface },
            hosts: tally.hosts.first(),
            hostPairs: tally.hosts.count,
            conversations: tally.conversations.first(),
            ...{ frames: tally.frames, bytes: tally.bytes },
            firstFrame: formatMicros(tally.first.at),
            lastFrame: formatMicros(tally.last),
          },
        });
      },
      onClockSet(step) {
        for (const [, tally] of tallies.entries()) {
          tally.first.at += step.to - step.from;
          tally.last += step.to - step.from;
        }
      },
    };
  },
});

/** Argued in docs/analyzers/overlay-cleartext.md. */
function judge(network: Network | undefined): {
  readonly kind: Kind;
  readonly option?: string;
  readonly severity: Severity;
} {
  if (network === undefined) return { kind: 'network-unknown', severity: 'low' };
  const { options } = network;
  const value = Object.hasOwn(options, OPTION) ? options[OPTION]! : undefined;
  if (value !== undefined) {
    // Who writes `encrypted=false` has said what is wanted.
    if (NO.test(value)) return { kind: 'in-clear', severity: 'low' };
    return { kind: 'encrypted-in-clear', option: OPTION, severity: 'high' };
  }
  const meant = Object.keys(options).find((name) => MEANT.test(name));
  if (meant !== undefined) return { kind: 'option-misspelt', option: meant, severity: 'high' };
  return { kind: 'in-clear', severity: 'low' };
}

function labelOf(end: Endpoint): string {
  return end.workload === undefined ? end.ip : endpointLabel(end);
}
