/**
 * What goes into a bundle, the most valuable first: when there is no room for all of it, what comes last is cut, and the
 * manifest says so.
 */
import type { BundleWriter, CaseFacts } from '../../bundle/writer.ts';
import type { Config } from '../../config/schema.ts';
import { withoutSecrets } from '../../config/without-secrets.ts';
import { indentedJson, printableJson } from '../../model/printable-json.ts';
import { counted } from '../../model/readable.ts';
import type { RecordKind } from '../../model/record.ts';
import type { PublicFinding } from '../../model/serialize.ts';
import { formatMicros, type Micros } from '../../model/time.ts';
import type { Filter } from '../../query/filter.ts';
import { evidenceFolder } from '../../station/evidence/folder.ts';
import type { ScanFilter, StoredRecord, StoreReader } from '../../station/store/reader.ts';
import { learnedServices } from '../learned/services.ts';
import { filterOf } from '../lib/filter-words.ts';
import { clockText } from '../lib/output.ts';
import { timelineMarkdown } from '../timeline/text.ts';
import { collectTimeline, TIMELINE_KINDS } from '../timeline.ts';
import { addEvidence, evidenceOf, NO_ROOM } from './evidence.ts';
import { versions } from './machine.ts';
import { readmeText } from './readme.ts';
import {
  type CaseWindow,
  coverageOf,
  decisionsOf,
  eventsOf,
  findingsOf,
  inventoryOf,
  unwatched,
} from './records.ts';
import { caseTexts } from './report.ts';
import type { BundleSubject } from './subject.ts';

export interface BundleCase {
  readonly reader: StoreReader;
  readonly config: Config;
  readonly subject: BundleSubject;
  /** Name of the bundle's folder. */
  readonly root: string;
  /** Whether packets belong into it. */
  readonly packets: boolean;
  readonly host: string;
  readonly tool: string;
  readonly createdBy: string;
  readonly created: string;
  readonly isSigned: boolean;
}

const TIMELINE_LINES = 20_000;
/** What stands in a file of its own, or tells nothing of a case. */
const EVENT_KINDS: readonly RecordKind[] = ['inventory', 'no-route', 'blocked', 'listener', 'spoof'];

export function fillBundle(writer: BundleWriter, of: BundleCase): CaseFacts {
  const { subject, host, tool, createdBy } = of;
  const filling = new Filling(writer, of);
  filling.story();
  filling.circumstances();
  filling.packets();
  filling.traffic();
  return {
    ...{ tool, host, createdBy },
    subject: {
      kind: subject.kind,
      asked: subject.asked,
      ...(subject.finding === undefined ? {} : { finding: subject.finding.id }),
      ...(subject.words.length === 0 ? {} : { filter: subject.words.join(' ') }),
    },
    range: { since: formatMicros(subject.since), until: formatMicros(subject.until) },
  };
}

/** In the order of its methods: each takes what room the ones before it left. */
class Filling {
  readonly #writer: BundleWriter;
  readonly #of: BundleCase;
  readonly #filter: Filter | undefined;
  readonly #findings: readonly PublicFinding[];
  /** Findings, events, look-ups and flows of what was asked for. */
  #recorded: number;

  constructor(writer: BundleWriter, of: BundleCase) {
    this.#writer = writer;
    this.#of = of;
    this.#filter = filterOf(of.subject.words, TIMELINE_KINDS);
    this.#findings = findingsOf(of.reader, this.#window('findings.ndjson'), of.subject.finding);
    this.#recorded = this.#findings.length;
  }

