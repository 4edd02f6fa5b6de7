/**
 * The station as a process of its own, without the sensor's privileges: started, listened to, started again. The first
 * start must succeed; after that nothing that happens to the station ends the sensor.
 */
import { randomUUID } from 'node:crypto';
import { StationLink } from '../../channel/station-link.ts';
import { StationProcess } from '../../channel/station-process.ts';
import { giveStore } from '../../channel/unprivileged.ts';
import type { Config } from '../../config/schema.ts';
import type { EvidenceRequest } from '../../model/evidence.ts';
import type { Memory } from '../../sensor/agent.ts';
import { revealed } from '../../station/secret.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { EXIT } from '../lib/exit-codes.ts';
import { StationFailure } from '../lib/failure.ts';
import { HEARTBEAT_INTERVAL_MS } from '../lib/heartbeat.ts';
import { makeSinkFolders } from './sink-files.ts';
import type { StationSide } from './station-side.ts';
import { stationProcessOf } from './station-user.ts';

/** Beyond what the sinks may take to be drained. */
const STOP_GRACE_MS = 10_000;

/** A disk can keep the station waiting for long; this is longer. */
const HUNG_AFTER_MS = 120_000;

export async function stationApart(config: Config, log: Logger, json: boolean): Promise<StationSide> {
  const { store, influxdb, sinks, api, log: logConfig } = config;
  const command = stationProcessOf(config);
  if (command.notice !== undefined)
    log.warn({ notice: command.notice }, 'less separation than there could be');
  if (command.user !== undefined) {
    giveStore(store.path, command.user);
    makeSinkFolders(config, command.user);
  }
  let begin!: (memory: Memory) => void;
  let giveUp!: (failure: StationFailure) => void;
  const memoryOf = new Promise<Memory>((resolve, reject) => {
    begin = resolve;
    giveUp = reject;
  });
  let collect: (request: EvidenceRequest) => void = () => {};
  const link = new StationLink({
    run: randomUUID(),
    config: revealed({ store, influxdb, sinks, api, log: logConfig }),
    json,
    onMessage: (message) => {
      switch (message.type) {
        case 'welcome':
          child.isWell();
          begin(message);
          break;
        case 'collect':
          collect(message.request);
          break;
        case 'failed':
          giveUp(new StationFailure(message.lines, message.exitCode));
          log.error({ problems: message.lines }, 'the station cannot start');
          break;
      }
    },
    onNonsense: () => {
      log.error('the station says what no station says; it is ended');
      child.hangUp();
    },
  });
  const child = new StationProcess({
    command,
    link,
    log,
    onStillborn: (how) =>
      giveUp(new StationFailure([`the station's process ended at once: ${how}`], EXIT.world)),
  });
  child.start();
  const memory = await memoryOf;
  log.info(
    { user: command.user?.name ?? (process.getuid?.() === 0 ? 'root, without capabilities' : 'the same') },
    'the station runs as a process of its own',
  );
  const longestDrainMs = Math.max(...[influxdb, ...sinks].map((sink) => sink.drain_timeout_ms));
  let timer: NodeJS.Timeout | undefined;
  return {
    sender: link,
    memory,
    watch(state) {
      const tell = () => {
        const { problems, metrics } = state();
        link.tellState({ problems, metrics: [...metrics, ...link.metrics()] });
        if (link.silentMs < HUNG_AFTER_MS) return;
        log.error({ silentMs: Math.round(link.silentMs) }, 'the station hangs; it is ended');
        child.hangUp();
      };
      tell();
      timer = setInterval(tell, HEARTBEAT_INTERVAL_MS);
    },
    onCollect(answer) {
      collect = answer;
    },
    async stop() {
      clearInterval(timer);
      await child.stop(longestDrainMs + STOP_GRACE_MS);
    },
  };
}
