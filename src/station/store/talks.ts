/**
 * All stored flows as talks: sums by network, ends, port, and what stood between. Who came from outside is told by
 * address, for somebody wants to know who it was: a hundred of each port by themselves, the rest of them summed up, so that
 * a busy port hides nobody at a quiet one. Bounded: what does not fit even so makes the answer partial.
 */
import type { ConnState, Direction } from '../../model/flow.ts';
import type { NatFact } from '../../model/nat.ts';
import { workloadLabel } from '../../model/network.ts';
import type { PublicFlow } from '../../model/serialize.ts';
import type { Micros } from '../../model/time.ts';
import type { Talk, TalkEnd } from '../../model/traffic-history.ts';
import { Aggregate, type Group, type Grouping } from '../../query/aggregate.ts';
import type { End } from '../../query/ends.ts';
import { fieldNamed } from '../../query/fields.ts';
import type { GroupKey, KeyValue } from '../../query/group-keys.ts';
import { FewAddresses } from './few-addresses.ts';
import type { StoreReader } from './reader.ts';

export interface SummedTalks {
  readonly talks: readonly Talk[];
  readonly isPartial: boolean;
  /** Only flows that ended from then on were looked at; absent where all were. */
  readonly onlyFrom?: Micros;
}

/** About 0.5 KiB each. */
const MAX_TALKS = 100_000;
/** Of one port, no matter which: to know the busiest, each would have to be counted. */
const MAX_ADDRESSES = 100;
/** Without the index each flow is read: 15 us each, so some 2 s. */
const MAX_READ = 100_000;

const OUTSIDE: ReadonlySet<string> = new Set(['lan', 'internet']);
/** Of these there are few, and which of them it was matters. */
const OWN: ReadonlySet<string> = new Set(['gateway', 'host']);
/** The responder sent nothing, or refused (docs/records.md). */
const UNANSWERED: ReadonlySet<ConnState> = new Set(['S0', 'SH', 'RSTOS0', 'REJ']);

/** Where in a group's key what stands; `talkOf` reads it so. */
const ORIG = 1;
const RESP = 2;
const CLIENT = 3;
const PORT = 5;

export function sumTalks(
  reader: Pick<StoreReader, 'summarizeFlows'>,
  { maxTalks = MAX_TALKS, maxAddresses = MAX_ADDRESSES } = {},
): SummedTalks {
  const few = new FewAddresses({ addresses: [ORIG, CLIENT], resp: RESP, port: PORT }, maxAddresses);
  const textOf = (place: number, end: End): string => {
    const { ip, scope = 'unknown', workload } = end;
    const kind = JSON.stringify(endOf(end));
    if (workload !== undefined || ip === undefined || !OUTSIDE.has(scope)) return kind;
    return few.textOf(aggregate, place, JSON.stringify({ ip, scope } satisfies TalkEnd), kind);
  };
  const aggregate: Aggregate = new Aggregate(groupingOf(textOf, maxTalks), { rewrite: few.rewrite });
  let onlyFrom: Micros | undefined;
  const onStopped = (at: Micros) => {
    onlyFrom = at;
  };
  reader.summarizeFlows({ matching: { maxRows: MAX_READ, onStopped } }, aggregate);
  const { groups, others } = aggregate.result();
  return {
    talks: joined(groups.map(talkOf)),
    isPartial: others !== undefined,
    ...(onlyFrom === undefined ? {} : { onlyFrom }),
  };
}

/** What a key reads must stand in the column of the field that it names. */
function groupingOf(openerOf: (place: number, end: End) => string, top: number): Grouping {
  const key = (field: string, of: (flow: PublicFlow) => KeyValue): GroupKey => ({
    name: field,
    of,
    source: { type: 'field', field: fieldNamed(field)! },
  });
  const keys = [
    key('network', (flow) => flow.network?.name ?? flow.interface),
    key('src.ip', ({ orig }) => openerOf(ORIG, orig)),
    key('dst.ip', ({ resp }) => JSON.stringify(endOf(resp))),
    key('nat.client.ip', ({ nat }) => (nat?.client === undefined ? undefined : openerOf(CLIENT, nat.client))),
    key('protocol', factsOf),
    key('dst.port', ({ resp }) => resp.port),
  ];
  return { keys, sums: ['flows', 'bytes.out', 'bytes.in'], sort: 'flows', top };
}

/** Without the addresses of outside. */
function endOf({ workload, ip, scope = 'unknown' }: End): TalkEnd {
  if (workload !== undefined) return { service: workloadLabel(workload), scope };
  return OWN.has(scope) && ip !== undefined ? { ip, scope } : { scope };
}

type FlowFacts = readonly [
  protocol: string,
  direction: Direction,
  isAnswered: boolean,
  nat: NatFact['kind'] | null,
  publishedPort: number | null,
];

function factsOf({ protocol, direction, connState, nat }: PublicFlow): string {
  const facts: FlowFacts = [
    protocol,
    direction,
    !UNANSWERED.has(connState),
    nat?.kind ?? null,
    nat?.published?.port ?? null,
  ];
  return JSON.stringify(facts);
}

function talkOf({ key, flows, sums, first, last }: Group): Talk {
  const [network, orig, resp, client, facts, port] = key;
  const [protocol, direction, isAnswered, nat, publishedPort] = JSON.parse(String(facts)) as FlowFacts;
  const [, bytesOut = 0, bytesIn = 0] = sums;
  const opener = JSON.parse(String(client ?? orig)) as TalkEnd;
  return {
    network: String(network),
    direction,
    orig: client === undefined && isHidden(opener, nat) ? { scope: 'unknown' } : opener,
    resp: JSON.parse(String(resp)) as TalkEnd,
    ...(typeof port === 'number' ? { respPort: port } : {}),
    ...(publishedPort === null ? {} : { publishedPort }),
    ...(nat === null ? {} : { nat }),
    protocol,
    flows,
    answered: isAnswered && bytesIn > 0 ? flows : 0,
    bytes: bytesOut + bytesIn,
    first,
    last,
  };
}

/** The gateway speaks for somebody else, and nobody knows for whom (docs/nat.md). */
function isHidden({ scope }: TalkEnd, nat: NatFact['kind'] | null): boolean {
  if (nat === null || nat === 'masquerade') return false;
  return scope === 'gateway' || (scope === 'host' && nat === 'unknown');
}

function keyOf({ network, direction, orig, resp, respPort, publishedPort, nat, protocol }: Talk): string {
  return JSON.stringify([network, direction, orig, resp, respPort, publishedPort, nat, protocol]);
}

/** Groups that came to be the same talk. */
function joined(talks: readonly Talk[]): Talk[] {
  const byKey = new Map<string, Talk>();
  for (const talk of talks) {
    const key = keyOf(talk);
    const known = byKey.get(key);
    byKey.set(key, known === undefined ? talk : plus(known, talk));
  }
  return [...byKey.values()];
}

function plus(a: Talk, b: Talk): Talk {
  return {
    ...a,
    flows: a.flows + b.flows,
    answered: a.answered + b.answered,
    bytes: a.bytes + b.bytes,
    first: Math.min(a.first, b.first),
    last: Math.max(a.last, b.last),
  };
}