  /** What happened, for people and in order. */
  story(): void {
    const { reader, subject, config } = this.#of;
    const gaps = unwatched(reader, subject);
    for (const gap of gaps) this.#writer.lacks('records', gap);
    for (const notice of subject.notices) this.#writer.lacks('peers', notice);
    this.#text('README.md', 'what this is, and how it is checked', readmeText(this.#of));
    const coverage = coverageOf(reader, this.#window('coverage.ndjson'));
    const report = caseTexts({
      ...{ reader, subject, coverage, gaps, findings: this.#findings },
      window: this.#window('report.md'),
      storePath: config.store.path,
    });
    this.#text('report.html', 'the case for people, for a browser; without scripts', report.html);
    this.#text('report.md', 'the same as Markdown', report.markdown);
    this.#lines('findings.ndjson', 'findings, each as often as it was told, the oldest first', [
      ...this.#findings.map(printableJson),
    ]);
    this.#timeline();
    const decisions = decisionsOf(reader, this.#window('decisions.ndjson'), this.#findings);
    this.#lines('decisions.ndjson', 'what people decided: acknowledged, muted, until when', decisions);
    this.#lines('coverage.ndjson', 'what could be seen of which network, and what was lost', coverage);
  }

  /** What one must know to read it. */
  circumstances(): void {
    const { reader, subject, config } = this.#of;
    this.#lines(
      'learned.ndjson',
      'what the detectors had learned of these services when this was made',
      learnedOf(this.#of, this.#findings),
    );
    this.#text(
      'config.json',
      'the configuration as this command read it, secrets left out',
      `${indentedJson(withoutSecrets(config))}\n`,
    );
    this.#text(
      'versions.json',
      'versions of what made this, and of the engine as it was recorded',
      `${indentedJson(versions(reader, subject.until))}\n`,
    );
    this.#lines(
      'inventory.ndjson',
      'networks that were there, then who held which address in that time',
      inventoryOf(reader, subject),
    );
  }

  packets(): void {
    const { reader, config, subject, packets } = this.#of;
    const evidence = evidenceOf(reader, this.#window('evidence.ndjson'), this.#findings, subject.finding);
    const what = 'which packets were put aside, taken and let go, the newest first';
    this.#lines('evidence.ndjson', what, evidence.texts);
    const { length } = evidence.kept;
    if (packets) addEvidence(this.#writer, evidenceFolder(config.store.path), evidence);
    else
      this.#writer.lacks(
        'evidence/',
        `left out with --no-packets: there are ${length} collections on the host`,
      );
    if (packets && length === 0)
      this.#writer.lacks(
        'evidence/',
        `no packets are kept ${subject.kind === 'finding' ? 'for this finding' : 'of this'}`,
      );
  }

  /** The most, and the last: its oldest goes first where there is no room. */
  traffic(): void {
    const { reader, subject } = this.#of;
    const what = 'containers, networks, ports, refused routes, forged addresses, the newest first';
    const events = eventsOf(reader, EVENT_KINDS, this.#window('events.ndjson'));
    this.#recorded += this.#lines('events.ndjson', what, textsOf(events));
    const dns = reader.scanDns(this.#scan('dns.ndjson'));
    this.#recorded += this.#lines('dns.ndjson', 'look-ups, the newest first', textsOf(dns));
    const flows = reader.scanFlows(this.#scan('flows.ndjson'));
    this.#recorded += this.#lines('flows.ndjson', 'flows, the newest first', textsOf(flows));
    if (this.#recorded === 0)
      this.#writer.lacks(
        subject.asked,
        'nothing of it is recorded in that time: is it written as `map` and `events` have it?',
      );
  }

  #timeline(): void {
    const { reader, subject } = this.#of;
    const range = { since: subject.since, until: subject.until, limit: TIMELINE_LINES };
    const { records, notices } = collectTimeline(reader, this.#filter, range, true);
    for (const notice of notices) this.#writer.lacks('timeline', notice);
    const markdown = `# What happened, in order\n\n${timelineMarkdown(records)}\n`;
    this.#text('timeline.md', 'what happened in order, for people', markdown);
    this.#lines('timeline.ndjson', 'the same for programs, the oldest first', records.map(printableJson));
  }

  /** `what`: whose search it is that may end early. */
  #window(what: string): CaseWindow {
    const { since, until } = this.#of.subject;
    const onStopped = (at: Micros) => {
      const clock = clockText(formatMicros(at));
      this.#writer.lacks(what, `what is older than ${clock}: the search ended after many records`);
    };
    return { since, until, filter: this.#filter, onStopped };
  }

  #scan(what: string): ScanFilter {
    const { since, until, filter, onStopped } = this.#window(what);
    return { since, until, matching: { ...(filter === undefined ? {} : { filter }), onStopped } };
  }

  #text(path: string, what: string, content: string): void {
    if (!this.#writer.add(path, what, [content])) this.#writer.lacks(path, NO_ROOM);
  }

  /** Returns how many were written. */
  #lines(path: string, what: string, texts: Iterable<string>): number {
    let count = 0;
    const lines = function* () {
      for (const text of texts) {
        yield `${text}\n`;
        count += 1;
      }
    };
    const isWhole = this.#writer.add(path, () => `${counted(count, 'record')}: ${what}`, lines());
    if (!isWhole) this.#writer.lacks(path, `only the first ${count} are in it: for the rest ${NO_ROOM}`);
    return count;
  }
}

/** Of those whom the findings are about; all where nobody in particular is. */
function learnedOf({ reader, subject }: BundleCase, findings: readonly PublicFinding[]): string[] {
  const { services, edges } = learnedServices(reader.learned());
  const names = new Set(
    findings
      .flatMap((finding) => [finding.subject, ...finding.peers])
      .flatMap(({ workload }) => serviceNames(workload)),
  );
  const isOfCase = ({ service }: { readonly service: string }) =>
    subject.words.length === 0 || names.has(service) || subject.words.includes(service);
  return [...services.filter(isOfCase), ...edges.filter(isOfCase)].map(printableJson);
}

function serviceNames(workload: PublicFinding['subject']['workload']): string[] {
  if (workload === undefined) return [];
  const { composeProject, composeService, swarmService, image } = workload;
  return [`${composeProject}/${composeService}`, `${swarmService}`, `image ${image}`];
}

function* textsOf(rows: Iterable<StoredRecord>): Generator<string> {
  for (const { text } of rows) yield text;
}
