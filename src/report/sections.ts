/** The order and the words of a report, once for all its forms: sections of paragraphs, tables and steps. */
import type { Severity } from '../model/finding.ts';
import { clockText, counted, formatBytes } from '../model/readable.ts';
import { parseMicros, spanText } from '../model/time.ts';
import type { Amounts, CaseEnd, CaseFinding, CaseReport, Listed, NextStep } from './case.ts';
import { rankOf } from './finding-book.ts';

export type Cell = string | { readonly severity: Severity } | { readonly refs: readonly string[] };

export interface TableColumn {
  readonly title: string;
  /** Numbers stand to the right. */
  readonly right?: boolean;
  /** A sentence: it gets the room that is left, and is broken into lines. */
  readonly isProse?: boolean;
}

export type Block =
  | { readonly type: 'text'; readonly text: string }
  | {
      readonly type: 'table';
      readonly caption: string;
      readonly columns: readonly TableColumn[];
      readonly rows: readonly (readonly Cell[])[];
    }
  | { readonly type: 'steps'; readonly steps: readonly NextStep[] }
  | { readonly type: 'finding'; readonly finding: CaseFinding };

export interface Section {
  readonly id: string;
  readonly title: string;
  readonly blocks: readonly Block[];
}

/** Findings in detail come last: who wants one follows its number. */
export function sectionsOf(report: CaseReport): Section[] {
  return [
    { id: 'findings', title: 'Findings', blocks: findingBlocks(report) },
    { id: 'next', title: 'What to check next', blocks: nextBlocks(report) },
    { id: 'timeline', title: 'What happened, in order', blocks: timelineBlocks(report) },
    { id: 'who', title: 'Who', blocks: actorBlocks(report) },
    { id: 'left', title: 'How much left', blocks: amountBlocks(report.amounts) },
    { id: 'names', title: 'Names that were looked up', blocks: lookUpBlocks(report) },
    { id: 'unseen', title: 'What could not be seen', blocks: unseenBlocks(report) },
    { id: 'details', title: 'The findings in detail', blocks: detailBlocks(report) },
  ].filter(({ blocks }) => blocks.length > 0);
}

/** What was looked at, as pairs of a word and its value. */
export function factsOf({ looked, amounts }: CaseReport): readonly (readonly [string, string])[] {
  const { inputs, first, last, packets, bytes, flows, lookUps, remarks, versions } = looked;
  const read =
    packets === undefined
      ? []
      : [counted(packets, 'packet'), ...(bytes === undefined ? [] : [formatBytes(bytes)])];
  return [
    ['Looked at', `${inputs.items.join(', ')}${moreText(inputs, ', and ')}` || 'nothing'],
    ['Time', first === undefined || last === undefined ? 'no packet, no record' : timeSpan(first, last)],
    ['Seen', [...read, counted(flows, 'flow'), counted(lookUps, 'look-up')].join(', ')],
    ['Left', leftText(amounts)],
    ...remarks.map((remark) => ['Note', remark] as const),
    ['Made by', versions.join(', ')],
  ];
}

/** How much went from containers to the outside, by flows and by what findings say. */
function leftText({ left, leftRest, isUnattributed, byDirection, told }: Amounts): string {
  if (isUnattributed)
    return 'not known: no inventory says which of the addresses are containers (--inventory, --network)';
  const bytes = left.items.reduce((sum, { bytesOut }) => sum + bytesOut, leftRest.bytesOut);
  const places = new Set(left.items.map(({ whom }) => whom)).size;
  const most = left.items[0];
  const estimated = told.filter(({ what }) => what.startsWith('estimated'));
  const hidden = estimated.map(({ bytes: some, ref }) => `${formatBytes(some)} in names of DNS (${ref})`);
  const inFlows =
    most === undefined
      ? byDirection.length === 0
        ? 'no flow was seen'
        : 'no flow between a container and the outside was seen'
      : `${formatBytes(bytes)} from containers to ${left.more > 0 ? 'more than ' : ''}${counted(places, 'outside address', 'outside addresses')}, most to ${most.whom}`;
  return [inFlows, ...(hidden.length === 0 ? [] : [`an estimated ${hidden.join(', ')}`])].join('; ');
}

/** `2026-11-23 14:02:07Z to 14:05:00Z (2 min 53 s)`; the day once where it is one. */
export function timeSpan(first: string, last: string): string {
  const [from, to] = [clockText(first), clockText(last)];
  if (from === to) return from;
  const isSameDay = from.slice(0, 10) === to.slice(0, 10);
  const [begin, end] = [parseMicros(first), parseMicros(last)];
  const span = begin === undefined || end === undefined ? '' : ` (${spanText(end - begin)})`;
  return `${from} to ${isSameDay ? to.slice(11) : to}${span}`;
}

/** How sure a name is; nothing where it cannot be another. */
export function suretyText({ surety, how }: Pick<CaseEnd, 'surety' | 'how'>): string {
  return surety === 'certain' ? 'certain' : `${surety === 'none' ? 'not known' : surety} (${how})`;
}

