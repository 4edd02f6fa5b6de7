/**
 * What one run of a sensor finds: findings of many subjects that open, go on and close, mixed as they are in life, several in
 * a microsecond. The same seed is the same sequence.
 */
import { createHash } from 'node:crypto';
import { type Finding, SEVERITIES } from '../../../src/model/finding.ts';
import type { FlowRecord } from '../../../src/model/flow.ts';
import type { Micros } from '../../../src/model/time.ts';
import { endpoint, finding, flow, outside } from '../../station/support/records.ts';

export interface WorkloadOptions {
  readonly seed: number;
  /** Number of its first finding; those of another run are others. */
  readonly first: number;
  readonly startsAt: Micros;
}

/** A finding with this at the begin of its id is one that a server refuses for good. */
export const REFUSED_ID = 'refused-';
const REFUSED_EVERY = 1000;

const SUBJECTS = 40;
const AT_ONCE = 60;
const P_UPDATE = 0.3;
const P_CLOSE = 0.75;
/** Records that share a microsecond: the packets of a burst. */
const SHARE_TIME = 3;
const STEP: Micros = 100;

const ANALYZERS = ['internal-egress', 'port-scan', 'beacon', 'dns-tunnel', 'new-edge'] as const;
const SERVICES = ['db', 'web', 'api', 'cache', 'queue'] as const;

export class Workload {
  readonly #random: () => number;
  readonly #startsAt: Micros;
  readonly #open: Finding[] = [];
  readonly #ready: Finding[] = [];
  #number: number;
  #told = 0;

  constructor({ seed, first, startsAt }: WorkloadOptions) {
    this.#random = seeded(seed);
    this.#number = first;
    this.#startsAt = startsAt;
  }

  /** Findings that were opened, with those of runs before. */
  get opened(): number {
    return this.#number;
  }

  next(): Finding {
    if (this.#ready.length === 0) this.#goOn();
    const record = this.#ready.shift()!;
    const time = this.#startsAt + Math.floor(this.#told / SHARE_TIME) * STEP;
    this.#told += 1;
    return { ...record, lastSeen: time };
  }

  /** The packet that a finding is about belongs to a flow, and both have its time. */
  flowOf({ lastSeen, subject, peers }: Finding): FlowRecord {
    return flow(this.#told, { start: lastSeen, end: lastSeen, orig: subject, resp: peers[0]! });
  }

  #goOn(): void {
    const opened = this.#newFinding();
    this.#open.push(opened);
    this.#ready.push(opened);
    if (this.#random() < P_UPDATE) {
      const at = this.#any();
      const { count } = this.#open[at]!;
      this.#open[at] = { ...this.#open[at]!, status: 'update', count: count + 1, reason: 'seen again' };
      this.#ready.push(this.#open[at]!);
    }
    if (this.#random() < P_CLOSE || this.#open.length > AT_ONCE) {
      const [closed] = this.#open.splice(this.#any(), 1);
      this.#ready.push({ ...closed!, status: 'closed', reason: 'quiet for 10 minutes' });
    }
  }

  #any(): number {
    return Math.floor(this.#random() * this.#open.length);
  }

  #newFinding(): Finding {
    const number = this.#number;
    this.#number += 1;
    const subject = number % SUBJECTS;
    const service = SERVICES[subject % SERVICES.length]!;
    const analyzer = ANALYZERS[number % ANALYZERS.length]!;
    const hash = createHash('sha256').update(String(number)).digest('hex');
    const name = `shop${subject}-${service}-1`;
    const host = endpoint();
    const key = `${analyzer}:shop${subject}/${service}:${number}`;
    return finding(number, {
      id: number % REFUSED_EVERY === REFUSED_EVERY - 1 ? REFUSED_ID + hash.slice(0, 8) : hash.slice(0, 16),
      analyzer,
      severity: SEVERITIES[Math.floor(this.#random() * SEVERITIES.length)]!,
      network: `shop${subject}_data`,
      subject: {
        ...host,
        ip: `172.30.${subject}.5`,
        workload: { ...host.workload!, name, composeProject: `shop${subject}`, composeService: service },
      },
      peers: [outside({ ip: `198.51.100.${1 + (number % 200)}` })],
      firstSeen: this.#startsAt,
      evidence: { attempts: number % 17, ports: [443, 8443], note: hash },
      explanation: `shop${subject}/${service} did what ${analyzer} looks for (${number})`,
      key,
    });
  }
}

/** Mulberry32 (Tommy Ettinger, public domain): small, and the same everywhere. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
