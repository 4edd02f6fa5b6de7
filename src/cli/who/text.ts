/** The answers of `who` for people, as raw lines: names come from labels, so whoever prints them escapes them. */
import type { LeaseRecord } from '../../model/lease.ts';
import { shortNetworkName, workloadLabel } from '../../model/network.ts';
import { formatMicros, type Micros } from '../../model/time.ts';
import type { LeaseSubject } from '../../station/store/lease-query.ts';
import { type Gap, type Held, mayReach } from '../../station/store/who-held.ts';
import { clockText } from '../lib/output.ts';

const INDENT = '    ';

/** `shop/db@data  172.19.0.3  since 2026-11-23 14:02:11Z (still)` and, indented, what it is and how sure. */
export function leaseText(lease: LeaseRecord, knownUntil: Micros | undefined, caveat?: string): string[] {
  const { workload, network } = lease;
  const doubts = [caveat, ...(lease.uncertain === true ? ['its beginning or end was not observed'] : [])];
  const facts = [
    `container ${workload.name} (${workload.containerId.slice(0, 12)})`,
    `image ${workload.image}`,
    `network ${network}`,
    ...(lease.mac === undefined ? [] : [`mac ${lease.mac}`]),
    ...(lease.veth === undefined ? [] : [`veth ${lease.veth}`]),
  ];
  const said = doubts.filter((doubt) => doubt !== undefined);
  return [
    `${placeText(lease)}  ${lease.ips.join(' ')}  ${spanText(lease, knownUntil)}`,
    `${INDENT}${facts.join('  ')}`,
    ...(said.length === 0 ? [] : [`${INDENT}likely, not certain: ${said.join('; ')}`]),
  ];
}

/** Where nobody held it: that, whether anybody would know, and who held it before and after. */
export function nobodyText(asked: LeaseSubject, at: Micros, { before, after, gap }: Held): string[] {
  const { container } = asked;
  const nothing =
    container === undefined
      ? `nobody is known to have held ${asked.ip ?? asked.mac}`
      : `${container} is not known to have held any address`;
  return [
    `UNKNOWN: ${nothing} at ${timeText(at)}`,
    ...(gap === undefined ? [] : [`${INDENT}${gapText(gap)}`]),
    ...(before === undefined ? [] : [`${INDENT}before: ${nearText(before.lease, at, gap)}`]),
    ...(after === undefined ? [] : [`${INDENT}after:  ${nearText(after.lease, at, gap)}`]),
    ...(before === undefined && after === undefined ? [`${INDENT}nor at any other time on record`] : []),
  ];
}

export function ambiguousText(asked: string, when: string, containers: number): string {
  return `AMBIGUOUS: ${containers} containers held ${asked} ${when}; --network or the MAC may tell them apart`;
}

/** A gap: no agent ran, or no engine answered it. */
export function gapText({ since, until }: Gap): string {
  if (since !== undefined && until !== undefined)
    return `no agent was told of changes from ${timeText(since)} until ${timeText(until)}`;
  if (since !== undefined) return `no agent has been told of changes since ${timeText(since)}`;
  return until === undefined
    ? 'no agent has ever been told of changes'
    : `no agent was told of changes before ${timeText(until)}`;
}

export function timeText(time: Micros): string {
  return clockText(formatMicros(time));
}

/** As `flows` calls it. */
function placeText({ workload, network }: LeaseRecord): string {
  return `${workloadLabel(workload)}@${shortNetworkName(network, workload.composeProject)}`;
}

function spanText({ from, to }: LeaseRecord, knownUntil: Micros | undefined): string {
  if (to !== undefined) return `from ${timeText(from)} until ${timeText(to)}`;
  const open =
    knownUntil === undefined ? 'still' : `still at ${timeText(knownUntil)}, the agent's last sign of life`;
  return `since ${timeText(from)} (${open})`;
}

function nearText(lease: LeaseRecord, at: Micros, gap: Gap | undefined): string {
  const isBefore = lease.to !== undefined && lease.to <= at;
  const edge = isBefore
    ? `until ${timeText(lease.to)}, ${durationText(at - lease.to)} earlier`
    : `since ${timeText(lease.from)}, ${durationText(lease.from - at)} later`;
  const reach = mayReach(lease, gap) ? `; may ${isBefore ? 'still' : 'already'} have held it then` : '';
  return `${placeText(lease)}  ${lease.ips.join(' ')}  container ${lease.workload.containerId.slice(0, 12)}  ${edge}${reach}`;
}

function durationText(micros: Micros): string {
  const secs = micros / 1_000_000;
  if (secs < 10) return `${Math.max(secs, 0.001).toFixed(secs < 1 ? 3 : 1)} s`;
  if (secs < 120) return `${Math.round(secs)} s`;
  if (secs < 7200) return `${Math.round(secs / 60)} min`;
  if (secs < 172_800) return `${Math.round(secs / 3600)} h`;
  return `${Math.round(secs / 86_400)} d`;
}
