/**
 * A capture file through the same pipeline as live traffic: same detectors, same findings, byte for byte the same on
 * each run. Nothing here reads a clock.
 */

import { basename } from 'node:path';
import type { FileProgress } from '../../capture/file.ts';
import type { CaptureBackend } from '../../capture/open.ts';
import { openCaptureFile } from '../../capture/open.ts';
import type { EndReason, PacketSource } from '../../capture/source.ts';
import type { Config } from '../config/schema.ts';
import type { LearnedRecord } from '../model/learned.ts';
import type { Network } from '../model/network.ts';
import type { AgentRecord, SummaryRecord } from '../model/record.ts';
import type { SpoofRecord } from '../model/spoof.ts';
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
  readonly path: string;
  readonly filter?: string;
  readonly backend: CaptureBackend;
  readonly config: Config;
  readonly analyzers: readonly AnalyzerDefinition[];
  readonly inventory: OfflineInventory;
  /** By an agent, before the capture. */
  readonly learned?: readonly LearnedRecord[];
  readonly wants: { readonly flows: boolean; readonly dns: boolean };
  readonly emit: (record: AgentRecord) => void;
  readonly onProgress?: (progress: FileProgress) => void;
  readonly log: WarningLog;
}

export interface ReplayResult {
  readonly summary: SummaryRecord;
  readonly end: EndReason;
  readonly notice?: string;
}

/** The MACs of the host that captured are not known: one that no container has is no spoof. */
const HOST_ELSEWHERE: HostMacs = { ownsMac: () => undefined, onInterface: () => false };

/** Rejects with a CaptureError when there is no capture to read; what breaks later is in `end`. */
export async function replay(options: ReplayOptions): Promise<ReplayResult> {
  const { config, inventory, wants } = options;
  const opened = await openCaptureFile(
    {
      path: options.path,
      ...(options.filter === undefined ? {} : { filter: options.filter }),
      ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
    },
    options.backend,
  );
  const counts = { findings: 0, losses: {} as Record<string, number> };
  const emit = (record: AgentRecord) => {
    if (record.kind === 'finding' && record.status === 'open') counts.findings++;
    if (record.kind === 'loss')
      counts.losses[record.source] = (counts.losses[record.source] ?? 0) + record.count;
    options.emit(record);
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
  const fileName = basename(options.path);
  const onSpoof = (record: SpoofRecord): void => {
    emit(record);
    detection.runner.spoof(record);
  };
  // A file that names its interface has named another than those of the inventory.
  const networkOf = (tap: Tap, ip: string, otherIp: string): Network | undefined =>
    tap.interface === fileName ? attribution.networkOf(ip, otherIp) : undefined;
  // An inventory without containers could call nobody's address somebody's.
  const sources = state.knowsContainers
    ? new SourceCheck({ state, host: HOST_ELSEWHERE, graceSecs: 0, networkOf, onSpoof, onLoss: emit })
    : new ArpContradictions({ networkOf, onSpoof, onLoss: emit });
  const networkOfMac = (tap: Tap, mac: string): Network | undefined => {
    const ids = new Set(state.book.byMac(mac).map(({ networkId }) => networkId));
    const [id] = ids;
    return tap.interface !== fileName || id === undefined || ids.size > 1 ? undefined : state.network(id);
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
  const taps = new FileTaps(pipeline, opened.source, networks);
  const end = await opened.source.run((batch) => pipeline.onBatch(batch, taps.known()));
  pipeline.finish();
  const { received, droppedByKernel, droppedByInterface } = opened.source.stats();
  if (droppedByKernel !== undefined && droppedByKernel > 0) counts.losses['kernel-ring'] = droppedByKernel;
  if (droppedByInterface !== undefined && droppedByInterface > 0)
    counts.losses['interface'] = droppedByInterface;
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
  };
  return { summary, end, ...(opened.notice === undefined ? {} : { notice: opened.notice }) };
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

/** The file's interfaces as taps; a pcapng file may describe more of them as it is read. */
class FileTaps {
  readonly #pipeline: Pipeline;
  readonly #source: PacketSource;
  readonly #networks: readonly Network[];
  readonly #taps: Tap[] = [];

  constructor(pipeline: Pipeline, source: PacketSource, networks: readonly Network[]) {
    this.#pipeline = pipeline;
    this.#source = source;
    this.#networks = networks;
  }

  known(): readonly Tap[] {
    const { interfaces } = this.#source;
    for (let i = this.#taps.length; i < interfaces.length; i++) {
      const { name, linkType } = interfaces[i]!;
      const network = this.#networks.find(({ bridge }) => bridge === name);
      this.#taps.push(
        this.#pipeline.attach({
          interface: name,
          linkType,
          vantage: 'file',
          ...(network === undefined ? {} : { network }),
        }),
      );
    }
    return this.#taps;
  }
}
