/**
 * Capture files through the same pipeline as live traffic: same detectors, same findings, byte for byte the same on
 * each run. Nothing here reads a clock.
 */

import { basename } from 'node:path';
import { type CaseFiles, endOfCase, type OpenedCase, openCase } from '../../capture/case.ts';
import type { CaptureBackend } from '../../capture/open.ts';
import type { CaptureStats, EndReason } from '../../capture/source.ts';
import type { Config } from '../config/schema.ts';
import type { CaseInput } from '../model/case-input.ts';
import type { LearnedRecord } from '../model/learned.ts';
import type { Network } from '../model/network.ts';
import type { AgentRecord, LossRecord, SummaryRecord } from '../model/record.ts';
import type { SpoofRecord } from '../model/spoof.ts';
import type { Micros } from '../model/time.ts';
import type { WarningLog } from '../telemetry/logger.ts';
import type { AnalyzerDefinition } from './analysis/analyzer.ts';
import { ArpContradictions } from './arp-contradictions.ts';
import { createDetection } from './detection.ts';
import { Attribution } from './docker/attribution.ts';
import { DockerDualHomed } from './docker/dual-homed.ts';
import type { OfflineInventory } from './docker/inventory-records.ts';
import { DockerSurroundings } from './docker/surroundings.ts';
import { createOutside } from './names/outside.ts';
import { Pipeline } from './pipeline.ts';
import { SourceCheck } from './source-check.ts';
import type { HostMacs } from './source-judgement.ts';
import type { Tap } from './taps/tap.ts';
import { ThreatLists } from './threat-lists/threat-lists.ts';

export interface ReplayOptions {
  readonly config: Config;
  readonly analyzers: readonly AnalyzerDefinition[];
  readonly inventory: OfflineInventory;
  /** By an agent, before the capture. */
  readonly learned?: readonly LearnedRecord[];
  readonly wants: { readonly flows: boolean; readonly dns: boolean };
  readonly emit: (record: AgentRecord) => void;
  readonly log: WarningLog;
}

export interface ReplayResult {
  readonly summary: SummaryRecord;
  readonly end: EndReason;
  readonly input: CaseInput;
}

type Seen = Pick<LossRecord, 'first' | 'last'>;

/** The MACs of the host that captured are not known: one that no container has is no spoof. */
const HOST_ELSEWHERE: HostMacs = { ownsMac: () => undefined, onInterface: () => false };

/** One file. Rejects with a CaptureError when there is no capture to read; what breaks later is in `end`. */
export async function replay(
  options: ReplayOptions & {
    readonly path: string;
    readonly filter?: string;
    readonly backend: CaptureBackend;
  },
): Promise<ReplayResult> {
  const { path, filter, backend } = options;
  return replayCase(
    await openCase({ paths: [path], ...(filter === undefined ? {} : { filter }) }, backend),
    options,
  );
}

/** What breaks is in `end`, of several files in `files`. */
export async function replayCase(capture: OpenedCase, options: ReplayOptions): Promise<ReplayResult> {
  const { config, inventory, wants } = options;
  const counts = { findings: 0, losses: {} as Record<string, number> };
  const emit = (record: AgentRecord) => {
    if (record.kind === 'finding' && record.status === 'open') counts.findings++;
    if (record.kind === 'loss')
      counts.losses[record.source] = (counts.losses[record.source] ?? 0) + record.count;
    options.emit(record);
    if (record.kind === 'loss') detection.runner.loss(record);
  };
  const threats = await loadThreats(config, options.log);
  const detection = createDetection({
    analyzers: options.analyzers,
    options: config.analyzers,
    findings: config.findings,
    emit,
    log: options.log,
    threats,
    // What a capture's inventory tells of ports is not told: whether one was published then is not known.
    surroundings: new DockerSurroundings(options.inventory.state, { knowsPorts: false }),
    ...(options.learned === undefined ? {} : { memory: { learned: options.learned, remember: () => {} } }),
  });
  const outside = createOutside(config);
  for (const problem of outside.problems()) options.log.error({ problem }, 'a geo database cannot be used');
  const hostAddresses = new Set(inventory.hostAddresses);
  const { state } = inventory;
  const attribution = new Attribution(state, {
    host: { has: (ip) => hostAddresses.has(ip), onInterface: () => false },
  });
  const unnamed = new WeakSet<Tap>();
  const onSpoof = (record: SpoofRecord): void => {
    emit(record);
    detection.runner.spoof(record);
  };
  // A file that names its interface has named another than those of the inventory.
  const networkOf = (tap: Tap, ip: string, otherIp: string): Network | undefined =>
    unnamed.has(tap) ? attribution.networkOf(ip, otherIp) : undefined;
  // An inventory without containers could call nobody's address somebody's.
  const sources = state.knowsContainers
    ? new SourceCheck({ state, host: HOST_ELSEWHERE, graceSecs: 0, networkOf, onSpoof, onLoss: emit })
    : new ArpContradictions({ networkOf, onSpoof, onLoss: emit });
  const networkOfMac = (tap: Tap, mac: string): Network | undefined => {
    const ids = new Set(state.book.byMac(mac).map(({ networkId }) => networkId));
    const [id] = ids;
    return !unnamed.has(tap) || id === undefined || ids.size > 1 ? undefined : state.network(id);
  };
  const pipeline = new Pipeline({
    sources,
    networkOfMac,
    flows: config.flows,
    dns: config.dns,
    names: attribution,
    outside,
    dualHomed: new DockerDualHomed(state),
    ...detection,
    emit,
    wants: { ...wants, traffic: false },
    seed: 0,
  });
  const networks = state.networks();
  pipeline.setNetworks(networks);
  const taps = new FileTaps(pipeline, capture, networks, unnamed);
  const end = await capture.source.run((batch) => pipeline.onBatch(batch, taps.known()));
  const { received, droppedByKernel = 0, droppedByInterface = 0 } = capture.source.stats();
  const seen = { first: pipeline.first ?? pipeline.now, last: pipeline.now };
  const files = capture.files();
  for (const loss of lossesOf(files, capture.source.stats(), seen)) emit(loss);
  detection.runner.capture({
    vantage: 'file',
    ...seen,
    packets: pipeline.packets,
    kernelDrops: droppedByKernel,
    interfaceDrops: droppedByInterface,
  });
  pipeline.finish();
  const { anomalies, notUnderstood, truncatedFrames } = pipeline.totals();
  if (truncatedFrames > 0) counts.losses['snaplen'] = truncatedFrames;
  const summary: SummaryRecord = {
    kind: 'summary',
    packets: Math.max(received, pipeline.packets),
    bytes: pipeline.bytes,
    ...(pipeline.first === undefined ? {} : { first: pipeline.first, last: pipeline.now }),
    flows: pipeline.flowsSeen,
    dnsQuestions: pipeline.dnsQuestions,
    findings: counts.findings,
    anomalies,
    notUnderstood,
    losses: counts.losses,
    ...inSummary(files),
  };
  const input = { ...files, inventory: inventory.about ?? { kind: 'none' } } as const;
  return { summary, end: endOfCase(end, files), input };
}

