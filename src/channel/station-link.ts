/**
 * The sensor's end of the channel when the station is another process: queues, numbers, tells, and tells again what was
 * not acknowledged when a new station comes. `send` never waits for anybody. What is more than may wait is shed, bulk
 * first, findings last, counted, and told as losses as soon as somebody listens again.
 */
import type { Duplex } from 'node:stream';
import type { EvidencePiece } from '../model/evidence.ts';
import { Fifo } from '../model/fifo.ts';
import { laneOf } from '../model/lane.ts';
import type { LearnedRecord } from '../model/learned.ts';
import { LossTally } from '../model/loss-tally.ts';
import { type MetricFamily, samplesBy } from '../model/metric.ts';
import { metric } from '../model/metric-catalogue.ts';
import type { AgentRecord } from '../model/record.ts';
import { packed } from '../model/sent-record.ts';
import { recordTime } from '../model/serialize.ts';
import { type Micros, wallMicros } from '../model/time.ts';
import { FrameReader, framed } from './frames.ts';
import {
  decodeToSensor,
  encodeToStation,
  MAX_MESSAGE_BYTES,
  type Numbered,
  type ToSensor,
} from './messages.ts';
import type { RecordSender, SensorState } from './ports.ts';

export interface StationLinkOptions {
  readonly run: string;
  readonly config: unknown;
  readonly json: boolean;
  readonly onMessage: (message: Exclude<ToSensor, { type: 'ack' | 'alive' }>) => void;
  /** The station says what it cannot say; it will be hung up on. */
  readonly onNonsense: () => void;
  readonly bounds?: Partial<LinkBounds>;
}

export interface LinkBounds {
  /** Flows, roll-ups and DNS that wait while the station is away or slow. */
  readonly maxBulk: number;
  /** Findings that wait, and as many other events. */
  readonly maxDurable: number;
  /** Told and not acknowledged yet. */
  readonly maxUnackedBytes: number;
  /** Packets put aside that wait. */
  readonly maxEvidenceBytes: number;
}

const MEBIBYTE = 1024 * 1024;
const BOUNDS: LinkBounds = {
  maxBulk: 20_000,
  maxDurable: 50_000,
  maxUnackedBytes: 32 * MEBIBYTE,
  maxEvidenceBytes: 2 * MEBIBYTE,
};

/** Records that come within this share a message, and what durable ones have in common is told once. */
const GATHER_MS = 10;
const RECORDS_PER_MESSAGE = 250;
/** Flows have nothing in common any more; 85 kB is still taken from the heap, where more would be new pages each time. */
const BULK_PER_MESSAGE = 64;
/**
 * Written and not yet taken by the pipe; some twelve messages of flows. With one alone each would wait for a turn of both
 * loops. More would keep a finding waiting that comes behind it.
 */
const MAX_UNREAD_BYTES = MEBIBYTE;

interface Told {
  readonly n: number;
  readonly frame: Buffer;
}

export class StationLink implements RecordSender {
  readonly #options: StationLinkOptions;
  readonly #bounds: LinkBounds;
  readonly #findings = new Fifo<Numbered>();
  readonly #events = new Fifo<Numbered>();
  readonly #bulk = new Fifo<AgentRecord>();
  readonly #evidence = new Fifo<EvidencePiece>();
  #evidenceBytes = 0;
  #evidenceListener = 0;
  readonly #learned = new Map<string, LearnedRecord>();
  readonly #unacked = new Fifo<Told>();
  readonly #losses = new LossTally();
  #unackedBytes = 0;
  #findingSeq = 0;
  #eventSeq = 0;
  #n = 0;
  #stream: Duplex | undefined;
  #isWelcome = false;
  #heardAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #isClosing = false;

  constructor(options: StationLinkOptions) {
    this.#options = options;
    this.#bounds = { ...BOUNDS, ...options.bounds };
  }

  /** Not yet acknowledged, or not yet told. */
  get waiting(): number {
    return this.#findings.length + this.#events.length + this.#unacked.length + this.#learned.size;
  }

