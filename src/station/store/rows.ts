/** From a record to its row: which table, and the columns one filters by. */
import type { Database, Statement } from 'better-sqlite3';
import type { DnsRecord } from '../../model/dns.ts';
import type { Endpoint } from '../../model/endpoint.ts';
import { SEVERITIES } from '../../model/finding.ts';
import { type FlowRow, flowRow } from '../../model/flow-row.ts';
import { nameTokens, workloadTokens } from '../../model/name-tokens.ts';
import { networkNamesIn } from '../../model/network.ts';
import type { AgentRecord, InventoryChange } from '../../model/record.ts';
import { isFlowRow, type SentRecord } from '../../model/sent-record.ts';
import type { Entry } from '../entry.ts';
import { DecisionWriter } from './decision-rows.ts';
import { EvidenceWriter } from './evidence-rows.ts';
import { FlowIndexWriter } from './flow-index/writer.ts';
import { LeaseWriter } from './lease-rows.ts';
import type { WatchLog } from './watch-log.ts';

export interface DurableEntry extends Entry {
  /** Flows are no durable records. */
  readonly record: AgentRecord;
  /** Its place in the log; given when it is accepted, before it is written. */
  readonly seq: number;
  /** Its number at the sensor, where that may tell it again. */
  readonly told?: number;
}

/** Prepared once for each connection. */
export class RowWriter {
  readonly #event: Statement;
  readonly #finding: Statement;
  readonly #flow: Statement;
  readonly #storedFlow: Statement;
  readonly #replaceFlow: Statement;
  readonly #flowIndex: FlowIndexWriter;
  readonly #dns: Statement;
  readonly #leases: LeaseWriter;
  readonly #decisions: DecisionWriter;
  readonly #evidence: EvidenceWriter;
  readonly #watches: WatchLog;