/** Of one file its end says enough. */
function inSummary(files: CaseFiles): Pick<SummaryRecord, 'files' | 'duplicates'> {
  const { ends, notCaptures, duplicates } = files;
  const counts = Object.entries({ ...ends, 'not-a-capture': notCaptures }).filter(([, count]) => count > 0);
  if (files.files.length + notCaptures <= 1) return {};
  return { files: Object.fromEntries(counts), ...(duplicates > 0 ? { duplicates } : {}) };
}

/** What the capturing programs wrote that they lost, in the time of their file. */
function* lossesOf({ files, unlisted }: CaseFiles, all: CaptureStats, seen: Seen): Generator<LossRecord> {
  let { droppedByKernel: byKernel = 0, droppedByInterface: byInterface = 0 } = all;
  for (const { path, first = seen.first, last = seen.last, ...file } of files) {
    const { droppedByKernel = 0, droppedByInterface = 0 } = file;
    yield* losses(basename(path), droppedByKernel, droppedByInterface, { first, last }, seen.last);
    byKernel -= droppedByKernel;
    byInterface -= droppedByInterface;
  }
  yield* losses(`${unlisted} further files`, byKernel, byInterface, seen, seen.last);
}

function* losses(
  where: string,
  byKernel: number,
  byInterface: number,
  span: Seen,
  time: Micros,
): Generator<LossRecord> {
  const loss = { kind: 'loss', time, where, ...span } as const;
  if (byKernel > 0) yield { ...loss, source: 'kernel-ring', count: byKernel };
  if (byInterface > 0) yield { ...loss, source: 'interface', count: byInterface };
}

/** What cannot be used is said; the file is analysed with the others. */
async function loadThreats({ threat_lists: config }: Config, log: WarningLog): Promise<ThreatLists> {
  const threats = new ThreatLists(config, ({ list, problem, remarks }) => {
    if (problem !== undefined) log.warn({ list, problem }, 'a threat list cannot be used');
    for (const remark of remarks) log.warn({ list, remark }, 'lines of a threat list were passed over');
  });
  await threats.reload();
  return threats;
}

/** The interfaces of the files as taps; more of them become known as the files are read. */
class FileTaps {
  readonly #pipeline: Pipeline;
  readonly #capture: OpenedCase;
  readonly #networks: readonly Network[];
  readonly #unnamed: WeakSet<Tap>;
  readonly #taps: Tap[] = [];

  constructor(pipeline: Pipeline, capture: OpenedCase, networks: readonly Network[], unnamed: WeakSet<Tap>) {
    this.#pipeline = pipeline;
    this.#capture = capture;
    this.#networks = networks;
    this.#unnamed = unnamed;
  }

  known(): readonly Tap[] {
    const { interfaces } = this.#capture.source;
    for (let i = this.#taps.length; i < interfaces.length; i++) {
      const { name, linkType } = interfaces[i]!;
      const network = this.#networks.find(({ bridge }) => bridge === name);
      const tap = this.#pipeline.attach({
        interface: name,
        linkType,
        vantage: 'file',
        ...(network === undefined ? {} : { network }),
      });
      if (this.#capture.isUnnamed(i)) this.#unnamed.add(tap);
      this.#taps.push(tap);
    }
    return this.#taps;
  }
}
