/**
 * The contract of a room of the API, and the list of them. A room adds its routes to the application; who may come in,
 * how much and from where was settled before it is asked (guard.ts).
 */
import type { HttpBindings } from '@hono/node-server';
import type { Hono } from 'hono';
import type { SensorState } from '../../channel/ports.ts';
import type { MetricFamily } from '../../model/metric.ts';
import type { Micros } from '../../model/time.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Decisions } from '../decisions/decisions.ts';
import type { Evidence } from '../evidence/evidence.ts';
import type { StationStatus } from '../station.ts';
import type { ApiConfig } from './config.ts';
import type { FeedSource } from './feed/source.ts';
import type { Questions } from './questions.ts';

/** Who asks, as far as that is known; for the audit trail. */
export interface Caller {
  /** `unix`: over the socket beside the database, which only its owner and root may open. */
  readonly by: 'unix' | 'token' | 'loopback';
  /** Of the peer; absent over the socket. */
  readonly address?: string;
}

export interface ApiVariables {
  /** Where the request came in. */
  readonly Bindings: HttpBindings & { readonly door: 'unix' | 'tcp'; readonly caller: Caller };
  readonly Variables: { caller: Caller };
}

export type ApiApp = Hono<ApiVariables>;

export interface ApiDeps {
  readonly config: ApiConfig;
  readonly logger: Logger;
  /** Of the database; questions open it read-only. */
  readonly storePath: string;
  readonly host: string;
  readonly version: string;
  /** Wall clock. */
  readonly now: () => Micros;
  readonly status: () => StationStatus | undefined;
  /** How the sensor is, as it told last, and for how long it has told nothing; undefined before it told anything. */
  readonly sensor: () => SensorReport | undefined;
  /** Calls whenever durable records became readable in the database; returns what ends that. */
  readonly onDurable: (call: () => void) => () => void;
  /** What people decide about findings. */
  readonly decisions: Decisions;
  /** Packets that were put aside. */
  readonly evidence: Evidence;
  /** For the live feed. */
  readonly feed: FeedSource;
}

export interface SensorReport {
  readonly state: SensorState;
  readonly silentMs: number;
}

export interface RoomDeps extends ApiDeps {
  /** The database, asked elsewhere than in the station's own thread. */
  readonly questions: Questions;
}

/** Metrics that only a room can tell, to be exposed with all others. */
export interface RoomMetrics {
  readonly add: (source: () => MetricFamily[]) => void;
  readonly all: () => MetricFamily[];
}

export type Room = (app: ApiApp, deps: RoomDeps, metrics: RoomMetrics) => void;
