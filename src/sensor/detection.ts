/** The analyzers and the life of their findings, wired: what a live agent and a replay have in common. */
import type { AnalyzerOptions } from '../config/schema.ts';
import type { PastFinding } from '../model/past-finding.ts';
import type { AgentRecord } from '../model/record.ts';
import type { ErrorLog } from '../telemetry/logger.ts';
import type { AnalyzerDefinition, Surroundings, Threats } from './analysis/analyzer.ts';
import { type AnalyzerMemory, AnalyzerRunner } from './analysis/runner.ts';
import type { FindingsConfig } from './findings/config.ts';
import { FindingManager } from './findings/manager.ts';

export interface DetectionOptions {
  readonly analyzers: readonly AnalyzerDefinition[];
  /** Checked options by analyzer id; the defaults where there are none. */
  readonly options: Readonly<Record<string, AnalyzerOptions>>;
  readonly findings: FindingsConfig;
  readonly emit: (record: AgentRecord) => void;
  readonly log: ErrorLog;
  readonly surroundings?: Surroundings | undefined;
  readonly threats?: Threats | undefined;
  /** Without it nothing that is learned outlives this run. */
  readonly memory?: AnalyzerMemory | undefined;
  /** Findings that the runs before this one told: seen again in time, they go on. */
  readonly past?: readonly PastFinding[] | undefined;
}

export interface Detection {
  readonly runner: AnalyzerRunner;
  readonly findings: FindingManager;
}

export function createDetection({
  analyzers,
  options,
  findings,
  emit,
  log,
  surroundings,
  threats,
  memory,
  past = [],
}: DetectionOptions): Detection {
  const manager = new FindingManager({ config: findings, onFinding: emit, onLoss: emit, past });
  const runner = new AnalyzerRunner({
    analyzers: analyzers
      .filter(({ id }) => options[id]?.enabled !== false)
      .map((definition) => ({
        definition,
        config: options[definition.id]?.options ?? definition.config.parse({}),
      })),
    findings: manager,
    surroundings,
    threats,
    memory,
    onLoss: emit,
    onFailure: ({ error, ...failure }) =>
      log.error({ ...failure, err: error }, 'an analyzer has a bug; the others go on'),
  });
  return { runner, findings: manager };
}
