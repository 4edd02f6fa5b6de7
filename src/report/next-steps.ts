/**
 * What to check next, as commands that can be pasted into a shell. Whatever came from the wire, a label or a file is
 * quoted, and what could act as an option is left out. Findings of one analyzer about one subject are one step.
 */

import { AUDIT_ANALYZER } from '../model/audit.ts';
import { shellWord } from '../model/shell.ts';
import { formatMicros, MICROS_PER_SECOND, parseMicros } from '../model/time.ts';
import type { CaseFinding, CaseReport, NextStep } from './case.ts';
import { rankOf } from './finding-book.ts';
import { AUDIT_GUIDANCE, GUIDANCE, type Look, USUAL_GUIDANCE } from './guidance.ts';

const MAX_STEPS = 12;
/** Where there is nothing above low. */
const FEW = 3;
const LOW_RANK = rankOf('low');
/** To be named in one command. */
const MAX_FILES = 8;
const BEFORE_AND_AFTER = 600 * MICROS_PER_SECOND;

export interface StepContext {
  readonly from: CaseReport['from'];
  /** Files, or the database. */
  readonly inputs: readonly string[];
  readonly first: string | undefined;
  readonly last: string | undefined;
}

export function nextSteps(findings: readonly CaseFinding[], context: StepContext): NextStep[] {
  const groups = new Map<string, CaseFinding[]>();
  const grave = findings.filter(({ severity }) => rankOf(severity) > LOW_RANK);
  for (const finding of grave.length > 0 ? grave : findings.slice(0, FEW)) {
    const key = JSON.stringify([finding.analyzer, finding.subject.label]);
    groups.set(key, [...(groups.get(key) ?? []), finding]);
  }
  const shown = [...groups.values()].slice(0, MAX_STEPS);
  const more = groups.size - shown.length;
  const given = new Set<string>();
  return [
    ...shown.map((group) => stepOf(group, given)),
    ...(more > 0
      ? [
          {
            refs: [],
            what: `${more} further pairs of detector and subject: go through the findings below the worst.`,
            commands: [],
          },
        ]
      : []),
    ...packetSteps(findings, context),
  ];
}

/** A command stands in the first step that wants it. */
function stepOf(group: readonly CaseFinding[], given: Set<string>): NextStep {
  const [finding] = group as [CaseFinding];
  const { analyzer } = finding;
  const isAudit = analyzer === AUDIT_ANALYZER;
  const { check, looks, mend } = isAudit ? AUDIT_GUIDANCE : (GUIDANCE[analyzer] ?? USUAL_GUIDANCE);
  const page = isAudit
    ? { page: 'docs/audit/README.md' }
    : analyzer in GUIDANCE
      ? { page: `docs/analyzers/${analyzer}.md` }
      : {};
  const wanted = ['who' as Look, ...looks].flatMap((look) => commandsOf(look, finding));
  const commands = [...new Set(wanted)].filter((command) => !given.has(command));
  for (const command of commands) given.add(command);
  return {
    refs: group.map(({ ref }) => ref),
    what: `${finding.subject.label}: ${check}`,
    commands,
    mend,
    ...page,
  };
}

