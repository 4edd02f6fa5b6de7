/**
 * Reads the rules that the engine has put into the host's firewall, with their counters: `iptables-save -c` of both
 * variants and families, and the engine's nftables tables; or, for an audit, all rules that packets of this host meet.
 * It changes nothing, takes no lock, and needs the engine's network namespace and CAP_NET_ADMIN. Where a source cannot
 * be read it says why, and reads the others.
 */
import { type CommandAnswer, type CommandLimits, findTool, runCommand } from './command.ts';
import { backendOf, parseIptablesSave } from './iptables-save.ts';
import { parseNftJson } from './nft-json.ts';
import { type Family, isDockers, NFTABLES_TABLE, type Ruleset, RulesetError } from './ruleset.ts';

export interface FirewallReading {
  /** Only those in which the engine keeps rules, unless all were asked for. */
  readonly rulesets: readonly Ruleset[];
  /** Names of the sources that could not be read: what they hold is not known, rather than gone. */
  readonly unread: ReadonlySet<string>;
  /** One line each. */
  readonly problems: readonly string[];
}

export interface FirewallTools {
  readonly find: (name: string) => Promise<string | undefined>;
  readonly run: (path: string, args: readonly string[], limits: CommandLimits) => Promise<CommandAnswer>;
}

/** `docker`: rulesets in which the engine keeps rules. `all`: those of others too, and where the engine keeps none. */
export type FirewallScope = 'docker' | 'all';

interface Source {
  readonly family: Family;
  readonly path: string;
  readonly args: readonly string[];
  readonly parse: (text: string) => readonly Ruleset[];
  /** That the tool says when there is nothing of this kind. */
  readonly absence?: RegExp;
}

const NO_CHAINS =
  'no chain of Docker is in the firewall of this network namespace: the engine runs with `iptables: false`, or in another namespace';

const IPTABLES_TABLES: ReadonlySet<string> = new Set(['filter', 'nat', 'mangle', 'raw', 'security']);

/** Sources without rules of the engine are asked again after so many readings: a tool takes some 5 ms of CPU. */
const ASK_AGAIN_EVERY = 30;

export class FirewallReader {
  readonly #tools: FirewallTools;
  readonly #stop = new AbortController();
  #readings = 0;
  /** Names of those that hold rules of the engine; undefined before the first reading. */
  #holding: ReadonlySet<string> | undefined;
  readonly #scope: FirewallScope;

  constructor(tools: FirewallTools = { find: findTool, run: runCommand }, scope: FirewallScope = 'docker') {
    this.#tools = tools;
    this.#scope = scope;
  }

  /** A tool that is running is ended. */
  stop(): void {
    this.#stop.abort();
  }

  /** Never rejects. */
  async read(): Promise<FirewallReading> {
    const isFull = this.#readings++ % ASK_AGAIN_EVERY === 0 || (this.#holding?.size ?? 0) === 0;
    const sources = await this.#sources();
    if (sources.length === 0) {
      const problem =
        'neither iptables-save nor nft is installed here (Debian: packages iptables and nftables)';
      return { rulesets: [], unread: new Set(), problems: [problem] };
    }
    const rulesets: Ruleset[] = [];
    const unread = new Set<string>();
    const failures: { readonly family: Family; readonly isHolding: boolean; readonly reason: string }[] = [];
    const holding = new Set<string>();
    for (const source of sources) {
      const name = nameOf(source);
      if (!isFull && this.#holding?.has(name) !== true) continue;
      const answer = await this.#readOne(source);
      if (typeof answer === 'string') {
        const isHolding = this.#holding?.has(name) === true;
        failures.push({ family: source.family, isHolding, reason: answer });
        unread.add(name);
        if (isHolding) holding.add(name);
      } else if (answer.length > 0) {
        rulesets.push(...answer);
        holding.add(name);
      }
    }
    this.#holding = holding;
    // A kernel has often one variant only; that the other cannot be read matters where nothing else was found.
    const read = this.#scope === 'all' ? withoutTwins(rulesets) : rulesets;
    const problems = failures
      .filter(({ family, isHolding }) => isHolding || !rulesets.some((ruleset) => ruleset.family === family))
      .map(({ reason }) => reason);
    if (rulesets.length === 0 && failures.length === 0) problems.push(NO_CHAINS);
    return { rulesets: read, unread, problems };
  }

  /** What it holds of the engine, or why that is not known. */
  async #readOne({ path, args, parse, absence }: Source): Promise<readonly Ruleset[] | string> {
    const answer = await this.#tools.run(path, args, { signal: this.#stop.signal });
    if (!answer.ok) return absence?.test(answer.reason) === true ? [] : answer.reason;
    try {
      const parsed = parse(answer.stdout);
      return this.#scope === 'all' ? parsed : parsed.filter(isDockers);
    } catch (error) {
      if (!(error instanceof RulesetError)) throw error;
      return `what \`${path}\` printed cannot be read: ${error.message}`;
    }
  }

  /** Tools come and go while the agent runs. */
  async #sources(): Promise<Source[]> {
    const { find } = this.#tools;
    const sources: Source[] = [];
    for (const [family, command] of [
      ['ipv4', 'iptables'],
      ['ipv6', 'ip6tables'],
    ] as const) {
      const variants = [await find(`${command}-nft-save`), await find(`${command}-legacy-save`)];
      const there = variants.filter((path) => path !== undefined);
      // Distributions that have one variant only call it by the plain name.
      const plain = there.length > 0 ? undefined : await find(`${command}-save`);
      for (const path of plain === undefined ? there : [plain]) {
        const parse = (text: string): Ruleset[] => [parseIptablesSave(text, family, backendOf(text))];
        sources.push({ family, path, args: ['-c'], parse });
      }
    }
    const nft = await find('nft');
    if (nft !== undefined && this.#scope === 'all') {
      const parse = (text: string): Ruleset[] => parseNftJson(text, { withInet: true });
      sources.push({ family: 'ipv4', path: nft, args: ['-j', 'list', 'ruleset'], parse });
      return sources;
    }
    for (const [family, word] of [
      ['ipv4', 'ip'],
      ['ipv6', 'ip6'],
    ] as const) {
      if (nft === undefined) break;
      sources.push({
        family,
        path: nft,
        args: ['-j', 'list', 'table', word, NFTABLES_TABLE],
        parse: parseNftJson,
        absence: /No such file or directory/,
      });
    }
    return sources;
  }
}

/** The tables that iptables-nft keeps are nft's too, which prints what it does not know of them less well. */
function withoutTwins(rulesets: readonly Ruleset[]): Ruleset[] {
  const twins = ({ family, backend }: Ruleset) =>
    backend === 'nftables' &&
    rulesets.some((other) => other.family === family && other.backend === 'iptables-nft');
  return rulesets.map((ruleset) =>
    twins(ruleset)
      ? { ...ruleset, tables: ruleset.tables.filter(({ name }) => !IPTABLES_TABLES.has(name)) }
      : ruleset,
  );
}

/** As `Ruleset.backend` and `family` say it: a ruleset whose source is unread is not gone. */
function nameOf({ family, path }: Source): string {
  return `${family} ${path.slice(path.lastIndexOf('/') + 1)}`;
}