function moreText(
  { more, moreIsLeast }: Pick<Listed<unknown>, 'more' | 'moreIsLeast'>,
  lead: string,
): string {
  return more === 0 ? '' : `${lead}${moreIsLeast ? 'at least ' : ''}${more} more`;
}

function text(words: string): Block {
  return { type: 'text', text: words };
}

function moreBlock(list: Listed<unknown>, what: string): Block[] {
  const { more, moreIsLeast } = list;
  return more === 0 ? [] : [text(`${moreIsLeast ? 'At least ' : ''}${more} more ${what} not listed.`)];
}

function findingBlocks({ findings, findingsNotShown }: CaseReport): Block[] {
  const { leftOut, leftOutIsLeast, folded } = findingsNotShown;
  const left = leftOut.map(({ severity, count }) => `${count} ${severity}`).join(', ');
  return [
    ...(findings.length === 0
      ? []
      : [
          {
            type: 'table',
            caption: 'Findings, the worst first',
            columns: [
              { title: '#' },
              { title: 'Severity' },
              { title: 'Who' },
              { title: 'What', isProse: true },
              { title: 'First seen (UTC)' },
              { title: 'Times', right: true },
            ],
            rows: findings.map(({ ref, severity, subject, title, analyzer, firstSeen, count }) => [
              { refs: [ref] },
              { severity },
              subject.label,
              `${title} (${analyzer})`,
              clockText(firstSeen),
              String(count),
            ]),
          } satisfies Block,
        ]),
    ...(left === ''
      ? []
      : [text(`Not listed for want of room: ${leftOutIsLeast ? 'at least ' : ''}${left}.`)]),
    ...(folded === 0
      ? []
      : [
          text(
            `${counted(folded, 'finding is', 'findings are')} told as one by a finding-storm above, and not listed.`,
          ),
        ]),
  ];
}

function nextBlocks({ next, from, findings }: CaseReport): Block[] {
  if (next.length === 0) return [];
  const where =
    from === 'files' && findings.length > 0
      ? [
          text(
            'On the host where this was captured; bridgewatch commands ask the database of the agent there, if one ran at the time. A container that is stopped tells less: look first, and keep its file system (docker commit, docker export) before it is removed.',
          ),
        ]
      : [];
  return [...where, { type: 'steps', steps: next }];
}

function timelineBlocks({ timeline }: CaseReport): Block[] {
  if (timeline.items.length === 0) return [];
  return [
    {
      type: 'table',
      caption: 'Findings, what their subjects did, and what else happened, oldest first',
      columns: [{ title: 'Time (UTC)' }, { title: '#' }, { title: 'Kind' }, { title: 'What', isProse: true }],
      rows: timeline.items.map(({ time, of, severity, ref, text: what }) => [
        // What belongs together is often a few milliseconds apart.
        clockText(time).replace('Z', `${time.slice(19, 23)}Z`),
        { refs: ref === undefined ? [] : [ref] },
        severity === undefined ? of : { severity },
        what,
      ]),
    },
    ...moreBlock(timeline, 'things that happened are'),
  ];
}

function actorBlocks({ actors }: CaseReport): Block[] {
  if (actors.items.length === 0) return [];
  return [
    {
      type: 'table',
      caption: 'Who is part of a finding, and how sure the name is',
      columns: [
        { title: 'Who' },
        { title: 'Did' },
        { title: 'Other end of' },
        { title: 'Addresses' },
        { title: 'Name is' },
        { title: 'What it is', isProse: true },
      ],
      rows: actors.items.map((actor) => [
        actor.label,
        { refs: actor.did },
        { refs: actor.metIn },
        actor.ips.join(', '),
        suretyText(actor),
        [
          actor.container === undefined ? undefined : `container ${actor.container}`,
          actor.image === undefined ? undefined : `image ${actor.image}`,
          actor.networks.length === 0 ? undefined : `seen on ${actor.networks.join(', ')}`,
          actor.place,
        ]
          .filter((part) => part !== undefined)
          .join('; '),
      ]),
    },
    ...moreBlock(actors, 'are'),
  ];
}