function commandsOf(look: Look, finding: CaseFinding): string[] {
  const { subject, peers, network, firstSeen, lastSeen } = finding;
  const { container, ip } = subject;
  const window = windowOf(firstSeen, lastSeen);
  const inside = (command: (name: string) => string) =>
    container === undefined || !isName(container) ? [] : [command(container)];
  const ends =
    container === undefined || !isName(container)
      ? shellWord(`ip:${ip}`)
      : `--workload ${shellWord(container)}`;
  switch (look) {
    case 'who':
      // Whom the record names surely need not be asked for.
      return subject.surety === 'certain' && container !== undefined
        ? []
        : [`bridgewatch who ${shellWord(ip)} --at ${shellWord(minuteOf(firstSeen))}`];
    case 'flows':
      return [`bridgewatch flows ${ends} ${window}`];
    case 'peer-flows': {
      const peer = peers.items.find(({ container: name }) => name === undefined);
      return peer === undefined ? [] : [`bridgewatch flows ${shellWord(`ip:${peer.ip}`)} --since 7d`];
    }
    case 'dns':
      return [
        `bridgewatch dns ${container === undefined || !isName(container) ? shellWord(`client.ip:${ip}`) : `--workload ${shellWord(container)}`} ${window}`,
      ];
    case 'zone': {
      const zone = finding.evidence
        .find(({ name }) => name === 'zone' || name === 'zones')
        ?.value.split(', ')[0];
      return zone === undefined || !/^[\w.-]+$/.test(zone)
        ? []
        : [`bridgewatch dns ${shellWord(`query:*.${zone}`)} --by container --since 7d`];
    }
    case 'processes':
      return inside((name) => `docker top ${shellWord(name)} -eo pid,ppid,user,lstart,args`);
    case 'files':
      return inside((name) => `docker diff ${shellWord(name)}`);
    case 'inspect':
      return inside((name) => `docker inspect ${shellWord(name)}`);
    case 'logs':
      return inside(
        (name) =>
          `docker logs --timestamps --since ${shifted(firstSeen, -BEFORE_AND_AFTER)} --until ${shifted(lastSeen, BEFORE_AND_AFTER)} ${shellWord(name)}`,
      );
    case 'network':
      return network === undefined || !isName(network)
        ? []
        : [`docker network inspect ${shellWord(network)}`];
    case 'neighbours':
      return ['ip neigh show'];
    case 'firewall':
      return ['iptables-save -c', 'nft list ruleset'];
    case 'sockets':
      return [
        ...inside(
          (name) => `nsenter -t "$(docker inspect -f '{{.State.Pid}}' ${shellWord(name)})" -n ss -ltnup`,
        ),
        'ss -ltnup',
      ];
    case 'published':
      return inside((name) => `docker port ${shellWord(name)}`);
    case 'learned':
      return isName(subject.label) ? [`bridgewatch learned ${shellWord(subject.label)}`] : [];
    case 'doctor':
      return ['bridgewatch doctor'];
  }
}

/** To the packets themselves, where they are at hand. */
function packetSteps(findings: readonly CaseFinding[], { from, inputs }: StepContext): NextStep[] {
  const [worst] = findings;
  const [input] = inputs;
  if (worst === undefined || input === undefined) return [];
  if (from === 'store' && isName(worst.id))
    return [
      {
        refs: [],
        what: 'See all of it in order, with what happened to containers and networks meanwhile.',
        commands: [`bridgewatch timeline ${shellWord(worst.id)}`],
      },
    ];
  const files = from === 'files' ? inputs.filter(isReadable) : [];
  if (files.length === 0 || files.length > MAX_FILES) return [];
  const ends = [worst.subject, ...worst.peers.items.slice(0, 1)];
  const filter = ends.map(({ ip }) => `${ip.includes(':') ? 'ipv6' : 'ip'}.addr == ${ip}`).join(' && ');
  const shark = (file: string) => `tshark -r ${file} -Y ${shellWord(filter)}`;
  const [file] = files;
  const command =
    files.length === 1
      ? shark(shellWord(file!))
      : `for file in ${files.map(shellWord).join(' ')}; do ${shark('"$file"')}; done`;
  return [{ refs: [worst.ref], what: 'See the packets themselves.', commands: [command] }];
}

/** A name that had to be escaped cannot be opened by it, nor can what came through a pipe. */
function isReadable(file: string): boolean {
  return file !== 'stdin' && !file.startsWith('-') && !file.includes('\\');
}

function windowOf(first: string, last: string): string {
  return `--since ${shellWord(minuteOf(shifted(first, -BEFORE_AND_AFTER)))} --until ${shellWord(minuteOf(shifted(last, BEFORE_AND_AFTER)))}`;
}

function shifted(time: string, by: number): string {
  const micros = parseMicros(time);
  return micros === undefined ? time : `${formatMicros(micros + by).slice(0, 19)}Z`;
}

/** `2026-11-23 14:02`, as --since and --at take it. */
function minuteOf(time: string): string {
  return `${time.slice(0, 10)} ${time.slice(11, 16)}`;
}

/** As Docker and Compose allow names; never an option. */
function isName(text: string): boolean {
  return /^[\w][\w./-]*$/.test(text);
}
