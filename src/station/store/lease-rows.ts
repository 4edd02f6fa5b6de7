/**
 * A lease to its row and back, and what is known of networks beside it. The row keeps who the container was, not its
 * labels: the answer must name it when it is long gone, in some 1.2 kB.
 */
import type { Database, Statement } from 'better-sqlite3';
import type { LeaseRecord } from '../../model/lease.ts';
import { workloadLabel } from '../../model/network.ts';
import type { InventoryChange } from '../../model/record.ts';

/** Prepared once for each connection. */
export class LeaseWriter {
  readonly #lease: Statement;
  readonly #dropAddresses: Statement;
  readonly #address: Statement;
  readonly #network: Statement;

  constructor(db: Database) {
    this.#lease = db
      .prepare(
        `INSERT INTO leases (id, network_id, network, mac, container_id, container, label, service, from_us, to_us, facts)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET network_id = excluded.network_id, network = excluded.network,
           mac = excluded.mac, container_id = excluded.container_id, container = excluded.container,
           label = excluded.label, service = excluded.service, from_us = excluded.from_us, to_us = excluded.to_us,
           facts = excluded.facts
         RETURNING seq`,
      )
      .pluck();
    this.#dropAddresses = db.prepare('DELETE FROM lease_addresses WHERE lease = ?');
    this.#address = db.prepare('INSERT OR IGNORE INTO lease_addresses (ip, lease) VALUES (?, ?)');
    this.#network = db.prepare(
      `INSERT INTO networks (id, name, seen_us, removed_us, record) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET
         name = excluded.name, removed_us = excluded.removed_us, record = excluded.record`,
    );
  }

  /** The latest record of an id stands: it replaces what an earlier one said. */
  write(lease: LeaseRecord): void {
    const { workload } = lease;
    const seq = this.#lease.get(
      lease.id,
      lease.networkId,
      lease.network,
      lease.mac ?? null,
      workload.containerId,
      workload.name,
      workloadLabel(workload),
      workload.composeService ?? null,
      lease.from,
      lease.to ?? null,
      JSON.stringify({ ...lease, workload: { ...workload, labels: {} } }),
    );
    this.#dropAddresses.run(seq);
    for (const ip of lease.ips) this.#address.run(ip, seq);
  }

  /** `text`: its public form. */
  writeNetwork(change: InventoryChange, text: string): void {
    const removedAt = change.change === 'removed' ? change.time : null;
    this.#network.run(change.id, change.name, change.time, removedAt, text);
  }
}

/** What `facts` holds. */
export function readLease(facts: string): LeaseRecord {
  return JSON.parse(facts) as LeaseRecord;
}
