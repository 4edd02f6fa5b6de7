/**
 * `make soak`: the lab of the detectors' tests without an attack, for half an hour (MINUTES=n for another time). Everybody
 * only works, so whoever is accused above low is accused wrongly, and what the agent holds must not grow. Ends with 1
 * when either happened, else with 0.
 */
import { table } from '../../docs/markdown.ts';
import { SEVERITIES, type Severity } from '../../src/model/finding.ts';
import type { PublicFinding, PublicFlow } from '../../src/model/serialize.ts';
import { type AgentProcess, complaints, startAgentProcess } from '../integration/agent-process.ts';
import { importBusybox, importTools } from './images.ts';
import { startInternet } from './internet.ts';
import { createLab, type Lab, labObstacle } from './lab.ts';
import {
  isAbout,
  isAboveLow,
  makeNetworks,
  startTargets,
  startWork,
  TARGETS,
  WORK_TOOLS,
} from './neighbourhood.ts';
import { type ProcessUse, processUse } from './process-use.ts';
import { HOST_WORK, WORKLOADS } from './workloads.ts';

const MINUTE_MS = 60_000;
const minutes = Number(process.env['MINUTES'] || 30);
/** Until then maps, caches and the heap grow to what the load needs: growth is counted from the first third's end on. */
const WARM_SHARE = 1 / 3;
const SAMPLE_MS = Math.min(15_000, (minutes * MINUTE_MS) / 24);
/** Of both processes together. What all detectors may hold at their bounds, which a third of a soak may not reach. */
const MOST_GROWTH_BYTES = 60e6;
/** Taps and sockets of containers that come and go at the moment of counting. */
const MOST_MORE_FILES = 16;

if (!(minutes > 0)) {
  console.error(`MINUTES=${process.env['MINUTES']} is no number of minutes.`);
  process.exit(2);
}
const obstacle = labObstacle([...WORK_TOOLS, 'dnsmasq']);
if (obstacle !== undefined) {
  console.error(`No soak here: ${obstacle}.`);
  process.exit(3);
}
process.exit(await main());

async function main(): Promise<number> {
  const lab = await createLab();
  try {
    await startInternet(lab);
    await importBusybox(lab);
    await importTools(lab, WORK_TOOLS);
    await makeNetworks(lab);
    const agent = await startAgentProcess(lab, 'agent');
    await startWork(lab, await startTargets(lab));
    tell(`Everybody works. The agent watches for ${minutes} minutes.`);
    const samples = await watch(agent);
    return report(agent, samples, await ended(lab));
  } finally {
    await lab.stop();
  }
}

async function watch(agent: AgentProcess): Promise<ProcessUse[]> {
  const end = performance.now() + minutes * MINUTE_MS;
  const samples: ProcessUse[] = [];
  const told = new Set<string>();
  while (performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
    if (!agent.process.running()) throw new Error(`the agent ended: ${agent.process.output().trim()}`);
    samples.push(processUse(agent.process.pid));
    for (const finding of agent.findings()) {
      const line = `${finding.severity} ${finding.analyzer}: ${finding.explanation}`;
      const id = `${finding.id} ${finding.severity}`;
      if (!told.has(id)) tell(`${isAboveLow(finding) ? '*** ' : ''}${line}`);
      told.add(id);
    }
  }
  return samples;
}

/** Containers of ours that do not run any more: a soak of dead workloads would prove nothing. */
async function ended(lab: Lab): Promise<string[]> {
  const names = await lab.docker(['ps', '--all', '--filter', 'status=exited', '--format', '{{.Names}}']);
  return names.split('\n').filter((name) => name !== '' && name !== 'catalog' && !name.startsWith('job-'));
}

