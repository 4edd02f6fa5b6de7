/**
 * Counts what the sensor tells, on its way out: records by kind, findings, losses. Labels are words of ours only; whatever
 * a record says of the traffic stays out of them.
 */
import type { RecordSender } from '../channel/ports.ts';
import type { EvidencePiece } from '../model/evidence.ts';
import type { LearnedRecord } from '../model/learned.ts';
import { type MetricFamily, sample, samplesBy } from '../model/metric.ts';
import { metric } from '../model/metric-catalogue.ts';
import type { AgentRecord, LossRecord } from '../model/record.ts';

export class CountedSender implements RecordSender {
  readonly #channel: RecordSender;
  readonly #onLoss: (loss: LossRecord) => void;
  readonly #kinds = new Map<string, number>();
  /** By analyzer and severity, neither of which has a space. */
  readonly #findings = new Map<string, number>();
  readonly #losses = new Map<string, number>();

  constructor(channel: RecordSender, onLoss: (loss: LossRecord) => void) {
    this.#channel = channel;
    this.#onLoss = onLoss;
  }

  send(record: AgentRecord): void {
    add(this.#kinds, record.kind, 1);
    if (record.kind === 'finding') this.#countFinding(record.analyzer, record.severity, record.status);
    this.#channel.send(record);
    if (record.kind !== 'loss') return;
    add(this.#losses, record.source, record.count);
    this.#onLoss(record);
  }

  remember(learned: LearnedRecord): void {
    this.#channel.remember(learned);
  }

  sendEvidence(piece: EvidencePiece): void {
    this.#channel.sendEvidence(piece);
  }

  get evidenceRoomBytes(): number {
    return this.#channel.evidenceRoomBytes;
  }

  get evidenceListener(): number {
    return this.#channel.evidenceListener;
  }

  metrics(): MetricFamily[] {
    return [
      metric('bridgewatch_records_total', samplesBy('kind', this.#kinds)),
      metric(
        'bridgewatch_findings_total',
        Array.from(this.#findings, ([key, value]) => {
          const [analyzer, severity] = key.split(' ') as [string, string];
          return sample(value, { analyzer, severity });
        }),
      ),
      metric('bridgewatch_losses_total', samplesBy('source', this.#losses)),
    ];
  }

  #countFinding(analyzer: string, severity: string, status: string): void {
    if (status === 'open') add(this.#findings, `${analyzer} ${severity}`, 1);
  }
}

function add(counts: Map<string, number>, key: string, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}
