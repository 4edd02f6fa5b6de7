/**
 * What happened, in order. Where there is more than a person reads, findings stay, then what their subjects did, then
 * what else happened.
 */
import { formatBytes } from '../model/readable.ts';
import type { CaseFinding, Happening, Listed, LookUp } from './case.ts';
import type { Event } from './event-lines.ts';
import type { Pair } from './flow-sums.ts';

const SHOWN = 150;
/** Pairs with a subject of a finding, those that sent most; each has a first and a last. */
const MAX_PAIRS = 25;
const MAX_ZONES = 15;

export interface TimelineParts {
  readonly findings: readonly CaseFinding[];
  readonly moments: readonly Happening[];
  readonly pairs: readonly Pair[];
  readonly lookUps: readonly LookUp[];
  readonly events: readonly Event[];
  /** Events that were not kept. */
  readonly leftOut: number;
}

export function timelineOf(parts: TimelineParts): Listed<Happening> {
  const { findings, moments, events, leftOut } = parts;
  const subjects = new Set<string>();
  for (const { subject } of findings) {
    subjects.add(subject.label);
    if (subject.container !== undefined) subjects.add(subject.container);
  }
  const concerns = ({ about }: Event) => about !== undefined && subjects.has(about);
  const ranked = [
    ...moments,
    ...events.filter(concerns),
    ...talks(parts.pairs, subjects),
    ...askings(parts.lookUps, subjects),
    ...events.filter((event) => !concerns(event)),
  ].map(
    ({ time, of, severity, ref, text }): Happening => ({
      time,
      of,
      ...(severity === undefined ? {} : { severity }),
      ...(ref === undefined ? {} : { ref }),
      text,
    }),
  );
  const shown = ranked.slice(0, SHOWN).sort(inOrder);
  return { items: shown, more: ranked.length - shown.length + leftOut, moreIsLeast: false };
}

/** At the same moment what was seen comes before what was found of it. */
function inOrder(a: Happening, b: Happening): number {
  if (a.time !== b.time) return a.time < b.time ? -1 : 1;
  return Number(a.of === 'finding') - Number(b.of === 'finding');
}

function talks(pairs: readonly Pair[], subjects: ReadonlySet<string>): Happening[] {
  return pairs
    .filter(({ who, whom }) => subjects.has(who) || subjects.has(whom))
    .slice(0, MAX_PAIRS)
    .flatMap((pair) => {
      const { who, whom, first, last, flows, bytesOut, bytesIn } = pair;
      const isInward = pair.direction === 'ingress';
      const ends = isInward ? `${whom} -> ${who}` : `${who} -> ${whom}`;
      const what = `${ends} (${pair.services.join(', ')}${pair.moreServices > 0 ? ', ...' : ''})`;
      const [sent, received] = isInward ? [bytesIn, bytesOut] : [bytesOut, bytesIn];
      const amount = `${formatBytes(sent)} sent, ${formatBytes(received)} received`;
      const at = (time: string, text: string): Happening => ({ time, of: 'traffic', text });
      if (first === last)
        return [at(first, `${what}: ${flows === 1 ? 'one flow' : `${flows} flows`}, ${amount}`)];
      const nth = flows === 1 ? 'ends' : `the last of ${flows} flows ends`;
      return [
        at(first, `${what}: ${flows === 1 ? 'begins' : 'the first flow begins'}`),
        at(last, `${what}: ${nth}, ${amount}`),
      ];
    });
}

function askings(lookUps: readonly LookUp[], subjects: ReadonlySet<string>): Happening[] {
  return lookUps
    .filter(({ who }) => subjects.has(who))
    .slice(0, MAX_ZONES)
    .map(({ who, zone, first, questions }) => ({
      time: first,
      of: 'look-up',
      text: `${who} first asks for ${zone}${questions === 1 ? '' : ` (${questions} times in all)`}`,
    }));
}
