/** `make run`: the agent on this machine's Docker or, where there is none, in the sealed lab. */
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lookForDocker } from './docker-here.ts';
import { whatToRun } from './what-to-run.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const LAB_PACKAGES = [join(ROOT, 'scripts/setup.sh'), 'lab'];

const docker = await lookForDocker(process.env);
const plan = whatToRun(docker, {
  labForbidden: /^(no|0|false|off)$/i.test(process.env['LAB'] ?? ''),
  root: process.getuid?.() === 0,
});
for (const line of plan.explanation) console.error(line);

if (plan.action === 'lab') {
  spawnSync('bash', LAB_PACKAGES, { stdio: 'inherit' });
  become([join(ROOT, 'node_modules/.bin/tsx'), join(ROOT, 'test/lab/main.ts')]);
} else {
  become([process.execPath, join(ROOT, 'bin/bridgewatch'), 'run', ...process.argv.slice(2)]);
}

/** As near to exec as Node 20 comes: the same terminal, signals passed on, the same end. */
function become(argv: readonly [string, ...string[]]): void {
  const [file, ...args] = argv;
  const child = spawn(file, args, { stdio: 'inherit', cwd: ROOT });
  // On Ctrl-C the terminal signals both of us; only what is sent to this process alone has to be passed on.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  child.once('exit', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143);
  });
}