  /** Since anything was heard of the station that is there; 0 while there is none. */
  get silentMs(): number {
    return this.#stream === undefined ? 0 : performance.now() - this.#heardAt;
  }

  /** Records that were shed since the start. */
  get lost(): number {
    return this.#losses.total;
  }

  metrics(): MetricFamily[] {
    const waiting: readonly [string, number][] = [
      ['finding', this.#findings.length],
      ['event', this.#events.length],
      ['bulk', this.#bulk.length],
    ];
    return [
      metric('bridgewatch_channel_waiting_records', samplesBy('lane', waiting)),
      metric('bridgewatch_channel_unacknowledged_bytes', this.#unackedBytes),
      metric('bridgewatch_channel_shed_records_total', this.lost),
    ];
  }

  send(record: AgentRecord): void {
    switch (laneOf(record.kind)) {
      case 'finding':
        this.#findings.push([++this.#findingSeq, record]);
        if (this.#findings.length > this.#bounds.maxDurable) this.#shed(this.#findings.shift()![1]);
        break;
      case 'event':
        this.#events.push([++this.#eventSeq, record]);
        if (this.#events.length > this.#bounds.maxDurable) this.#shed(this.#events.shift()![1]);
        break;
      case 'bulk':
        this.#bulk.push(record);
        if (this.#bulk.length > this.#bounds.maxBulk) this.#shed(this.#bulk.shift()!);
        break;
      case 'none':
        return;
    }
    this.#schedule();
  }

  remember(learned: LearnedRecord): void {
    this.#learned.set(JSON.stringify([learned.analyzer, learned.map, learned.key]), learned);
    this.#schedule();
  }

  /** Nobody to tell: what is put aside is the collector's to keep in its ring, or to give up. */
  get evidenceRoomBytes(): number {
    return this.#isWelcome ? Math.max(0, this.#bounds.maxEvidenceBytes - this.#evidenceBytes) : 0;
  }

  get evidenceListener(): number {
    return this.#evidenceListener;
  }

  sendEvidence(piece: EvidencePiece): void {
    this.#evidence.push(piece);
    this.#evidenceBytes += sizeOf(piece);
    this.#schedule();
  }

  /** How the sensor is; told only when somebody listens. */
  tellState(state: SensorState): void {
    if (!this.#isWelcome) return;
    for (const loss of this.#losses.drain(wallMicros())) this.send(loss);
    // One that does not read is not to be heaped upon.
    if (this.#stream !== undefined && this.#stream.writableLength < MAX_UNREAD_BYTES)
      this.#stream.write(framed(encodeToStation({ type: 'state', state })));
  }

  /** A station is there. */
  attach(stream: Duplex): void {
    const { run, config, json } = this.#options;
    this.#stream = stream;
    this.#isWelcome = false;
    this.#heardAt = performance.now();
    const reader = new FrameReader(MAX_MESSAGE_BYTES);
    stream.on('data', (chunk: Buffer) => {
      if (this.#stream !== stream) return;
      try {
        for (const bytes of reader.push(chunk)) this.#hear(bytes);
      } catch {
        this.#options.onNonsense();
      }
    });
    stream.on('drain', () => this.#pump());
    // Its process tells how it ended; a broken pipe is only the first to notice.
    stream.on('error', () => {});
    stream.write(framed(encodeToStation({ type: 'hello', run, config, json })));
  }

  /** It is gone; what it did not acknowledge is told to the next one. */
  detach(): void {
    this.#stream = undefined;
    this.#isWelcome = false;
    // The next one has no file for these; `evidenceRoomBytes` was 0 meanwhile, and whoever collects begins anew.
    while (this.#evidence.length > 0) this.#evidence.shift();
    this.#evidenceBytes = 0;
    this.#evidenceListener += 1;
  }

  /** Tells all that waits, and that nothing comes after it; to a station that is not ready yet as soon as it is. */
  close(): void {
    for (const loss of this.#losses.drain(wallMicros())) this.send(loss);
    this.#isClosing = true;
    clearTimeout(this.#timer);
    this.#pump();
  }

  #hear(bytes: Buffer): void {
    const message = decodeToSensor(bytes);
    if (message === undefined) {
      this.#options.onNonsense();
      return;
    }
    this.#heardAt = performance.now();
    if (message.type === 'alive') return;
    if (message.type === 'ack') {
      this.#acknowledge(message.n);
      return;
    }
    if (message.type === 'welcome') this.#begin();
    this.#options.onMessage(message);
  }

  /** What an earlier station did not acknowledge comes first, in its order. */
  #begin(): void {
    this.#isWelcome = true;
    for (let i = 0; i < this.#unacked.length; i++) this.#stream?.write(this.#unacked.at(i)!.frame);
    this.#pump();
  }

  #acknowledge(n: number): void {
    for (let told = this.#unacked.at(0); told !== undefined && told.n <= n; told = this.#unacked.at(0)) {
      this.#unackedBytes -= told.frame.length;
      this.#unacked.shift();
    }
    this.#schedule();
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#isClosing) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#pump();
    }, GATHER_MS);
  }

  /** Tells what waits while the pipe takes it; the rest when it drains, or when room is made by acknowledgements. */
  #pump(): void {
    const stream = this.#stream;
    if (stream === undefined || !this.#isWelcome) return;
    // The last words go into the stream's own buffer: nobody is left to wait for it.
    const mayWrite = () => this.#isClosing || stream.writableLength < MAX_UNREAD_BYTES;
    while (mayWrite()) {
      const hasRoom = this.#isClosing || this.#unackedBytes < this.#bounds.maxUnackedBytes;
      if (hasRoom && this.#tellDurable(stream)) continue;
      // In turns: neither waits for all of the other.
      const hasTold = this.#tellEvidence(stream);
      if (!this.#tellBulk(stream) && !hasTold) break;
    }
    if (this.#isClosing && !stream.writableEnded) stream.end(framed(encodeToStation({ type: 'bye' })));
  }

  #tellDurable(stream: Duplex): boolean {
    if (this.#findings.length + this.#events.length + this.#learned.size === 0) return false;
    const findings = taken(this.#findings, RECORDS_PER_MESSAGE);
    const events = taken(this.#events, RECORDS_PER_MESSAGE - findings.length);
    const learned = [...this.#learned.values()].slice(0, RECORDS_PER_MESSAGE);
    for (const key of [...this.#learned.keys()].slice(0, learned.length)) this.#learned.delete(key);
    const n = ++this.#n;
    const frame = framed(encodeToStation({ type: 'durable', n, findings, events, learned }));
    this.#unacked.push({ n, frame });
    this.#unackedBytes += frame.length;
    stream.write(frame);
    return true;
  }

  #tellEvidence(stream: Duplex): boolean {
    const piece = this.#evidence.shift();
    if (piece === undefined) return false;
    this.#evidenceBytes -= sizeOf(piece);
    stream.write(framed(encodeToStation({ type: 'evidence', piece })));
    return true;
  }

  #tellBulk(stream: Duplex): boolean {
    if (this.#bulk.length === 0) return false;
    const records = taken(this.#bulk, BULK_PER_MESSAGE).map(packed);
    stream.write(framed(encodeToStation({ type: 'bulk', records })));
    return true;
  }

  #shed(record: AgentRecord): void {
    const time: Micros = recordTime(record) ?? wallMicros();
    this.#losses.add('channel', record.kind, 1, time);
  }
}

function sizeOf(piece: EvidencePiece): number {
  return piece.type === 'bytes' ? piece.bytes.length : 0;
}

function taken<T>(queue: Fifo<T>, max: number): T[] {
  const items: T[] = [];
  while (items.length < max && queue.length > 0) items.push(queue.shift()!);
  return items;
}
