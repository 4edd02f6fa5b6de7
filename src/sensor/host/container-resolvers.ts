/**
 * Which addresses the engine gave a container to ask for names. From what the operator configured (`--dns`), from the
 * file the engine wrote, or from what it takes where nothing is configured; never from a file that the container has
 * changed, which is no configuration by anybody. Undefined when it cannot be known from here.
 */
import { createHash } from 'node:crypto';
import { type EngineProcess, engineOf, findEngines } from './engine-process.ts';
import { isLoopback, parseResolvConf, type ResolvConf } from './resolv-conf.ts';
import { readSmallFile } from './small-file.ts';

/** What the engine's description of a container says of it. */
export interface ResolverFacts {
  readonly networkMode?: string;
  /** `--dns`; empty when none were given. */
  readonly dns?: readonly string[];
  /** The container's /etc/resolv.conf, on the engine's file system. */
  readonly resolvConfPath?: string;
}

const MAX_FILE_BYTES = 64 * 1024;
/** The engine's process is looked for again after this; a burst of starting containers shares one look. */
const KEPT_MS = 30_000;
/** libnetwork: what containers get where the host names no server that they could reach. */
const ENGINE_DEFAULTS = ['8.8.8.8', '8.8.4.4', '2001:4860:4860::8888', '2001:4860:4860::8844'];
const EMBEDDED = '127.0.0.11';

export class ContainerResolvers {
  readonly #proc: string;
  readonly #nowMs: () => number;
  #engines: Promise<readonly EngineProcess[]> = Promise.resolve([]);
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  /** `engines`: those that run, where they are known already; a walk through /proc that is saved once. */
  constructor(
    options: {
      readonly proc?: string;
      readonly nowMs?: () => number;
      readonly engines?: readonly EngineProcess[];
    } = {},
  ) {
    this.#proc = options.proc ?? '/proc';
    this.#nowMs = options.nowMs ?? (() => performance.now());
    if (options.engines === undefined) return;
    this.#engines = Promise.resolve(options.engines);
    this.#lookedAtMs = this.#nowMs();
  }

  /** Never rejects. 127.0.0.11 is in it only where the engine's own file says so; its networks tell that as well. */
  async of(facts: ResolverFacts): Promise<readonly string[] | undefined> {
    if (facts.dns !== undefined && facts.dns.length > 0) return facts.dns;
    const engine = engineOf(await this.#found(), facts.resolvConfPath);
    if (engine === undefined) return undefined;
    const own = await readUnedited(engine, facts.resolvConfPath);
    if (own !== undefined) {
      if (!own.nameservers.includes(EMBEDDED)) return own.nameservers;
      if (own.extServers !== undefined) return [...new Set([...own.nameservers, ...own.extServers])];
    }
    const embedded = own === undefined ? [] : own.nameservers;
    if (engine.dns.length > 0) return [...embedded, ...engine.dns];
    const host = await hostServers(engine.root, facts.networkMode);
    return host === undefined ? undefined : [...embedded, ...host];
  }

  #found(): Promise<readonly EngineProcess[]> {
    const now = this.#nowMs();
    if (now - this.#lookedAtMs > KEPT_MS) {
      this.#lookedAtMs = now;
      this.#engines = findEngines(this.#proc);
    }
    return this.#engines;
  }
}

/** The engine keeps the hash of what it wrote beside the file, for the same question: has the container changed it? */
async function readUnedited(
  { root }: EngineProcess,
  path: string | undefined,
): Promise<ResolvConf | undefined> {
  if (path === undefined || !path.startsWith('/') || path.split('/').includes('..')) return undefined;
  const [text, hash] = await Promise.all([
    readSmallFile(`${root}${path}`, MAX_FILE_BYTES),
    readSmallFile(`${root}${path}.hash`, MAX_FILE_BYTES),
  ]);
  if (text === undefined || hash === undefined) return undefined;
  const sum = createHash('sha256').update(text).digest('hex');
  return hash.trim() === `sha256:${sum}` ? parseResolvConf(text) : undefined;
}

/**
 * What the engine takes when nothing is configured. The host's own network has the host's file as it is; on the default
 * bridge servers on loopback are left out, which the embedded resolver asks from the host's namespace.
 */
async function hostServers(
  root: string,
  networkMode: string | undefined,
): Promise<readonly string[] | undefined> {
  const text = await readSmallFile(`${root}/etc/resolv.conf`, MAX_FILE_BYTES);
  if (text === undefined) return undefined;
  const { nameservers } = parseResolvConf(text);
  if (networkMode === 'host') return nameservers;
  // systemd-resolved keeps what is behind its stub here, and the engine looks there (libnetwork resolvconf.Path).
  const isStub = nameservers.length === 1 && nameservers[0] === '127.0.0.53';
  const behind = isStub
    ? await readSmallFile(`${root}/run/systemd/resolve/resolv.conf`, MAX_FILE_BYTES)
    : undefined;
  const servers = behind === undefined ? nameservers : parseResolvConf(behind).nameservers;
  if (networkMode !== 'bridge') return servers;
  const reachable = servers.filter((ip) => !isLoopback(ip));
  return reachable.length > 0 ? reachable : ENGINE_DEFAULTS;
}
