/**
 * Who may import whom. The sentence of the broken rule is the failure message, so that it explains itself.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

interface Import {
  readonly from: string;
  /** A path from the root for our own files, else the package's name. */
  readonly to: string;
  readonly typeOnly: boolean;
}

interface Rule {
  readonly sentence: string;
  readonly broken: (edge: Import) => boolean;
}

const inside =
  (...folders: readonly string[]) =>
  (path: string) =>
    folders.some((folder) => path.startsWith(`${folder}/`));
const ours = inside('src', 'capture', 'analyzers');

const RULES: readonly Rule[] = [
  {
    sentence:
      'src/model imports nothing but itself; dns-zone.ts also the public suffix list (tldts), which is pure',
    broken: ({ from, to }) =>
      inside('src/model')(from) &&
      !inside('src/model')(to) &&
      !(from === 'src/model/dns-zone.ts' && to === 'tldts'),
  },
  {
    sentence: 'src/query runs in a browser too: it imports itself and src/model, no node module, no package',
    broken: ({ from, to }) => inside('src/query')(from) && !inside('src/query', 'src/model')(to),
  },
  {
    sentence:
      'a report is made of records alone: src/report imports itself and src/model, no node module, no clock',
    broken: ({ from, to }) => inside('src/report')(from) && !inside('src/report', 'src/model')(to),
  },
  {
    sentence:
      'the wings never import each other: src/sensor and src/station meet in src/channel and src/model',
    broken: ({ from, to }) =>
      (inside('src/sensor')(from) && inside('src/station')(to)) ||
      (inside('src/station')(from) && inside('src/sensor')(to)),
  },
  {
    sentence: 'decode and flow know only src/model: no clock, no configuration, no node modules',
    broken: ({ from, to }) =>
      inside('src/sensor/decode', 'src/sensor/flow')(from) &&
      !inside('src/sensor/decode', 'src/sensor/flow', 'src/model')(to),
  },
  {
    sentence: 'capture knows bytes: of our own it imports only itself, src/model and src/telemetry',
    broken: ({ from, to }) =>
      inside('capture')(from) && ours(to) && !inside('capture', 'src/model', 'src/telemetry')(to),
  },
  {
    sentence: 'only src/sensor/docker imports dockerode',
    broken: ({ from, to }) => to === 'dockerode' && !inside('src/sensor/docker')(from),
  },
  {
    sentence: 'only capture/portable imports cap and pcap-parser',
    broken: ({ from, to }) => (to === 'cap' || to === 'pcap-parser') && !inside('capture/portable')(from),
  },
  {
    sentence: 'only src/station/sinks imports influx',
    broken: ({ from, to }) => to === 'influx' && !inside('src/station/sinks')(from),
  },
  {
    sentence: 'only src/station/api imports hono',
    broken: ({ from, to }) => /^(?:@hono\/|hono(?:\/|$))/.test(to) && !inside('src/station/api')(from),
  },
  {
    sentence: 'only src/station/store imports better-sqlite3',
    broken: ({ from, to }) => to === 'better-sqlite3' && !inside('src/station/store')(from),
  },
  {
    sentence:
      'an analyzer sees records: it imports the contract, src/model, analyzers/lib, zod and tldts, nothing else',
    broken: ({ from, to }) =>
      inside('analyzers')(from) &&
      from !== 'analyzers/index.ts' &&
      to !== 'src/sensor/analysis/analyzer.ts' &&
      !inside('src/model', 'analyzers/lib')(to) &&
      to !== 'zod' &&
      to !== 'tldts',
  },
  {
    sentence: 'src never imports an analyzer, except src/sensor/detectors.ts through analyzers/index.ts',
    broken: ({ from, to }) =>
      inside('src')(from) &&
      inside('analyzers')(to) &&
      !(from === 'src/sensor/detectors.ts' && to === 'analyzers/index.ts'),
  },
  {
    sentence: 'src/bundle knows files and bytes: of our own it imports only itself and src/model',
    broken: ({ from, to }) =>
      inside('src/bundle')(from) && ours(to) && !inside('src/bundle', 'src/model')(to),
  },
  {
    sentence: 'src/compose reads files: it imports itself, src/model, yaml and node modules, nothing else',
    broken: ({ from, to }) =>
      inside('src/compose')(from) &&
      !inside('src/compose', 'src/model')(to) &&
      to !== 'yaml' &&
      !to.startsWith('node:'),
  },
  {
    sentence: 'nobody imports the command line',
    broken: ({ from, to }) => inside('src/cli')(to) && !inside('src/cli')(from),
  },
];

describe('imports', () => {
  const edges = sourceFiles().flatMap(importsOf);

  it.each(RULES)('$sentence', ({ broken }) => {
    const offenders = edges.filter(broken).map(({ from, to }) => `${from} -> ${to}`);

    expect(offenders).toEqual([]);
  });

  it('have no cycles between files, types aside', () => {
    expect(findCycle(edges.filter(({ to, typeOnly }) => !typeOnly && ours(to)))).toEqual([]);
  });

  it('are really read: the walk finds the edges that must exist', () => {
    expect(edges).toContainEqual({
      from: 'src/model/endpoint.ts',
      to: 'src/model/network.ts',
      typeOnly: false,
    });
    expect(edges.length).toBeGreaterThan(100);
  });

  it('sees a cycle when there is one', () => {
    const edge = (from: string, to: string): Import => ({ from, to, typeOnly: false });

    expect(findCycle([edge('a', 'b'), edge('b', 'c'), edge('c', 'a')])).toEqual(['a', 'b', 'c', 'a']);
  });
});

function sourceFiles(): string[] {
  return ['src', 'capture', 'analyzers'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter(
        (entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.parentPath.includes('node_modules'),
      )
      .map((entry) => relative(ROOT, join(entry.parentPath, entry.name))),
  );
}

function importsOf(from: string): Import[] {
  const text = readFileSync(join(ROOT, from), 'utf8');
  const found: Import[] = [];
  const statement =
    /^(?:import|export)\s+(type\s)?[^'"`;]*?from\s+'([^']+)'|\bimport\('([^']+)'\)|^import\s+'([^']+)'/gm;
  for (const match of text.matchAll(statement)) {
    const specifier = match[2] ?? match[3] ?? match[4]!;
    const to = specifier.startsWith('.')
      ? posix.normalize(posix.join(posix.dirname(from), specifier))
      : specifier;
    found.push({ from, to, typeOnly: match[1] !== undefined });
  }
  return found;
}

/** One cycle as the files along it, or nothing. */
function findCycle(edges: readonly Import[]): string[] {
  const next = new Map<string, string[]>();
  for (const { from, to } of edges) next.set(from, [...(next.get(from) ?? []), to]);
  const done = new Set<string>();
  const walk = (node: string, path: readonly string[]): string[] => {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node];
    if (done.has(node)) return [];
    for (const to of next.get(node) ?? []) {
      const cycle = walk(to, [...path, node]);
      if (cycle.length > 0) return cycle;
    }
    done.add(node);
    return [];
  };
  for (const node of next.keys()) {
    const cycle = walk(node, []);
    if (cycle.length > 0) return cycle;
  }
  return [];
}
