/**
 * The memory that analyzers hold when traffic without end (endless-traffic.ts) has filled what they remember. Read is what
 * comes free when they are let go, so that compiled code and what all of the process shares are not in it. Every bounded
 * and every learned map is asked how full it is, so that nothing passes as measured that was hardly used:
 *
 *   node --import tsx test/bench/analyzers-memory.ts [--each | ID ...]
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { analyzers } from '../../analyzers/index.ts';
import type { AnalyzerDefinition, BoundedMap, Handlers } from '../../src/sensor/analysis/analyzer.ts';
import { AnalyzerRunner } from '../../src/sensor/analysis/runner.ts';
import { AROUND, LISTS, tellWithoutEnd } from './endless-traffic.ts';
import { isMet, type Target, targetText } from './report.ts';

const READINGS = 3;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

interface Filled {
  readonly map: string;
  readonly size: () => number;
  readonly maxKeys: number;
}

/** What the analyzers made, seen from outside. */
class Observed {
  readonly maps: Filled[] = [];
  readonly hears = new Set<keyof Handlers>();

  /** The analyzer, with its maps and handlers written down as they are made. */
  watch(definition: AnalyzerDefinition): AnalyzerDefinition {
    const note = <M extends Pick<BoundedMap<unknown>, 'size'>>(map: M, name: string, maxKeys: number): M => {
      this.maps.push({ map: `${definition.id}.${name}`, size: () => map.size, maxKeys });
      return map;
    };
    return {
      ...definition,
      create: (ctx, config) => {
        const handlers = definition.create(
          {
            ...ctx,
            boundedMap: (options) => note(ctx.boundedMap(options), options.name, options.maxKeys),
            learnedMap: (options) =>
              note(ctx.learnedMap(options), `${options.name} (learned)`, options.maxKeys),
          },
          config,
        );
        for (const name of Object.keys(handlers)) this.hears.add(name as keyof Handlers);
        return handlers;
      },
    };
  }
}

interface Fullness {
  readonly map: string;
  readonly size: number;
  readonly maxKeys: number;
}

interface Held {
  readonly bytes: number;
  readonly maps: readonly Fullness[];
}

/** In a function of its own, so that nothing but what it returns is alive afterwards. */
function fill(
  definitions: readonly AnalyzerDefinition[],
  open: Set<string>,
): {
  runner: AnalyzerRunner | undefined;
  maps: Fullness[];
} {
  const observed = new Observed();
  const runner = new AnalyzerRunner({
    analyzers: definitions.map((definition) => ({
      definition: observed.watch(definition),
      config: definition.config.parse({}),
    })),
    findings: {
      report: ({ id }, { key }) => void open.add(`${id} ${key}`),
      isOpen: (id, key) => open.has(`${id} ${key}`),
    },
    surroundings: AROUND,
    threats: LISTS,
    onLoss: () => {},
    onFailure: ({ error }) => {
      throw error;
    },
  });
  tellWithoutEnd(runner, observed.hears);
  return { runner, maps: observed.maps.map(({ map, size, maxKeys }) => ({ map, size: size(), maxKeys })) };
}

function heldBy(definitions: readonly AnalyzerDefinition[]): Held {
  // Of open findings others keep record: it lives on, and is not read.
  const open = new Set<string>();
  const filled = fill(definitions, open);
  const full = usedBytes();
  filled.runner = undefined;
  const bytes = full - usedBytes();
  open.clear();
  return { bytes, maps: filled.maps };
}

/** After collections; the median of some readings. */
function usedBytes(): number {
  const readings = Array.from({ length: READINGS }, () => {
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  });
  return readings.sort((a, b) => a - b)[READINGS >> 1]!;
}

const mb = (bytes: number): string => (bytes / 1e6).toFixed(1);

/** MB that all hold together. */
export function measureHeld(): number {
  const all = heldBy(analyzers);
  console.log(`\nheap after a collection, analyzers at their bounds: all together ${mb(all.bytes)} MB`);
  for (const { map, size, maxKeys } of all.maps) {
    if (size < maxKeys) console.log(`  not full: ${map} ${size} of ${maxKeys}`);
  }
  return all.bytes / 1e6;
}

/** What each holds by itself. */
function tellEach(definitions: readonly AnalyzerDefinition[]): void {
  for (const definition of definitions) {
    const { bytes, maps } = heldBy([definition]);
    const texts = maps.map(({ map, size, maxKeys }) => {
      const name = map.slice(definition.id.length + 1);
      return `${name} ${size}${size < maxKeys ? ` of ${maxKeys}` : ''}`;
    });
    console.log(`  ${definition.id.padEnd(22)} ${mb(bytes).padStart(6)} MB  ${texts.join(', ')}`);
  }
}

if (process.argv[1]?.endsWith('analyzers-memory.ts') === true) {
  const asked = process.argv.slice(2);
  const chosen = asked.includes('--each') ? analyzers : analyzers.filter(({ id }) => asked.includes(id));
  if (asked.length > 0) tellEach(chosen);
  else {
    const target: Target = { what: 'all analyzers at their bounds, MB', value: measureHeld(), atMost: 60 };
    console.log(`\n  ${targetText(target)}`);
    process.exitCode = isMet(target) ? 0 : 1;
  }
}
