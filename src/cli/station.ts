/**
 * The station's process. Nobody calls it by hand: `run` starts it, without privileges, and speaks with it through a
 * pipe. It ends with the sensor; a signal that the terminal sends to both is the sensor's to answer.
 */
import { Socket } from 'node:net';
import { z } from 'zod';
import type { ToStation } from '../channel/messages.ts';
import { SensorLink } from '../channel/sensor-link.ts';
import { PIPE_FD } from '../channel/station-process.ts';
import { apiConfig } from '../station/api/config.ts';
import { influxdbConfig, storeConfig } from '../station/config.ts';
import { sinksConfig } from '../station/sinks/index.ts';
import { Station } from '../station/station.ts';
import { StoreError } from '../station/store/error.ts';
import { createLogger, type Logger } from '../telemetry/logger.ts';
import { findingPrinter } from './events/finding-printer.ts';
import { EXIT } from './lib/exit-codes.ts';
import { explainFailure, UsageError } from './lib/failure.ts';
import { heartbeatPath, startHeartbeat } from './lib/heartbeat.ts';
import { stationProblems } from './run/station-problems.ts';

type Hello = Extract<ToStation, { type: 'hello' }>;

/** What the sensor hands on is what it checked; the secrets in it are wrapped again here. */
const handedOn = z.object({
  store: storeConfig,
  influxdb: influxdbConfig,
  sinks: sinksConfig,
  api: apiConfig,
  log: z.object({ level: z.string() }),
});

/** The station of a sensor that was killed a moment ago still closes its database. */
const PREDECESSOR_MS = 5000;
const PREDECESSOR_POLL_MS = 100;
/** The sensor ends a station that is silent for much longer. */
const ALIVE_MS = 5000;

export async function stationCommand(): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  const house = new House(openPipe());
  process.once('uncaughtException', (error) => {
    house.log?.fatal({ err: error }, 'a bug ended the station; please report it');
    process.exit(EXIT.internal);
  });
}

function openPipe(): Socket {
  try {
    return new Socket({ fd: PIPE_FD, readable: true, writable: true });
  } catch {
    throw new UsageError('the station is started by `bridgewatch run`, not by hand');
  }
}

class House {
  log: Logger | undefined;
  readonly #link: SensorLink;
  #station: Station | undefined;
  #aliveTimer: NodeJS.Timeout | undefined;
  #stopHeartbeat: ReturnType<typeof startHeartbeat> = () => {};
  #isEnding = false;

  constructor(pipe: Socket) {
    this.#link = new SensorLink({
      stream: pipe,
      onMessage: (message) => this.#hear(message),
      onEnd: () => void this.#end(false),
    });
  }

  #hear(message: ToStation): void {
    switch (message.type) {
      case 'hello':
        void this.#begin(message);
        break;
      case 'durable': {
        for (const [seq, record] of message.findings) this.#station?.receive(record, seq);
        for (const [seq, record] of message.events) this.#station?.receive(record, seq);
        for (const learned of message.learned) this.#station?.remember(learned);
        this.#station?.whenKept(() => this.#link.acknowledge(message.n));
        break;
      }
      case 'bulk':
        for (const record of message.records) this.#station?.receive(record);
        break;
      case 'evidence':
        this.#station?.receiveEvidence(message.piece);
        break;
      case 'state':
        this.#station?.hearState(message.state);
        break;
      case 'bye':
        void this.#end(true);
        break;
    }
  }

  async #begin({ run, config, json }: Hello): Promise<void> {
    this.#aliveTimer = setInterval(() => this.#link.tell({ type: 'alive' }), ALIVE_MS);
    try {
      const { log: logConfig, ...stationConfig } = handedOn.parse(config);
      const log = createLogger(logConfig.level);
      this.log = log;
      const station = new Station(stationConfig, {
        logger: log,
        onRecord: findingPrinter(log, json),
        collect: (request) => this.#link.tell({ type: 'collect', request }),
      });
      await startAfterPredecessor(station, run);
      this.#station = station;
      this.#stopHeartbeat = startHeartbeat(
        heartbeatPath(stationConfig.store.path),
        () => stationProblems(station),
        (error) =>
          log.warn({ err: error }, 'the heartbeat file cannot be written; the health check will fail'),
      );
      this.#link.tell({
        type: 'welcome',
        leases: station.leaseHistory(),
        learned: station.learned(),
        findings: station.pastFindings(),
      });
    } catch (error) {
      const { lines, exitCode } = explainFailure(error);
      this.#link.tell({ type: 'failed', lines, exitCode });
      process.exitCode = exitCode;
      await this.#end(true);
    }
  }

  /** `isInOrder`: the sinks are given the time to take what waits. */
  async #end(isInOrder: boolean): Promise<void> {
    if (this.#isEnding) return;
    this.#isEnding = true;
    clearInterval(this.#aliveTimer);
    if (!isInOrder) this.log?.warn('the sensor is gone; the station ends with it');
    await this.#station?.stop({ drain: isInOrder });
    this.#stopHeartbeat({ isInOrder });
    this.#link.close(() => process.exit());
  }
}

async function startAfterPredecessor(station: Station, run: string): Promise<void> {
  const deadline = performance.now() + PREDECESSOR_MS;
  for (;;) {
    try {
      return await station.start(run);
    } catch (error) {
      const mayPass = error instanceof StoreError && error.code === 'STORE_IN_USE';
      if (!mayPass || performance.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, PREDECESSOR_POLL_MS));
  }
}
