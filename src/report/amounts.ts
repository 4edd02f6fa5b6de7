/** How much left, and whereto. */
import type { Amount, Amounts, CaseFinding, ToldAmount } from './case.ts';
import { listed } from './ends.ts';
import type { FlowSums, Pair } from './flow-sums.ts';

const SHOWN = 20;

const MEANINGS: Readonly<Record<string, string>> = {
  egress: 'containers opened it to the outside',
  ingress: 'the outside opened it to containers',
  'east-west': 'between containers',
  host: 'between containers and this host',
  unknown: 'one end or both are not known to be a container',
};

export function amountsOf(flows: FlowSums, findings: readonly CaseFinding[]): Amounts {
  const byDirection = flows
    .byDirection()
    .map((sums) => ({ ...sums, meaning: MEANINGS[sums.direction] ?? '' }));
  const crosses = byDirection.some(({ direction }) => direction === 'egress' || direction === 'ingress');
  const isUnattributed = !crosses && byDirection.some(({ direction }) => direction === 'unknown');
  const directions = isUnattributed ? ['unknown'] : ['egress', 'ingress'];
  const pairs = flows.pairs().filter(({ direction }) => directions.includes(direction));
  const folded = flows.folded(directions);
  const hidden = pairs.slice(SHOWN);
  const sum = (field: 'flows' | 'bytesOut' | 'bytesIn') =>
    hidden.reduce((total, pair) => total + pair[field], folded[field]);
  return {
    left: listed(
      pairs.map((pair) => amountOf(pair, findings)),
      SHOWN,
      folded.pairs,
      folded.pairs > 0,
    ),
    leftRest: { flows: sum('flows'), bytesOut: sum('bytesOut'), bytesIn: sum('bytesIn') },
    isUnattributed,
    byDirection,
    told: findings.flatMap(toldBy),
  };
}

/** Evidence names of the analyzers that say how much a subject gave away. */
const TOLD: Readonly<Record<string, string>> = {
  estimatedDataBytes: 'estimated, as data in names of DNS',
  bytesSent: 'sent, in what the finding is about',
  bytes: 'sent, in what the finding is about',
  innerOutBytes: 'sent into the relay',
  outerOutBytes: 'sent on by the relay',
};

function toldBy({ ref, subject, evidence }: CaseFinding): ToldAmount[] {
  return evidence.flatMap(({ name, value }) => {
    const what = TOLD[name];
    const bytes = /^\d+/.exec(value)?.[0];
    return what === undefined || bytes === undefined || bytes === '0'
      ? []
      : [{ ref, who: subject.label, bytes: Number(bytes), what }];
  });
}

function amountOf(pair: Pair, findings: readonly CaseFinding[]): Amount {
  const { who, whom, place, network, direction, flows, bytesOut, bytesIn, first, last } = pair;
  const more = pair.moreServices === 0 ? '' : ', ...';
  return {
    ...{ who, whom },
    ...(place === undefined ? {} : { place }),
    service: `${pair.services.join(', ')}${more}`,
    ...{ network, direction, flows, bytesOut, bytesIn, first, last },
    refs: findings.filter((finding) => names(finding, pair)).map(({ ref }) => ref),
  };
}

/** The finding is about one of the two, and the other is its peer. */
function names({ subject, peers }: CaseFinding, { who, whoIp, whom, whomIp }: Pair): boolean {
  const isThis = (end: { label: string; ip: string }, label: string, ip: string) =>
    end.label === label || end.ip === ip;
  const among = (label: string, ip: string) => peers.items.some((peer) => isThis(peer, label, ip));
  return (
    (isThis(subject, who, whoIp) && among(whom, whomIp)) ||
    (isThis(subject, whom, whomIp) && among(who, whoIp))
  );
}
