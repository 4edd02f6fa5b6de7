/** All sinks at once, each with a real receiver that can be made to fail, and the configuration that leads to them. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { socketPath } from '../../../src/station/api/socket-path.ts';
import { startWebhookPeer, type WebhookPeer } from '../../station/support/webhook-peer.ts';
import { type Alertmanager, startAlertmanager } from '../../support/alertmanager.ts';
import { EventClient } from '../../support/event-source.ts';
import { type Influxd, prepareInfluxd } from '../../support/influxd.ts';
import { NATS_SERVER_MISSING, type NatsServer, startNatsServer } from '../../support/nats-server.ts';
import { type Rsyslogd, startRsyslogd } from '../../support/rsyslogd.ts';
import { type FaultProxy, type RefusedLines, startFaultProxy } from './fault-proxy.ts';
import { idsOfAlerts, keyOfText, keysOfLine } from './keys.ts';
import { type Receiver, startReceiver } from './receiver.ts';
import { mountSmallDisks, SMALL_DISKS_MISSING, type SmallDisks } from './small-disks.ts';
import { REFUSED_ID } from './workload.ts';

/** The words are InfluxDB 1.6.7's own, for a line that it cannot read. */
const REFUSED_LINES: RefusedLines = {
  pathname: '/write',
  isRefused: (line) => line.includes(`id="${REFUSED_ID}`),
  words: "partial write: unable to parse 'LINE': invalid number dropped=0",
};

/** The slowest of them has a request for each record. */
const DRAIN_MS = 600_000;
const SECRET = 'the secret of the fault run';

export interface World {
  readonly directory: string;
  readonly configFile: string;
  readonly influxd: Influxd;
  readonly influxdb: FaultProxy;
  readonly receiver: Receiver;
  readonly webhook: FaultProxy;
  readonly alertmanager: Alertmanager;
  readonly alerts: FaultProxy;
  readonly rsyslogd: Rsyslogd;
  /** Undefined where it is not installed. */
  readonly nats: NatsServer | undefined;
  /** Undefined where none can be made. */
  readonly disks: SmallDisks | undefined;
  /** A client of the live feed, which comes back to each station with the id of the last event. */
  readonly feed: Feed;
  /** A path in the folder of the store, as this process may open it. */
  inStore(name: string): string;
  readonly findingsFile: string;
  readonly stdoutFile: string;
  readonly stderrFile: string;
  dispose(): Promise<void>;
}

export interface Feed {
  /** What came, in its order. */
  readonly came: readonly string[];
  readonly connections: () => number;
}

/** How soon the client of the feed comes back. */
const FEED_RETRY_MS = 50;

export async function startWorld(findings: number): Promise<World> {
  const directory = mkdtempSync(join(tmpdir(), 'bridgewatch-fault-run-'));
  chmodSync(directory, 0o755);
  const onDispose: (() => void | Promise<void>)[] = [
    () => rmSync(directory, { recursive: true, force: true }),
  ];
  const dispose = async () => {
    for (const end of onDispose.reverse()) await end();
  };
  const kept = <T extends { dispose(): Promise<void> } | { close(): Promise<void> }>(thing: T): T => {
    onDispose.push(() => ('dispose' in thing ? thing.dispose() : thing.close()));
    return thing;
  };
  try {
    const mebibytes = Math.max(64, Math.ceil(findings / 100));
    const disksAt = join(directory, 'disks');
    const disks =
      SMALL_DISKS_MISSING === undefined
        ? kept(await mountSmallDisks(disksAt, { influxdb: `${mebibytes}m`, store: `${mebibytes}m` }))
        : undefined;
    mkdirSync(join(disksAt, 'store'), { recursive: true });
    const influxd = kept(
      await prepareInfluxd({
        dataDirectory: join(disksAt, 'influxdb'),
        ...(disks === undefined ? {} : { prefix: disks.prefix }),
      }),
    );
    await influxd.start();
    const influxdb = kept(
      await startFaultProxy(influxd.port, {
        refusal: REFUSED_LINES,
        keysOf: ({ body }) => body.split('\n').flatMap(keysOfLine),
      }),
    );
    const receiver = kept(await startReceiver(SECRET));
    const webhook = kept(await startFaultProxy(receiver.port));
    const listener: WebhookPeer = kept(await startWebhookPeer());
    const alertmanager = kept(await startAlertmanager(listener.url));
    const alerts = kept(
      await startFaultProxy(Number(new URL(alertmanager.url).port), {
        keysOf: ({ body }) => idsOfAlerts(body),
      }),
    );
    const rsyslogd = kept(await startRsyslogd());
    const nats = NATS_SERVER_MISSING === undefined ? kept(await startNatsServer()) : undefined;
    const configFile = join(directory, 'config.yaml');
    const findingsFile = join(directory, 'out/findings.ndjson');
    writeFileSync(
      configFile,
      JSON.stringify({
        store: { path: join(disksAt, 'store/state/bridgewatch.db') },
        influxdb: { url: influxdb.url, drain_timeout_ms: DRAIN_MS },
        api: { listen: 'off' },
        log: { level: 'info' },
        sinks: [
          {
            type: 'file',
            path: findingsFile,
            kinds: ['finding'],
            rotate_max_bytes: 2_000_000,
            rotate_keep: 1000,
            drain_timeout_ms: DRAIN_MS,
          },
          {
            type: 'syslog',
            transport: 'tcp',
            host: '127.0.0.1',
            port: rsyslogd.tcpPort,
            kinds: ['finding'],
            min_severity: 'low',
            drain_timeout_ms: DRAIN_MS,
          },
          {
            type: 'webhook',
            url: `${webhook.url}/hook`,
            hmac_secret: SECRET,
            min_severity: 'medium',
            timeout_ms: 3000,
            drain_timeout_ms: DRAIN_MS,
          },
          {
            type: 'alertmanager',
            url: alerts.url,
            min_severity: 'critical',
            min_firing_secs: 0,
            resend_secs: 2,
            drain_timeout_ms: DRAIN_MS,
          },
          ...(nats === undefined
            ? []
            : [{ type: 'nats', servers: [nats.url], kinds: ['finding'], drain_timeout_ms: DRAIN_MS }]),
        ],
      }),
    );
    const inStore = (name: string) => {
      const path = join(disksAt, 'store/state', name);
      return disks === undefined ? path : disks.seen(path);
    };
    const feed = followedFeed(inStore('bridgewatch.db'));
    onDispose.push(() => feed.close());
    return {
      ...{
        directory,
        configFile,
        influxd,
        influxdb,
        receiver,
        webhook,
        alertmanager,
        alerts,
        rsyslogd,
        nats,
      },
      ...{ disks, inStore, feed, findingsFile },
      stdoutFile: join(directory, 'stdout'),
      stderrFile: join(directory, 'stderr'),
      dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function followedFeed(storePath: string): Feed & { close(): void } {
  const came: string[] = [];
  const client = new EventClient({
    socketPath: socketPath(storePath),
    path: '/api/v1/stream?kinds=finding&after=0',
    retryMs: FEED_RETRY_MS,
    onEvent: ({ data }) => came.push(keyOfText(data)),
  });
  return { came, connections: () => client.connections, close: () => client.close() };
}

/** The end of what the agent logged, for a failure's message. */
export function lastWords({ stderrFile }: World): string {
  return readFileSync(stderrFile, 'utf8').trimEnd().split('\n').slice(-12).join('\n');
}

/** How often it logged that. */
export function saidBy({ stderrFile }: World, words: string): number {
  return readFileSync(stderrFile, 'utf8').split(words).length - 1;
}
