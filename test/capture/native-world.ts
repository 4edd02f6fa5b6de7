/**
 * A network of the test's own, in a namespace of its own: a bridge `br0` with ports to `va` and `vc`, which stand
 * for two containers. Nothing of it is connected to the machine.
 */
import { execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { nativeBindingProblem } from '../../capture/native/index.ts';
import type { EndReason, FrameBatch, PacketSource } from '../../capture/source.ts';

const BLASTER_SOURCE = join(import.meta.dirname, '..', 'bench', 'packet-blaster.c');
const CACHE = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'bridgewatch');
/** Of packet-blaster.c: Ethernet, IPv4 and UDP headers, then a sequence number of 8 bytes. */
export const BLAST_HEADER_BYTES = 42;

/** Why these tests cannot run here, said loudly once a file; undefined when they can. */
export function missingForNative(): string | undefined {
  const missing = nativeBindingProblem()?.message ?? missingPrivilege();
  if (missing !== undefined) console.error(`SKIPPED: tests of the native capture: ${missing}`);
  return missing;
}

function missingPrivilege(): string | undefined {
  try {
    run('unshare', ['--net', '--mount', 'ip', 'link', 'add', 'br0', 'type', 'bridge']);
    return undefined;
  } catch (error) {
    return `no network namespace can be made here (root, iproute2 and util-linux are needed): ${error}`;
  }
}

export class World {
  readonly name = `bw${process.pid}-${randomBytes(3).toString('hex')}`;
  readonly netns = `/var/run/netns/${this.name}`;

  constructor(bridge = true) {
    run('ip', ['netns', 'add', this.name]);
    this.ip('link set lo up');
    if (bridge) this.addBridge();
  }

  /** `ip` inside. */
  ip(command: string): string {
    return run('ip', ['-n', this.name, ...command.split(' ')]);
  }

  addBridge(): void {
    this.ip('link add br0 type bridge');
    this.ip('link set br0 up');
    for (const [end, port] of [
      ['va', 'vb'],
      ['vc', 'vd'],
    ]) {
      this.ip(`link add ${end} type veth peer name ${port}`);
      this.ip(`link set ${port} master br0 up`);
      this.ip(`link set ${end} up`);
    }
  }

  /** Runs a command inside and gives its output. */
  async exec(command: string, ...args: string[]): Promise<string> {
    return runAsync('ip', ['netns', 'exec', this.name, command, ...args]);
  }

  /** Sends numbered UDP frames out of `va` and says how many left. */
  async blast(options: {
    packets?: number;
    seconds?: number;
    bytes?: number;
    rate?: number;
    iface?: string;
  }): Promise<number> {
    const { packets = 0, seconds = 10, bytes = 74, rate = 0, iface = 'va' } = options;
    const args = [iface, String(seconds), String(bytes), String(rate), String(packets)];
    const answer = await this.exec(blaster(), ...args);
    return (JSON.parse(answer) as { sent: number }).sent;
  }

  remove(): void {
    if (existsSync(this.netns)) run('ip', ['netns', 'del', this.name]);
  }
}

/** What a source delivered, counted while it runs. */
export class Collected {
  frames = 0;
  batches = 0;
  ended: EndReason | undefined;
  readonly end: Promise<EndReason>;

  constructor(source: PacketSource, onBatch: (batch: FrameBatch) => void = () => {}) {
    this.end = source.run((batch) => {
      this.frames += batch.count;
      this.batches++;
      onBatch(batch);
    });
    void this.end.then(
      (reason) => {
        this.ended = reason;
      },
      () => {},
    );
  }
}

/** Polls until the condition holds; fails with the description after the deadline. */
export async function until(what: string, condition: () => boolean, deadlineMs = 10_000): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await delay(5);
  }
}

export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Sequence number of a frame of the blaster. */
export function sequenceOf(batch: FrameBatch, index: number): number {
  return Number(batch.data.getBigUint64(batch.offset[index]! + BLAST_HEADER_BYTES));
}

export function run(command: string, args: readonly string[]): string {
  return execFileSync(command, args, {
    encoding: 'utf8',
    env: plainEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

export async function runAsync(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args, { env: plainEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const status = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${errors}${output}`);
  return output;
}

/** For a Node that loads the addon: a command line, since `run` gives its children no LD_PRELOAD. */
export function nodeCommand(script: string): string[] {
  const preload = `LD_PRELOAD=${process.env['LD_PRELOAD'] ?? ''}`;
  return ['env', preload, process.execPath, '--import', 'tsx', '--input-type=module', '-e', script];
}

/** A sanitizer preloaded into the tests (test/native-asan) is for what loads the addon, not for `ip` and the like. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const { LD_PRELOAD: _, ...rest } = process.env;
  return rest;
}

/** Built once for each version of its source; the renaming lets parallel test files do it at the same time. */
function blaster(): string {
  const version = createHash('sha256').update(readFileSync(BLASTER_SOURCE)).digest('hex').slice(0, 12);
  const program = join(CACHE, `packet-blaster-${version}`);
  if (!existsSync(program)) {
    mkdirSync(CACHE, { recursive: true });
    const unfinished = `${program}.${process.pid}`;
    run('cc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', unfinished, BLASTER_SOURCE]);
    renameSync(unfinished, program);
  }
  return program;
}
