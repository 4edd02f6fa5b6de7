/**
 * The engine's own process, where /proc shows it: its options that no API tells (`--dns`), and its view of the file
 * system, which is the host's also where ours is a container's. Containers can call a process `dockerd` too, so
 * only root's are taken, in our own PID namespace, that no container holds.
 */
import { access, readdir, readlink, stat } from 'node:fs/promises';
import { addressesOf } from './resolv-conf.ts';
import { readSmallFile } from './small-file.ts';

export interface EngineProcess {
  /** Where its `/` is found from here. */
  readonly root: string;
  readonly dataRoot: string;
  /** Where it keeps what lives only as long as containers do. */
  readonly execRoot: string;
  /** `dns` of daemon.json or of the command line; empty when the engine takes the host's resolvers. */
  readonly dns: readonly string[];
  /** Its directory in /proc. */
  readonly dir: string;
  /** Its command line, the program's name left out. */
  readonly options: readonly string[];
  /** Its daemon.json: what is in it, empty where there is none; undefined where one is that cannot be read as JSON. */
  readonly config: Readonly<Record<string, unknown>> | undefined;
  /** As it was told, on its own file system. */
  readonly configFile: string;
}

const MAX_FILE_BYTES = 1024 * 1024;
const CONTAINER_ID = /[0-9a-f]{64}/g;

export async function findEngines(proc = '/proc'): Promise<EngineProcess[]> {
  const pids = (await readdir(proc).catch(() => [])).filter((name) => /^\d+$/.test(name));
  const found: EngineProcess[] = [];
  // One after the other: some hundreds of small reads must not crowd out the threads that others wait for.
  for (const pid of pids) {
    const comm = await readSmallFile(`${proc}/${pid}/comm`, MAX_FILE_BYTES);
    if (comm?.trim() !== 'dockerd' || !(await isHosts(proc, pid))) continue;
    const engine = await readEngine(proc, pid);
    if (engine !== undefined) found.push(engine);
  }
  return found;
}

/** The engine that keeps this file of a container: the only one, or the one whose data it lies in. */
export function engineOf(engines: readonly EngineProcess[], path: string | undefined) {
  if (engines.length === 1) return engines[0];
  return engines.find(({ dataRoot }) => path?.startsWith(`${dataRoot}/`) === true);
}

async function isHosts(proc: string, pid: string): Promise<boolean> {
  const [owner, itsSpace, ourSpace, itsGroups, ourGroups] = await Promise.all([
    stat(`${proc}/${pid}`).then(
      ({ uid }) => uid,
      () => undefined,
    ),
    readlink(`${proc}/${pid}/ns/pid`).catch(() => undefined),
    readlink(`${proc}/self/ns/pid`).catch(() => undefined),
    readSmallFile(`${proc}/${pid}/cgroup`, MAX_FILE_BYTES),
    readSmallFile(`${proc}/self/cgroup`, MAX_FILE_BYTES),
  ]);
  if (owner !== 0 || itsSpace === undefined || itsSpace !== ourSpace || itsGroups === undefined) return false;
  // This whole machine may be a container of another engine: its id then stands in our own control group as well.
  return (itsGroups.match(CONTAINER_ID) ?? []).every((id) => ourGroups?.includes(id) === true);
}

async function readEngine(proc: string, pid: string): Promise<EngineProcess | undefined> {
  const root = `${proc}/${pid}/root`;
  const commandLine = await readSmallFile(`${proc}/${pid}/cmdline`, MAX_FILE_BYTES);
  if (commandLine === undefined) return undefined;
  const options = commandLine.split('\0');
  const configFile = valuesOf(options, '--config-file').at(-1) ?? '/etc/docker/daemon.json';
  const json = parseConfig(await readConfigFile(`${root}${configFile}`));
  const config = readConfig(json);
  const dataRoot = [...valuesOf(options, '--data-root'), ...valuesOf(options, '-g')].at(-1);
  return {
    root,
    dataRoot: directory(dataRoot ?? config.dataRoot ?? '/var/lib/docker'),
    execRoot: directory(valuesOf(options, '--exec-root').at(-1) ?? config.execRoot ?? '/var/run/docker'),
    // The engine refuses to start when both name some.
    dns: addressesOf([...valuesOf(options, '--dns'), ...config.dns]),
    dir: `${proc}/${pid}`,
    options: options.slice(1).filter((option) => option !== ''),
    config: json,
    configFile,
  };
}

/** Empty text where there is none, undefined where there is one that we may not read. */
async function readConfigFile(path: string): Promise<string | undefined> {
  const text = await readSmallFile(path, MAX_FILE_BYTES);
  if (text !== undefined) return text;
  const code = await access(path).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code,
  );
  return code === 'ENOENT' ? '' : undefined;
}

function directory(path: string): string {
  return path.replace(/\/+$/, '');
}

/** `--dns A`, `--dns=A`, and `--dns A,B` for lists. */
export function valuesOf(options: readonly string[], name: string): string[] {
  return options.flatMap((option, i) => {
    if (option === name) return options[i + 1]?.split(',') ?? [];
    return option.startsWith(`${name}=`) ? option.slice(name.length + 1).split(',') : [];
  });
}

interface EngineConfig {
  readonly dns: readonly string[];
  readonly dataRoot?: string;
  readonly execRoot?: string;
}

function parseConfig(text: string | undefined): EngineProcess['config'] {
  if (text === undefined) return undefined;
  try {
    const json: unknown = text.trim() === '' ? {} : JSON.parse(text);
    return typeof json === 'object' && json !== null && !Array.isArray(json)
      ? (json as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    return undefined;
  }
}

function readConfig(json: EngineProcess['config']): EngineConfig {
  if (json === undefined) return { dns: [] };
  const { dns, 'data-root': dataRoot, 'exec-root': execRoot } = json;
  return {
    dns: Array.isArray(dns) ? dns.filter((entry) => typeof entry === 'string') : [],
    ...(typeof dataRoot === 'string' && dataRoot !== '' ? { dataRoot } : {}),
    ...(typeof execRoot === 'string' && execRoot !== '' ? { execRoot } : {}),
  };
}
