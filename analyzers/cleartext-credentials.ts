/**
 * A password or token crosses a network in clear. That it happened, how and between whom; neither the secret nor the
 * user's name ever comes here. How grave it is depends on who else can listen on the way.
 */
import { z } from 'zod';
import type { Endpoint } from '../src/model/endpoint.ts';
import type { Confidence, Severity } from '../src/model/finding.ts';
import type { FlowRecord } from '../src/model/flow.ts';
import type { CleartextLogin } from '../src/model/login.ts';
import { workloadLabel } from '../src/model/network.ts';
import { formatMicros, type Micros } from '../src/model/time.ts';
import { defineAnalyzer } from '../src/sensor/analysis/analyzer.ts';
import { clientKey } from './lib/asker.ts';
import { trustIn } from './lib/trust.ts';

const SHOWN = 8;
/** Encrypted from the first byte, as good as always: SSH, HTTPS, mail, LDAPS, Docker, Kubernetes, DNS over TLS. */
const ENCRYPTED_PORTS: ReadonlySet<number> = new Set([
  22, 443, 465, 636, 853, 990, 993, 995, 2376, 6443, 8443,
]);

/** What it was, for a person. */
const SECRETS: Readonly<Record<CleartextLogin['method'], string>> = {
  'ftp-pass': 'an FTP password',
  'telnet-password': 'a Telnet password',
  'http-basic': 'an HTTP password (Basic)',
  'http-bearer': 'an HTTP token (Bearer)',
  'redis-auth': 'a Redis password',
  'smtp-auth': 'a mail password (SMTP)',
  'imap-login': 'a mail password (IMAP)',
  'pop3-pass': 'a mail password (POP3)',
  'ldap-simple-bind': 'a directory password (LDAP)',
  'mysql-clear-password': 'a MySQL password',
  'postgresql-password': 'a PostgreSQL password',
};

const config = z.strictObject({
  inside_host: z
    .boolean()
    .default(true)
    .describe('Whether logins between containers, or with this host, that no wire carries are told of too.'),
  ignore_containers: z
    .array(z.string().min(1))
    .default([])
    .describe('Labels (`shop/mail`) or names of containers whose logins in clear are accepted.'),
  max_pairs: z
    .number()
    .int()
    .min(16)
    .max(100_000)
    .default(500)
    .describe('Kinds of login remembered at once, one for each pair of ends and protocol, up to 4 KB each.'),
});

const evidence = z.object({
  kind: z.string().describe('Same as the message.'),
  method: z.string(),
  secret: z.string().describe('What it was; never its value.'),
  port: z.number().optional(),
  logins: z.number().describe('Connections in which one was sent.'),
  peerCount: z.number().describe('Other ends, counted to eight.'),
  firstLogin: z.string(),
  lastLogin: z.string(),
});

type Kind = 'inside-host' | 'on-lan' | 'over-internet';

export default defineAnalyzer({
  id: 'cleartext-credentials',
  title: 'Password or token sent in clear',
  attack: [{ technique: 'T1040', tactic: 'credential-access' }],
  severity: 'medium',
  confidence: 'certain',
  maturity: 'incubating',
  flows: 'none',
  config,
  evidence,
  messages: {
    'inside-host':
      '{subject} and {peers}: {secret} was sent in clear ({method}, connections: {logins}), without leaving this host as far as is known. Whoever is root here or can redirect traffic on that network can read it; use TLS where the service offers it.',
    'on-lan':
      '{subject} and {peers}: {secret} was sent in clear over the local network ({method}, connections: {logins}). Whoever listens there has it: use TLS, then change it.',
    'over-internet':
      '{subject} and {peers}: {secret} was sent in clear over the Internet ({method}, connections: {logins}). Take it for known to others: change it, and use TLS.',
  },
  create(ctx, options) {
    const tallies = ctx.boundedMap<Tally>({ name: 'pairs', maxKeys: options.max_pairs });
    const ignored = new Set(options.ignore_containers);

    function isIgnored({ workload }: Endpoint): boolean {
      if (workload === undefined || ignored.size === 0) return false;
      return ignored.has(workload.name) || ignored.has(workloadLabel(workload));
    }

    return {
      readsContent: ({ protocol, respPort }) =>
        protocol === 'tcp' && respPort !== undefined && !ENCRYPTED_PORTS.has(respPort),
      onLogin({ flow, method, time }) {
        const { orig, resp, network } = flow;
        if (isIgnored(orig) || isIgnored(resp)) return;
        const kind = kindOf(flow);
        if (kind === 'inside-host' && !options.inside_host) return;
        const { subject, peer, isServer } = endsOf(flow);
        // Clients from outside are without number: what they come to is one finding.
        const other = isServer ? '' : clientKey(peer, network);
        const key = `${kind} ${method} ${clientKey(subject, network)} ${other}:${resp.port ?? 0}`;
        if (!ctx.isOpen(key)) tallies.delete(key);
        const tally = tallies.ensure(key, () => ({ first: time, last: time, logins: 0, peers: [] }));
        tally.logins++;
        tally.last = Math.max(tally.last, time);
        notePeer(tally, peer);
        ctx.report({
          message: kind,
          time,
          since: tally.first,
          key,
          subject,
          peers: tally.peers,
          ...(network === undefined ? {} : { network: network.name }),
          flows: [flow],
          severity: severityOf(kind, subject),
          confidence: confidenceOf(kind, flow),
          evidence: {
            kind,
            method,
            secret: SECRETS[method],
            ...(resp.port === undefined ? {} : { port: resp.port }),
            logins: tally.logins,
            peerCount: tally.peers.length,
            firstLogin: formatMicros(tally.first),
            lastLogin: formatMicros(tally.last),
          },
        });
      },
      onClockSet({ from, to }) {
        for (const [, tally] of tallies.entries()) {
          tally.first += to - from;
          tally.last += to - from;
        }
      },
    };
  },
});

interface Tally {
  first: Micros;
  last: Micros;
  logins: number;
  readonly peers: Endpoint[];
}

function notePeer({ peers }: Tally, peer: Endpoint): void {
  if (peers.length < SHOWN && !peers.some(({ ip }) => ip === peer.ip)) peers.push(peer);
}

/** The container that logs in; where somebody from outside does, the container that lets them. */
function endsOf({ orig, resp }: FlowRecord): {
  readonly subject: Endpoint;
  readonly peer: Endpoint;
  readonly isServer: boolean;
} {
  const isServer = orig.scope !== 'container' && resp.scope === 'container';
  return isServer ? { subject: resp, peer: orig, isServer } : { subject: orig, peer: resp, isServer };
}

function kindOf({ orig, resp }: FlowRecord): Kind {
  const scopes = [orig.scope, resp.scope];
  if (scopes.includes('internet')) return 'over-internet';
  return scopes.includes('lan') ? 'on-lan' : 'inside-host';
}

/** Argued in docs/analyzers/cleartext-credentials.md. */
function severityOf(kind: Kind, subject: Endpoint): Severity {
  if (kind === 'inside-host') return 'low';
  // Nobody of ours is known to be in it: in a file without an inventory a container's address is one of a LAN.
  if (subject.scope !== 'container') return 'low';
  return kind === 'on-lan' ? 'medium' : 'high';
}

/** What was sent is a fact; over what it went is as sure as the ends are. */
function confidenceOf(kind: Kind, { orig, resp }: FlowRecord): Confidence {
  return kind === 'inside-host' && orig.scope === resp.scope ? 'certain' : trustIn(orig, resp);
}
