/**
 * The hermetic lab: a Docker host with a real engine and a fake internet beside it, in namespaces made for it.
 * Nothing in it can reach the machine's network, nothing of it is left behind: a lab goes with `stop()`, with the
 * process that made it, and at the latest when the next lab starts.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Engine, startEngine } from './engine.ts';
import { createMachine, labEnvironment, type Machine } from './machine.ts';
import { type LabNames, labNames, netnsPath, removeLab, removeStaleLabs, writeOwner } from './remains.ts';
import {
  type RunningProcess,
  type RunOptions,
  type RunResult,
  run,
  type StartOptions,
  start,
} from './run.ts';
import { createWorld, INTERNET, inNetns } from './world.ts';

/** host: the Docker host, with its own mounts and name. wan: the fake internet, with the machine's files. */
export type Place = 'host' | 'wan';

export interface LabOptions {
  /** Start dockerd. Default true. */
  readonly engine?: boolean;
  /** More arguments for dockerd. */
  readonly dockerd?: readonly string[];
  /**
   * What the host's resolv.conf names. Default the resolver on the internet; LOOPBACK_RESOLVER is a host with a local one.
   */
  readonly nameserver?: string;
  /** End this process (after cleaning) on SIGINT and SIGTERM. Default true; false when the caller does it. */
  readonly signals?: boolean;
}

export interface Lab {
  readonly id: string;
  /** Temporary directory of this lab; goes with it. */
  readonly dir: string;
  /** API socket for a client outside; inside the host it is /var/run/docker.sock. */
  readonly socket: string;
  /** What DOCKER_HOST must be for a client outside. */
  readonly dockerHost: string;
  /** Paths of the namespaces, as setns and the capture binding want them. */
  readonly netns: Readonly<Record<Place, string>>;
  /** The way from outside to a path in the lab's host, such as a container's SandboxKey. */
  fromOutside(path: string): string;
  readonly engine: Engine | undefined;
  /** Runs the docker client against the lab's engine; answers its trimmed stdout. */
  docker(args: readonly string[], options?: RunOptions): Promise<string>;
  exec(place: Place, argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Starts something that stays; it ends with the lab at the latest. */
  spawn(place: Place, argv: readonly string[], options?: StartOptions): RunningProcess;
  /** The full command line that enters a place, for callers that start processes themselves. */
  enter(place: Place, argv: readonly string[], cwd?: string): string[];
  /** The clean environment that everything in the lab gets. */
  readonly env: NodeJS.ProcessEnv;
  stop(): Promise<void>;
}

/** What createLab itself needs of the machine. */
const LAB_TOOLS = [
  'ip',
  'iptables',
  'nsenter',
  'unshare',
  'dockerd',
  'containerd',
  'runc',
  'docker',
  'busybox',
];

/**
 * Why no lab can be made here, in words for the person who asked; undefined when one can.
 * `tools` are the further programs that the asker wants to run in it.
 */
export function labObstacle(tools: readonly string[] = []): string | undefined {
  if (process.platform !== 'linux') return 'the lab needs Linux';
  if (process.getuid?.() !== 0) return 'the lab needs root (it makes network namespaces and starts dockerd)';
  const dirs = labPath();
  const missing = [...LAB_TOOLS, ...tools].filter((tool) => !dirs.some((dir) => existsSync(join(dir, tool))));
  return missing.length === 0
    ? undefined
    : `the lab needs ${missing.join(', ')} (\`make setup\` installs them)`;
}

function labPath(): string[] {
  return (labEnvironment(labNames(''))['PATH'] ?? '').split(':');
}

const living = new Map<string, LabNames>();
let watched = false;

export async function createLab(options: LabOptions = {}): Promise<Lab> {
  const obstacle = labObstacle();
  if (obstacle !== undefined) throw new Error(obstacle);
  removeStaleLabs();
  const names = labNames(randomBytes(4).toString('hex'));
  watchForTheEnd(options.signals ?? true);
  mkdirSync(names.dir, { mode: 0o755 });
  living.set(names.id, names);
  try {
    writeOwner(names);
    await createWorld(names);
    const machine = await createMachine(names, options.nameserver ?? INTERNET.resolver.v4);
    const engine = options.engine === false ? undefined : await startEngine(names, machine, options.dockerd);
    return assemble(names, machine, engine);
  } catch (error) {
    removeLab(names);
    living.delete(names.id);
    throw error;
  }
}

function assemble(names: LabNames, machine: Machine, engine: Engine | undefined): Lab {
  const env = labEnvironment(names);
  const socket = engine?.socket ?? join(names.dir, 'run/docker.sock');
  const dockerHost = `unix://${socket}`;
  const enter = (place: Place, argv: readonly string[], cwd?: string): string[] =>
    place === 'host' ? machine.enter(argv, cwd) : inNetns(names.wanNetns, argv);
  const clientEnv = { ...env, DOCKER_HOST: dockerHost, DOCKER_BUILDKIT: '0', DOCKER_CLI_HINTS: 'false' };
  return {
    id: names.id,
    dir: names.dir,
    socket,
    dockerHost,
    netns: { host: netnsPath(names.hostNetns), wan: netnsPath(names.wanNetns) },
    // /var/run is a link to /run, and would lead back to the machine's.
    fromOutside: (path) => `/proc/${machine.pid}/root${path.replace(/^\/var\/run\//, '/run/')}`,
    engine,
    env,
    enter,
    async docker(args, runOptions = {}) {
      const answer = await run(['docker', ...args], {
        ...runOptions,
        env: { ...clientEnv, ...runOptions.env },
      });
      return answer.stdout.trim();
    },
    exec: (place, argv, runOptions = {}) =>
      run(enter(place, argv, runOptions.cwd), {
        ...runOptions,
        cwd: '/',
        env: { ...env, ...runOptions.env },
      }),
    spawn: (place, argv, startOptions = {}) =>
      start(enter(place, argv, startOptions.cwd), {
        ...startOptions,
        cwd: '/',
        env: { ...env, ...startOptions.env },
      }),
    async stop() {
      removeLab(names);
      living.delete(names.id);
    },
  };
}

/** Whatever way this process ends, short of SIGKILL, its labs go with it. */
function watchForTheEnd(signals: boolean): void {
  if (watched) return;
  watched = true;
  process.on('exit', () => {
    for (const names of living.values()) removeLab(names);
  });
  if (!signals) return;
  process.on('SIGINT', () => process.exit(130));
  process.on('SIGTERM', () => process.exit(143));
}
