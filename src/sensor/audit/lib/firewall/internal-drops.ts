/** Whether the firewall keeps an internal network in, and the outside out, as its rules are loaded now. */
import type { Network } from '../../../../model/network.ts';
import type { Family, Ruleset } from '../../../host/firewall/ruleset.ts';
import type { HostNetwork } from '../../../host/host-network.ts';
import { listed } from '../verdicts.ts';
import { type Fate, FORWARDED, fateOf, textsOf } from './fate.ts';
import { between, bridgesOf, FAMILIES, into, outOf, outside } from './networks.ts';
import type { Interface, Packets } from './packets.ts';
import { FAMILY_WORDS } from './words.ts';

export interface InternalDrops {
  /** `held`: nothing gets through. `open`: something surely does. */
  readonly state: 'held' | 'open' | 'unknown';
  /** What decides, as its tool prints it: the rules that drop, those that let through, or those that are not understood. */
  readonly rules: readonly string[];
  /** `held`, on some way by nothing but the policy of FORWARD: drops of the engine's own are gone. */
  readonly isHeldByPolicy: boolean;
  /** In words: which way is open, or why that is not known; absent where it is held. */
  readonly reason?: string;
}

/** The surroundings of the network, by which packets could leave or come: the host's other networks and interfaces. */
export interface Surroundings {
  readonly networks: readonly Network[];
  /** Absent where its routes are not known: then the outside is any interface that is no bridge of the engine's. */
  readonly host?: HostNetwork;
}

/** Both ways, both families that the network has. `unknown` for a network that has no bridge. */
export function internalDrops(
  rulesets: readonly Ruleset[],
  network: Network,
  { networks, host }: Surroundings,
): InternalDrops {
  const others = bridgesOf(networks.filter(({ id }) => id !== network.id));
  const ask =
    (direction: Direction, place: string) =>
    (packets: Packets): Answer => ({
      ...{ direction, place, family: packets.family },
      fate: fateOf(rulesets, FORWARDED, packets),
    });
  const answers = bridgesOf([network]).flatMap((mine) => [
    ...others
      .filter(({ family }) => family === mine.family)
      .flatMap((other): Answer[] => [
        ...between(mine, other).map(ask('egress', other.network.name)),
        ...between(other, mine).map(ask('ingress', other.network.name)),
      ]),
    ...outside(networks, host).flatMap((way): Answer[] => [
      ...outOf(mine, way).map(ask('egress', placeOf(way))),
      ...into(mine, way).map(ask('ingress', placeOf(way))),
    ]),
  ]);
  return folded(answers);
}

type Direction = 'egress' | 'ingress';

interface Answer {
  readonly direction: Direction;
  /** A network by its name, or an interface. */
  readonly place: string;
  readonly family: Family;
  readonly fate: Fate;
}

function folded(answers: readonly Answer[]): InternalDrops {
  if (answers.length === 0) {
    const reason = 'the network has no bridge whose rules could be asked';
    return { state: 'unknown', rules: [], isHeldByPolicy: false, reason };
  }
  const open = answers.filter(({ fate }) => fate.state === 'open');
  if (open.length > 0) {
    const rules = textsOf(open.flatMap(({ fate }) => fate.through));
    return { state: 'open', rules, isHeldByPolicy: false, reason: ways(open) };
  }
  const unsure = answers.filter(({ fate }) => fate.state === 'unknown');
  if (unsure.length > 0) {
    const rules = [...new Set(unsure.flatMap(({ fate }) => fate.doubts))];
    const reason = `whether ${ways(unsure)} hangs on what is not modelled`;
    return { state: 'unknown', rules, isHeldByPolicy: false, reason };
  }
  const isHeldByPolicy = answers.some(({ fate }) => fate.by.some(({ rule }) => rule === undefined));
  return { state: 'held', rules: textsOf(answers.flatMap(({ fate }) => fate.by)), isHeldByPolicy };
}

function placeOf(way: Interface): string {
  return typeof way === 'string' ? way : 'interfaces of the host';
}

/** `over IPv4 packets get out to shop_front and eth0, and in from eth0`. */
function ways(answers: readonly Answer[]): string {
  const families = FAMILIES.flatMap((family) => {
    const here = answers.filter((each) => each.family === family);
    const places = (which: Direction) =>
      listed(
        here.filter(({ direction }) => direction === which).map(({ place }) => place),
        3,
      );
    const [out, inwards] = [places('egress'), places('ingress')];
    const parts = [out === '' ? [] : `out to ${out}`, inwards === '' ? [] : `in from ${inwards}`].flat();
    return parts.length === 0 ? [] : `over ${FAMILY_WORDS[family]} packets get ${parts.join(', and ')}`;
  });
  return families.join('; ');
}