function amountBlocks({ left, leftRest, isUnattributed, byDirection, told }: Amounts): Block[] {
  if (byDirection.length === 0 && told.length === 0)
    return [text('No flow was seen, so nothing can be said of it.')];
  const counts: Block[] =
    left.items.length === 0
      ? [text('No flow between a container and the outside was seen.')]
      : [
          {
            type: 'table',
            caption: isUnattributed
              ? 'Between addresses of which none is known to be a container; who opened it is named first'
              : 'Between containers and the outside, the most that left first',
            columns: [
              { title: isUnattributed ? 'From' : 'Inside' },
              { title: isUnattributed ? 'To' : 'Outside' },
              { title: isUnattributed ? 'Sent' : 'Out', right: true },
              { title: isUnattributed ? 'Received' : 'In', right: true },
              { title: 'Flows', right: true },
              ...(isUnattributed ? [] : [{ title: 'Opened by' }]),
              { title: '#' },
              { title: 'How and when', isProse: true },
            ],
            rows: left.items.map((amount) => [
              amount.who,
              amount.place === undefined ? amount.whom : `${amount.whom}, ${amount.place}`,
              formatBytes(amount.bytesOut),
              formatBytes(amount.bytesIn),
              String(amount.flows),
              ...(isUnattributed ? [] : [amount.direction === 'ingress' ? 'outside' : 'inside']),
              { refs: amount.refs },
              `${amount.service}, on ${amount.network}, ${timeSpan(amount.first, amount.last)}`,
            ]),
          },
        ];
  const rest =
    left.more === 0
      ? []
      : [
          text(
            `${left.moreIsLeast ? 'At least ' : ''}${left.more} more pairs: ${formatBytes(leftRest.bytesOut)} out, ${formatBytes(leftRest.bytesIn)} in, ${counted(leftRest.flows, 'flow')}.`,
          ),
        ];
  const direct: Block[] =
    byDirection.length === 0
      ? []
      : [
          {
            type: 'table',
            caption: 'All flows, by direction; IP bytes, headers included',
            columns: [
              { title: 'Direction' },
              { title: 'Flows', right: true },
              { title: 'Sent by who opened', right: true },
              { title: 'Sent back', right: true },
              { title: 'Means', isProse: true },
            ],
            rows: byDirection.map(({ direction, flows, bytesOut, bytesIn, meaning }) => [
              direction,
              String(flows),
              formatBytes(bytesOut),
              formatBytes(bytesIn),
              meaning,
            ]),
          },
        ];
  return [...toldBlock(told), ...counts, ...rest, ...direct];
}

function toldBlock(told: Amounts['told']): Block[] {
  if (told.length === 0) return [];
  return [
    {
      type: 'table',
      caption: 'What the findings count themselves',
      columns: [
        { title: '#' },
        { title: 'Who' },
        { title: 'Bytes', right: true },
        { title: 'What', isProse: true },
      ],
      rows: told.map(({ ref, who, bytes, what }) => [{ refs: [ref] }, who, formatBytes(bytes), what]),
    },
  ];
}

function lookUpBlocks({ lookUps, findings }: CaseReport): Block[] {
  if (lookUps.items.length === 0) return [];
  return [
    {
      type: 'table',
      caption:
        findings.length === 0
          ? 'By everybody, what was asked for most first'
          : 'By those whom the findings are about, what was asked for most first',
      columns: [
        { title: 'Who' },
        { title: 'Zone' },
        { title: 'Questions', right: true },
        { title: 'Failed', right: true },
        { title: 'Unanswered', right: true },
        { title: 'First (UTC)' },
        { title: 'One of the names', isProse: true },
      ],
      rows: lookUps.items.map(({ who, zone, questions, failed, unanswered, first, sample }) => [
        who,
        zone,
        String(questions),
        String(failed),
        String(unanswered),
        clockText(first),
        sample,
      ]),
    },
    ...moreBlock(lookUps, 'zones are'),
  ];
}

function unseenBlocks({ unseen }: CaseReport): Block[] {
  const rows = unseen.map(({ weight, what, detail }) => [weight === 'grave' ? `! ${what}` : what, detail]);
  return [
    {
      type: 'table',
      caption: 'Where findings may be missing (marked with !), and what such a look can never know',
      columns: [{ title: 'What' }, { title: 'Detail', isProse: true }],
      rows,
    },
  ];
}

/** In full; the informational ones only where there are few, since they are listed above anyway. */
function detailBlocks({ findings }: CaseReport): Block[] {
  const shown = findings.filter(({ severity }, i) => i < SHOWN_DETAILS && (rankOf(severity) > 0 || i < 10));
  const left = findings.length - shown.length;
  return [
    ...shown.map((finding): Block => ({ type: 'finding', finding })),
    ...(left === 0
      ? []
      : [text(`${counted(left, 'less grave finding is', 'less grave findings are')} in the list only.`)]),
  ];
}

const SHOWN_DETAILS = 50;

export function factsOfFinding(finding: CaseFinding): readonly (readonly [string, string])[] {
  const { id, status, confidence, firstSeen, lastSeen, count, network, subject, peers } = finding;
  const more = peers.more === 0 ? '' : `; and ${peers.more} more`;
  return [
    ['Subject', endText(subject)],
    ...(peers.items.length === 0 ? [] : [['With', `${peers.items.map(endText).join('; ')}${more}`] as const]),
    ...(network === undefined ? [] : [['Network', network] as const]),
    ['Seen', `${count}x, ${timeSpan(firstSeen, lastSeen)}`],
    ['State', `${stateText(status)}; confidence: ${confidence}; id ${id}`],
  ];
}

/** `shop/db (172.30.0.2, container shop-db-1), name certain`. */
function endText(end: CaseEnd): string {
  const { label, ip, container, place } = end;
  const facts = [
    label.includes(ip) ? undefined : ip,
    container === undefined ? undefined : `container ${container}`,
    place,
  ].filter((part) => part !== undefined);
  const named = facts.length === 0 ? label : `${label} (${facts.join(', ')})`;
  return `${named}, name ${suretyText(end)}`;
}

function stateText(status: string): string {
  return status === 'closed' ? 'closed, it had been quiet' : 'open when the records end';
}
