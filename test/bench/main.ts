/**
 * `make bench`: how fast, against whom, and whether that is what was asked for. Exit code 1 when a target is missed.
 *
 *   tsx test/bench/main.ts [--rounds N] [--only files|analyzers|case|live|identity|dns|container-taps|evidence|formats|audit|throughput]
 */
import os from 'node:os';
import { parseArgs } from 'node:util';
import { measureAnalyzers } from './analyzers.ts';
import { measureAudit } from './audit.ts';
import { measureCase } from './case.ts';
import { measureContainerTaps } from './container-taps.ts';
import { measureDns } from './dns.ts';
import { measureEvidence } from './evidence.ts';
import { compareOnFile } from './files.ts';
import { measureFormats } from './formats.ts';
import { measureIdentity } from './identity.ts';
import { compareLive } from './live.ts';
import { isMet, type Target, targetText } from './report.ts';
import { measureThroughput } from './throughput.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '7' }, only: { type: 'string' } },
});
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1)
  throw new Error(`--rounds is ${values.rounds}, not a number of rounds`);

const [cpu] = os.cpus();
console.log(
  `${os.availableParallelism()} x ${cpu?.model ?? 'unknown processor'}, Linux ${os.release()}, Node ${process.version}`,
);
const [load] = os.loadavg();
if (load! > 0.5)
  console.log(`The machine is not idle (load ${load!.toFixed(1)}): look at ratios, not at times.`);

const targets: Target[] = [];
const isWanted = (part: string): boolean => values.only === undefined || values.only === part;
if (isWanted('files')) targets.push(...compareOnFile(rounds));
if (isWanted('analyzers')) targets.push(...measureAnalyzers(rounds));
if (isWanted('case')) targets.push(...measureCase());
if (isWanted('live')) targets.push(...(await compareLive()));
if (isWanted('identity')) targets.push(...(await measureIdentity()));
if (isWanted('dns')) targets.push(...measureDns());
if (isWanted('container-taps')) targets.push(...(await measureContainerTaps()));
if (isWanted('evidence')) targets.push(...(await measureEvidence()));
if (isWanted('formats')) targets.push(...measureFormats());
if (isWanted('audit')) targets.push(...(await measureAudit()));
if (isWanted('throughput')) targets.push(...(await measureThroughput()));

console.log('\ntargets');
for (const target of targets) console.log(`  ${targetText(target)}`);
process.exitCode = targets.every(isMet) ? 0 : 1;