  constructor(db: Database, watches: WatchLog, flowIndex = new FlowIndexWriter(db)) {
    this.#watches = watches;
    this.#leases = new LeaseWriter(db);
    this.#decisions = new DecisionWriter(db);
    this.#evidence = new EvidenceWriter(db);
    this.#event = db.prepare(
      `INSERT INTO events (seq, kind, time_us, tie, network, networks, containers, analyzer, severity, finding_id,
         record)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#finding = db.prepare(
      `INSERT INTO findings (id, seq, is_open) VALUES (?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, is_open = excluded.is_open`,
    );
    const insertFlow = (or: string) =>
      `INSERT OR ${or} INTO flows (uid, start_us, time_us, network, containers, orig_ip, resp_ip, resp_port,
         protocol, direction, record)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
    this.#flow = db.prepare(insertFlow('IGNORE'));
    this.#storedFlow = db.prepare('SELECT seq FROM flows WHERE uid = ? AND start_us = ?').pluck();
    this.#replaceFlow = db.prepare(insertFlow('REPLACE'));
    this.#flowIndex = flowIndex;
    this.#dns = db.prepare(
      `INSERT INTO dns (time_us, network, networks, containers, client_ip, server_ip, query, qtype, rcode, record)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
  }

  writeDurable(entry: DurableEntry): void {
    const { record, seq, time, tie, text } = entry;
    const finding = record.kind === 'finding' ? record : undefined;
    const decision = record.kind === 'decision' ? record : undefined;
    const evidence = record.kind === 'evidence' ? record : undefined;
    const severity = finding?.severity ?? evidence?.severity;
    this.#event.run(
      seq,
      record.kind,
      time,
      tie,
      ...networkColumns(networksOf(record)),
      containersOf(record) ?? null,
      finding?.analyzer ?? decision?.analyzer ?? evidence?.analyzer ?? null,
      severity === undefined ? null : SEVERITIES.indexOf(severity),
      finding?.id ?? decision?.finding ?? evidence?.finding ?? null,
      text,
    );
    if (finding !== undefined) this.#finding.run(finding.id, seq, finding.status === 'closed' ? 0 : 1);
    else if (decision !== undefined) this.#decisions.write(decision);
    else if (evidence !== undefined) this.#evidence.write(evidence, seq);
    else if (record.kind === 'lease') this.#leases.write(record);
    else if (record.kind === 'inventory') this.#writeInventory(record, text);
  }

  #writeInventory(change: InventoryChange, text: string): void {
    if (change.object === 'network') this.#leases.writeNetwork(change, text);
    else if (change.object === 'engine') this.#watches.engineChanged(change);
  }

  writeBulk(entry: Entry): void {
    const { record, text } = entry;
    if (isFlowRow(record)) this.#writeFlow(record);
    else if (record.kind === 'flow') this.#writeFlow(flowRow(record, text));
    else if (record.kind === 'dns') this.#writeDns(record, text);
  }

  /** At the end of each transaction of bulk. */
  settleBulk(): void {
    this.#flowIndex.settle();
  }

  /** A transaction of bulk was undone. */
  forgetBulk(): void {
    this.#flowIndex.forget();
  }

  /** Whether rows of earlier runs are not in the index yet. */
  get isIndexBehind(): boolean {
    return this.#flowIndex.isBehind;
  }

  /** One step towards them; in a transaction. */
  catchUpIndex(): void {
    this.#flowIndex.catchUp();
  }

  /**
   * A flow that goes on is written again and again; the last row stands for it, under a new seq, so that whoever follows
   * the table sees it move.
   */
  #writeFlow(row: FlowRow): void {
    let done = this.#flow.run(row);
    if (done.changes === 0) {
      const [uid, start] = row;
      const stored = this.#storedFlow.get(uid, start) as number | undefined;
      if (stored !== undefined) this.#flowIndex.replaced(stored);
      done = this.#replaceFlow.run(row);
    }
    this.#flowIndex.add(Number(done.lastInsertRowid), row);
  }

  #writeDns(dns: DnsRecord, text: string): void {
    this.#dns.run(
      dns.time,
      ...networkColumns(networksOf(dns)),
      containersOf(dns) ?? null,
      dns.client.ip,
      dns.server.ip,
      dns.query,
      dns.qtype,
      dns.rcode ?? null,
      text,
    );
  }
}

function networksOf(record: AgentRecord): readonly (string | undefined)[] {
  switch (record.kind) {
    case 'finding':
      return record.network === undefined ? [] : networkNamesIn(record.network);
    case 'traffic':
    case 'coverage':
    case 'lease':
    case 'spoof':
    case 'decision':
      return [record.network];
    case 'flow':
      return [record.network?.name];
    case 'dns':
      // What carried the question comes first.
      return [
        record.network?.name,
        record.upstream?.network,
        ...(record.networks ?? []).map(({ name }) => name),
      ];
    case 'evidence':
      return record.networks;
    case 'audit-run':
      return record.scores.map(({ network }) => network);
    case 'inventory':
      return record.object === 'network' ? [record.name] : [];
    case 'blocked':
      return [record.from?.name, record.to?.name];
    case 'no-route':
    case 'listener':
      return record.networks.map(({ name }) => name);
    case 'loss':
    case 'anomaly':
    case 'summary':
      return [];
  }
}

/** What `network` and `container` are asked for by. */
export interface NameColumns {
  readonly network: string | null;
  readonly networks: string | null;
  readonly containers: string | null;
}

export function nameColumns(record: SentRecord): NameColumns {
  if (isFlowRow(record)) {
    const [, , , network, containers] = record;
    return { network, networks: null, containers };
  }
  const [network, networks] = networkColumns(networksOf(record));
  return { network, networks, containers: containersOf(record) ?? null };
}

/** `network`, and `networks` where there is more than one. */
function networkColumns(names: readonly (string | undefined)[]): [string | null, string | null] {
  const known = [...new Set(names.filter((name) => name !== undefined))];
  return [known[0] ?? null, known.length > 1 ? nameTokens(known) : null];
}

function containersOf(record: AgentRecord): string | undefined {
  switch (record.kind) {
    case 'finding':
      return containerTokens([record.subject, ...record.peers]);
    case 'flow':
      return containerTokens([record.orig, record.resp]);
    case 'dns':
      return containerTokens([
        record.client,
        record.server,
        ...(record.upstream ? [record.upstream.server] : []),
      ]);
    case 'no-route':
    case 'listener':
      return containerTokens([record.subject]);
    case 'lease':
      return workloadTokens([record.workload]);
    case 'spoof':
      return workloadTokens([record.sender, record.holder]);
    case 'inventory':
      return record.object === 'container' ? nameTokens([record.name, `#${record.id}`]) : undefined;
    case 'coverage':
      if (record.workload !== undefined) return workloadTokens([record.workload]);
      return record.container === undefined ? undefined : nameTokens([record.container]);
    case 'traffic':
    case 'loss':
    case 'anomaly':
    case 'blocked':
    case 'decision':
    case 'evidence':
    case 'audit-run':
    case 'summary':
      return undefined;
  }
}

function containerTokens(endpoints: readonly Endpoint[]): string | undefined {
  return workloadTokens(endpoints.map(({ workload }) => workload));
}

/** What `networks` must contain for a name; see name-tokens.ts. */
export function networkNeedle(wanted: string): string {
  return `\n${wanted}\n`;
}

/** Whether a text may be the beginning of an id of the engine. */
export function isIdPrefix(wanted: string): boolean {
  return /^[0-9a-f]{4,64}$/.test(wanted);
}

/** What `containers` must contain for a name or the beginning of an id; see name-tokens.ts. */
export function containerNeedles(wanted: string): { readonly name: string; readonly id: string | undefined } {
  return { name: `\n${wanted}\n`, id: isIdPrefix(wanted) ? `\n#${wanted}` : undefined };
}
