/**
 * In the lab's host: where an audit's time goes, as JSON on stdout, in seconds. Each fact is read alone, beside what all
 * of them need; what reading several at once saves is the difference to the sum.
 */
import { loadConfig } from '../../../src/config/load.ts';
import { auditFacts } from '../../../src/sensor/audit/audit.ts';
import { type AuditFacts, type FactName, notKnown } from '../../../src/sensor/audit/facts.ts';
import { gatherFacts } from '../../../src/sensor/audit/gather.ts';
import { ANALYZERS } from '../../../src/sensor/detectors.ts';

/** Not of the engine's answers, and not read by who calls the audit. */
const ALONE: readonly FactName[] = [
  ...(['host', 'listeners', 'switches', 'firewall', 'nameServers', 'namespaces'] as const),
];

const ROUNDS = 5;

const { docker } = loadConfig({ env: process.env, flags: {}, analyzers: ANALYZERS });
const seconds = async <T>(work: () => T | Promise<T>): Promise<readonly [number, T]> => {
  const begin = performance.now();
  const result = await work();
  return [(performance.now() - begin) / 1000, result];
};
const read = (...names: readonly FactName[]) => gatherFacts(docker, new Set(names));

/** Neighbours only ever add: the least of some rounds in turn. */
const least: Record<string, number> = {};
const timed = async <T>(what: string, work: () => T | Promise<T>): Promise<T> => {
  const [secs, result] = await seconds(work);
  least[what] = Math.min(least[what] ?? Number.POSITIVE_INFINITY, secs);
  return result;
};
const ALL = 'all facts';
const ENGINE = "the engine's answers, and its process";
const CHECKS = 'all checks';

// What is loaded once, and compiled.
const facts = await read(...ALONE);
const known: AuditFacts = { ...facts, traffic: notKnown('not of this bench', '') };
const audit = auditFacts(known);
for (let round = 0; round < ROUNDS; round++) {
  await timed(ENGINE, () => read());
  for (const name of ALONE) await timed(name, () => read(name));
  await timed(ALL, () => read(...ALONE));
  await timed(CHECKS, () => auditFacts(known));
}
if (audit.containers < 1) throw new Error('the engine has no container');
const beyond = ALONE.map((name) => [name, Math.max(0, least[name]! - least[ENGINE]!)] as const);
process.stdout.write(
  JSON.stringify({
    [ALL]: least[ALL],
    [ENGINE]: least[ENGINE],
    ...Object.fromEntries(beyond),
    [CHECKS]: least[CHECKS],
  }),
);