function report(agent: AgentProcess, samples: readonly ProcessUse[], dead: readonly string[]): number {
  const findings = agent.findings();
  const flows = agent.stored('flow');
  const started = agent
    .stored('inventory')
    .filter(({ change, object }) => change === 'added' && object === 'container').length;
  const losses = agent.stored('loss').filter(({ source }) => source !== 'analyzer-window');
  const warnings = complaints(agent.log);
  const accused = findings.filter(isAboveLow);
  const growth = growthOf(samples);
  console.log(`\n${table([['who', 'analyzer', 'severity', 'findings', 'times'], ...rows(findings)])}\n`);
  tell(`${flows.length} flows of ${started} containers.`);
  tell(`Above low: ${accused.length}.`);
  tell(
    `Memory: ${megabytes(growth.before.residentBytes)} MB after a third of the time, ${megabytes(growth.after.residentBytes)} MB at the end.`,
  );
  tell(`Open files: ${growth.before.openFiles}, then ${growth.after.openFiles}.`);
  for (const { source, where, count } of losses) tell(`Lost: ${count} at ${source} ${where}.`);
  for (const { msg, ...fields } of warnings.slice(0, 20)) tell(`Warned: ${msg} ${JSON.stringify(fields)}`);
  const failures = [
    ...accused.map(({ severity, analyzer, explanation }) => `${severity} ${analyzer}: ${explanation}`),
    ...dead.map((name) => `${name} ended, so it proved nothing`),
    ...silent(flows).map((name) => `${name} was never seen to do anything, so it proved nothing`),
    ...(growth.bytes > MOST_GROWTH_BYTES
      ? [`memory grew by ${megabytes(growth.bytes)} MB, more than ${megabytes(MOST_GROWTH_BYTES)} MB`]
      : []),
    ...(growth.files > MOST_MORE_FILES
      ? [`open files grew by ${growth.files}, more than ${MOST_MORE_FILES}`]
      : []),
  ];
  for (const failure of failures) console.error(`*** ${failure}`);
  return failures.length === 0 ? 0 : 1;
}

function silent(flows: readonly PublicFlow[]): string[] {
  const seen = flows.flatMap(({ orig, resp }) => [orig, resp]);
  return [...WORKLOADS, ...HOST_WORK, ...TARGETS]
    .map(({ id }) => id)
    .filter((id) => !seen.some((subject) => isAbout(id, { subject })));
}

function rows(findings: readonly PublicFinding[]): string[][] {
  const counts = new Map<string, { readonly row: readonly string[]; findings: number; times: number }>();
  for (const { subject, analyzer, severity, count } of findings) {
    const { composeService, name } = subject.workload ?? {};
    const row = [composeService ?? name ?? `${subject.scope} ${subject.ip}`, analyzer, severity];
    const entry = counts.get(row.join()) ?? { row, findings: 0, times: 0 };
    entry.findings += 1;
    entry.times += count;
    counts.set(row.join(), entry);
  }
  const graver = (a: readonly string[], b: readonly string[]): number =>
    SEVERITIES.indexOf(b[2] as Severity) - SEVERITIES.indexOf(a[2] as Severity);
  return [...counts.values()]
    .sort((a, b) => graver(a.row, b.row) || a.row.join().localeCompare(b.row.join()))
    .map(({ row, findings, times }) => [...row, String(findings), String(times)]);
}

/** Medians, so that no single moment decides. */
function growthOf(samples: readonly ProcessUse[]) {
  const part = Math.ceil(samples.length / 6);
  const warm = Math.floor(samples.length * WARM_SHARE);
  const before = middleOf(samples.slice(warm, warm + part));
  const after = middleOf(samples.slice(-part));
  return {
    before,
    after,
    bytes: after.residentBytes - before.residentBytes,
    files: after.openFiles - before.openFiles,
  };
}

function middleOf(samples: readonly ProcessUse[]): ProcessUse {
  return { residentBytes: median(samples, 'residentBytes'), openFiles: median(samples, 'openFiles') };
}

function median(samples: readonly ProcessUse[], key: keyof ProcessUse): number {
  const values = samples.map((sample) => sample[key]).sort((a, b) => a - b);
  return values[Math.floor(values.length / 2)] ?? 0;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

function tell(text: string): void {
  console.log(`${new Date().toISOString().slice(11, 19)}  ${text}`);
}
