/** A collector beside a pipeline, as in the agent, with a channel and clocks that the test holds. */

import { openFile } from '../../../capture/file.ts';
import { batchOf, type MemoryFrame } from '../../../capture/memory.ts';
import type { EvidencePiece } from '../../../src/model/evidence.ts';
import type { Finding } from '../../../src/model/finding.ts';
import type { LossRecord } from '../../../src/model/record.ts';
import { EvidenceCollector } from '../../../src/sensor/evidence/collector.ts';
import { type EvidenceConfig, evidenceConfig } from '../../../src/sensor/evidence/config.ts';
import type { World } from '../../../src/sensor/evidence/interest.ts';
import { collect, type Frame } from '../../support/frames.ts';
import { T0 } from '../../support/inventory-facts.ts';
import { inventory } from '../pipeline-run.ts';

export interface CollectorRun {
  readonly collector: EvidenceCollector;
  readonly pieces: EvidencePiece[];
  readonly losses: LossRecord[];
  /** The channel's, and whose it is. */
  readonly channel: { evidenceRoomBytes: number; evidenceListener: number };
  /** Seconds of the steady clock. */
  nowSecs: number;
  /** Frames of one tap, `data` unless another is named. */
  see(frames: readonly MemoryFrame[], network?: string): void;
  /** Until it has looked at all that is there. */
  settle(): Promise<void>;
  /** The same, when it may have to look again by itself. */
  waited(): Promise<void>;
  /** Called after each turn of the event loop while the test settles. */
  onTurn: () => void;
  begun(): Extract<EvidencePiece, { type: 'begin' }>[];
  ended(): Extract<EvidencePiece, { type: 'end' }>[];
  /** The pcapng of a collection, since it last began. */
  bytesOf(id: string): Buffer;
}

const ROOM = 1024 * 1024;
const SWEEP_MS = 5;
/** When it had no room it asks again after this. */
const ROOM_MS = 20;

export function startCollector(
  config: Partial<EvidenceConfig> = {},
  { problems = [] as readonly string[], world = worldOf() } = {},
): CollectorRun {
  const pieces: EvidencePiece[] = [];
  const losses: LossRecord[] = [];
  const channel = {
    evidenceRoomBytes: ROOM,
    evidenceListener: 0,
    sendEvidence: (piece: EvidencePiece) => void pieces.push(piece),
  };
  const places = new Map<string, number>();
  const steady = { nowSecs: 1000 };
  const run: CollectorRun = {
    collector: new EvidenceCollector({
      config: { ...evidenceConfig.parse({ ring_bytes: 4 * ROOM }), ...config },
      channel,
      world: () => world,
      snaplenBytes: 65_535,
      section: { application: 'Bridgewatch test', comments: ['host lab'] },
      problems: () => problems,
      emit: (loss) => losses.push(loss),
      sweepMs: SWEEP_MS,
      clock: { steadySecs: () => steady.nowSecs, wallMicros: () => T0 },
    }),
    pieces,
    losses,
    channel,
    get nowSecs() {
      return steady.nowSecs;
    },
    set nowSecs(secs) {
      steady.nowSecs = secs;
    },
    see(frames, name = 'data') {
      const place = places.get(name) ?? run.collector.attach(placeOf(world, name));
      places.set(name, place);
      run.collector.append(place, batchOf(frames));
    },
    async settle() {
      // A turn for each segment, and one in which it is seen that there are no more.
      for (let turn = 0; turn < 20; turn++) {
        await new Promise((resolve) => setImmediate(resolve));
        run.onTurn();
      }
    },
    async waited() {
      await new Promise((resolve) => setTimeout(resolve, SWEEP_MS + ROOM_MS + 5));
      await run.settle();
    },
    onTurn: () => {},
    begun: () => pieces.filter((piece) => piece.type === 'begin'),
    ended: () => pieces.filter((piece) => piece.type === 'end'),
    bytesOf(id) {
      const own = pieces.filter((piece) => 'id' in piece && piece.id === id);
      const last = own.findLastIndex(({ type }) => type === 'begin');
      return Buffer.concat(own.slice(last).flatMap((piece) => (piece.type === 'bytes' ? [piece.bytes] : [])));
    },
  };
  return run;
}

export function worldOf(): World {
  const state = inventory();
  return { networks: state.networks(), containers: state.containers(), isHostMac: (mac) => mac === HOST_MAC };
}

export const HOST_MAC = '02:42:5e:00:00:01';

/** `lo@NAME`: in the namespace of that container; else the network's bridge. */
function placeOf(world: World, name: string) {
  const facts = { linkType: 1, openedAt: T0, stats: () => ({ received: 7, droppedByKernel: 2 }) };
  if (name.startsWith('lo@'))
    return { ...facts, interface: name, askerId: () => `${name.slice('lo@'.length)}-id` };
  const network = world.networks.find((each) => each.name === name);
  return { ...facts, interface: network?.bridge ?? name, network };
}

/** The frames of a pcapng, by our own reader. */
export async function framesIn(path: string): Promise<readonly Frame[]> {
  const { frames } = await collect(await openFile({ path }));
  return frames;
}

export function finding(more: Partial<Finding> = {}): Finding {
  return {
    kind: 'finding',
    id: 'f00d000000000001',
    analyzer: 'port-scan',
    message: 'vertical',
    title: 'A scan',
    severity: 'medium',
    confidence: 'high',
    attack: [],
    firstSeen: T0,
    lastSeen: T0,
    count: 1,
    network: 'data',
    subject: {
      ip: '172.30.20.2',
      scope: 'lan',
      names: [],
      attribution: { method: 'range', confidence: 'certain' },
    },
    peers: [],
    flowUids: [],
    communityIds: [],
    evidence: {},
    explanation: 'something scans',
    status: 'open',
    reason: 'first report',
    key: 'k',
    ...more,
  };
}
