/** From a record to its row: which table, and the columns one filters by. */
import type { Database, Statement } from 'better-sqlite3';
import type { DnsRecord } from '../../model/dns.ts';
import type { Endpoint } from '../../model/endpoint.ts';
import { SEVERITIES } from '../../model/finding.ts';
import type { FlowRecord } from '../../model/flow.ts';
import { networkNamesIn, type Workload, workloadLabel } from '../../model/network.ts';
import type { AgentRecord, InventoryChange } from '../../model/record.ts';
import type { Entry } from '../entry.ts';
import { LeaseWriter } from './lease-rows.ts';
import type { WatchLog } from './watch-log.ts';

export interface DurableEntry extends Entry {
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
  readonly #dns: Statement;
  readonly #leases: LeaseWriter;
  readonly #watches: WatchLog;

  constructor(db: Database, watches: WatchLog) {
    this.#watches = watches;
    this.#leases = new LeaseWriter(db);
    this.#event = db.prepare(
      `INSERT INTO events (seq, kind, time_us, tie, network, networks, containers, analyzer, severity, finding_id,
         record)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#finding = db.prepare(
      `INSERT INTO findings (id, seq, is_open) VALUES (?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, is_open = excluded.is_open`,
    );
    // A flow that goes on is written again and again; the last row stands for it, under a new seq, so that
    // whoever follows the table sees it move.
    this.#flow = db.prepare(
      `INSERT OR REPLACE INTO flows (uid, start_us, time_us, network, containers, orig_ip, resp_ip, resp_port,
         protocol, direction, record)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#dns = db.prepare(
      `INSERT INTO dns (time_us, network, networks, containers, client_ip, server_ip, query, qtype, rcode, record)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
  }

  writeDurable(entry: DurableEntry): void {
    const { record, seq, time, tie, text } = entry;
    const finding = record.kind === 'finding' ? record : undefined;
    this.#event.run(
      seq,
      record.kind,
      time,
      tie,
      ...networkColumns(networksOf(record)),
      containersOf(record) ?? null,
      finding?.analyzer ?? null,
      finding === undefined ? null : SEVERITIES.indexOf(finding.severity),
      finding?.id ?? null,
      text,
    );
    if (finding !== undefined) this.#finding.run(finding.id, seq, finding.status === 'closed' ? 0 : 1);
    else if (record.kind === 'lease') this.#leases.write(record);
    else if (record.kind === 'inventory') this.#writeInventory(record, text);
  }

  #writeInventory(change: InventoryChange, text: string): void {
    if (change.object === 'network') this.#leases.writeNetwork(change, text);
    else if (change.object === 'engine') this.#watches.engineChanged(change);
  }

  writeBulk(entry: Entry): void {
    const { record, text } = entry;
    if (record.kind === 'flow') this.#writeFlow(record, text);
    else if (record.kind === 'dns') this.#writeDns(record, text);
  }

  #writeFlow(flow: FlowRecord, text: string): void {
    this.#flow.run(
      flow.uid,
      flow.start,
      flow.end,
      flow.network?.name ?? null,
      containersOf(flow) ?? null,
      flow.orig.ip,
      flow.resp.ip,
      flow.resp.port ?? null,
      flow.protocol,
      flow.direction,
      text,
    );
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

/** `network`, and `networks` where there is more than one. */
function networkColumns(names: readonly (string | undefined)[]): [string | null, string | null] {
  const known = [...new Set(names.filter((name) => name !== undefined))];
  return [known[0] ?? null, known.length > 1 ? tokens(known) : null];
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
      return record.object === 'container' ? tokens([record.name, `#${record.id}`]) : undefined;
    case 'coverage':
      if (record.workload !== undefined) return workloadTokens([record.workload]);
      return record.container === undefined ? undefined : tokens([record.container]);
    case 'traffic':
    case 'loss':
    case 'anomaly':
    case 'blocked':
    case 'summary':
      return undefined;
  }
}

function containerTokens(endpoints: readonly Endpoint[]): string | undefined {
  return workloadTokens(endpoints.map(({ workload }) => workload));
}

function workloadTokens(workloads: readonly (Workload | undefined)[]): string | undefined {
  const found = workloads.flatMap((workload) =>
    workload === undefined
      ? []
      : [workloadLabel(workload), workload.name, workload.composeService ?? '', `#${workload.containerId}`],
  );
  return found.length === 0 ? undefined : tokens(found);
}

/** Every name that something may be asked for by, one a line: `\nshop/db\nshop-db-1\ndb\n#3f2a...\n`. */
function tokens(names: readonly string[]): string {
  return `\n${[...new Set(names.filter((name) => name !== ''))].join('\n')}\n`;
}

/** What `networks` must contain for a name; see `tokens`. */
export function networkNeedle(wanted: string): string {
  return `\n${wanted}\n`;
}

/** Whether a text may be the beginning of an id of the engine. */
export function isIdPrefix(wanted: string): boolean {
  return /^[0-9a-f]{4,64}$/.test(wanted);
}

/** What `containers` must contain for a name or the beginning of an id; see `tokens`. */
export function containerNeedles(wanted: string): { readonly name: string; readonly id: string | undefined } {
  return { name: `\n${wanted}\n`, id: isIdPrefix(wanted) ? `\n#${wanted}` : undefined };
}
