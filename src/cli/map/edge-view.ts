/** `map --edges` and `map --watch`: the edges of the last seconds, from the flows in the database. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../config/schema.ts';
import { type PublicFlow, printableJson } from '../../model/serialize.ts';
import { formatMicros, MICROS_PER_SECOND, wallMicros } from '../../model/time.ts';
import { mapEngine } from '../../sensor/map.ts';
import { openStoreReadOnly, type StoreReader } from '../../station/store/reader.ts';
import { HEARTBEAT_STALE_MS, heartbeatPath, readHeartbeat } from '../lib/heartbeat.ts';
import { clockText, complain, printLine } from '../lib/output.ts';
import { parseTime } from '../lib/time-range.ts';
import { type EdgePicture, edgeText, type PicturedNetwork } from './edge-text.ts';
import { edgesOf } from './edges.ts';
import { LiveScreen } from './live-screen.ts';

export interface EdgeOptions {
  readonly since: string;
  readonly json: boolean;
}

const REDRAW_MS = 2000;
/** The engine lists everything each time; networks come and go seldom. */
const ENGINE_EVERY_REDRAWS = 5;
/** Parsed in a fifth of a second; what is beyond is said. */
const MAX_FLOWS = 20_000;

/** Once. Rejects with a StoreError when there is no database; an engine that does not answer is a notice. */
export async function printEdges(config: Config, options: EdgeOptions): Promise<void> {
  const picture = await look(config, options);
  if (options.json) {
    printRecords(picture);
    for (const notice of picture.notices) complain(notice);
    return;
  }
  printLine(edgeText(await withNetworks(picture, config)));
}

/** Until it is interrupted. Where nothing can be drawn, records: a block for each look, told apart by their time. */
export async function watchEdges(config: Config, options: EdgeOptions): Promise<void> {
  if (options.json || !LiveScreen.isPossible()) return streamEdges(config, options);
  // Before the screen is taken: a path that is wrong from the start is an error like any other.
  let picture = await look(config, options);
  let networks: Pick<EdgePicture, 'networks' | 'notices'> = { notices: [] };
  const screen = new LiveScreen();
  const draw = () => {
    const notices = [...picture.notices, ...networks.notices];
    screen.draw(edgeText({ ...picture, networks: networks.networks, notices }, screen.size));
  };
  screen.open();
  process.stdout.on('resize', draw);
  try {
    for (let i = 0; ; i++) {
      if (i > 0) picture = await look(config, options).catch((error) => failed(picture, error));
      if (i % ENGINE_EVERY_REDRAWS === 0) networks = await askEngine(config);
      draw();
      await sleep(REDRAW_MS);
    }
  } finally {
    process.stdout.off('resize', draw);
    screen.close();
  }
}

async function streamEdges(config: Config, options: EdgeOptions): Promise<never> {
  let told = '';
  for (;;) {
    const picture = await look(config, options);
    printRecords(picture);
    // Once while it lasts, not with each look.
    const kinds = picture.notices.join('\n').replace(/\d+/g, '#');
    if (kinds !== told) for (const notice of picture.notices) complain(notice);
    told = kinds;
    await sleep(REDRAW_MS);
  }
}

function printRecords({ edges }: EdgePicture): void {
  for (const edge of edges) printLine(printableJson(edge));
}

async function look(config: Config, { since }: EdgeOptions): Promise<EdgePicture> {
  const now = wallMicros();
  const from = parseTime(since, '--since', now);
  const recordedEverySecs = config.flows.active_secs + config.flows.rollup_secs;
  const reader = await openStoreReadOnly(config.store.path);
  try {
    const rows = reader.queryFlows({
      since: from - recordedEverySecs * MICROS_PER_SECOND,
      limit: MAX_FLOWS,
    });
    const flows = rows.map(({ text }) => JSON.parse(text) as PublicFlow);
    const edges = edgesOf(flows, { from, to: now, recordedEverySecs });
    const cutShort =
      rows.length < MAX_FLOWS
        ? []
        : [`only the newest ${MAX_FLOWS} flows are summed up; a smaller --since sees all of its own`];
    return {
      time: formatMicros(now),
      windowSecs: Math.round((now - from) / MICROS_PER_SECOND),
      edges,
      notices: [...agentNotices(config), ...(edges.length === 0 ? [newestFlow(reader)] : []), ...cutShort],
    };
  } finally {
    reader.close();
  }
}

/** Without a live agent an empty picture is no quiet network. */
function agentNotices(config: Config): string[] {
  const heartbeat = readHeartbeat(heartbeatPath(config.store.path));
  if ('missing' in heartbeat) return [`nothing new comes: ${heartbeat.missing}`];
  const age = Date.now() - heartbeat.time;
  if (age <= HEARTBEAT_STALE_MS) return [];
  return [
    `nothing new comes: the agent (pid ${heartbeat.pid}) gave its last sign of life ${Math.round(age / 1000)} s ago`,
  ];
}

function newestFlow(reader: StoreReader): string {
  const [newest] = reader.queryFlows({ limit: 1 });
  return newest === undefined
    ? 'no flow was ever stored'
    : `the newest stored flow ended ${clockText(formatMicros(newest.time))}`;
}

async function withNetworks(picture: EdgePicture, config: Config): Promise<EdgePicture> {
  const { networks, notices } = await askEngine(config);
  return { ...picture, networks, notices: [...picture.notices, ...notices] };
}

async function askEngine(config: Config): Promise<Pick<EdgePicture, 'networks' | 'notices'>> {
  try {
    const { networks, containers } = await mapEngine(config.docker);
    const pictured = networks.map(
      (network): PicturedNetwork => ({
        network,
        containers: containers.filter(({ endpoints }) =>
          endpoints.some(({ networkId }) => networkId === network.id),
        ).length,
      }),
    );
    return { networks: pictured, notices: [] };
  } catch (error) {
    return {
      notices: [`networks without details: ${error instanceof Error ? error.message : String(error)}`],
    };
  }
}

/** The database went away under a picture that is being watched: the old one stays, and why. */
function failed(picture: EdgePicture, error: unknown): EdgePicture {
  const why = error instanceof Error ? error.message : String(error);
  return { ...picture, notices: [`as of ${clockText(picture.time)}: ${why}`] };
}
