/**
 * One live tap in a process of its own, so that what it costs is its own: opens, says `ready`, counts frames until its
 * stdin ends, and prints {"frames","cpuSeconds","endedEarly"?}. Start-up does not count.
 *
 *   node --import tsx live-capture.ts native|portable INTERFACE
 */
import { readdirSync, readFileSync } from 'node:fs';
import { openLiveTap } from '../../capture/open.ts';

const TICKS_PER_SECOND = 100;
const QUIET_MS = 300;

const [backend, name] = process.argv.slice(2);
if ((backend !== 'native' && backend !== 'portable') || name === undefined)
  throw new Error('usage: live-capture.ts native|portable INTERFACE');

const { source } = await openLiveTap({ interface: name, filter: 'udp dst port 5001' }, backend);
/** Where the portable backend captures; the loader's own helper processes do not count. */
const children = childrenOf(process.pid).filter((pid) =>
  readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('portable/child'),
);
if (children.length !== (backend === 'portable' ? 1 : 0))
  throw new Error(`${children.length} capturing children`);
let frames = 0;
let lastFrameAt = 0;
const before = cpuSeconds() ?? 0;
let spent = 0;
let endedEarly: string | undefined;
const sample = (): void => {
  spent = (cpuSeconds() ?? spent + before) - before;
};
// Now and then, because a child that died cannot be asked any more.
const sampling = setInterval(sample, 100);
const ended = source.run((batch) => {
  frames += batch.count;
  lastFrameAt = performance.now();
});
void ended.then((end) => {
  if (end.reason !== 'closed') endedEarly = 'detail' in end ? end.detail : end.reason;
});
process.stdout.write('ready\n');
process.stdin.resume();
process.stdin.once('end', () => {
  const timer = setInterval(() => {
    if (performance.now() - lastFrameAt < QUIET_MS) return;
    clearInterval(timer);
    clearInterval(sampling);
    sample();
    source.close();
    void ended.then(() => console.log(JSON.stringify({ frames, cpuSeconds: spent, endedEarly })));
  }, 50);
});

/** Of this process and its child; undefined once the child is gone. */
function cpuSeconds(): number | undefined {
  const { user, system } = process.cpuUsage();
  try {
    return (user + system) / 1e6 + children.reduce((sum, pid) => sum + cpuOf(pid), 0);
  } catch {
    return undefined;
  }
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number),
  );
}

/** utime and stime of proc(5), which are counted after the name in parentheses. */
function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
