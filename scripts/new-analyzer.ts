/**
 * `npm run new:analyzer ID`: the file, the test, the page and the line in the index of a new analyzer, which pass as they
 * are. What it detects at first is an example to be replaced: a flow to a port that the configuration names.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ID = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;

/** Writes the three files and the line in the index; returns their paths. Throws when any of them is there. */
export function newAnalyzer(root: string, id: string): string[] {
  if (!ID.test(id))
    throw new Error(`"${id}" is no id: small letters, digits and single hyphens, as in dns-tunnel`);
  const files = [
    { path: `analyzers/${id}.ts`, text: analyzerText(id) },
    { path: `test/analyzers/${id}.test.ts`, text: testText(id) },
    { path: `docs/analyzers/${id}.md`, text: pageText() },
  ];
  const there = files.filter(({ path }) => existsSync(join(root, path)));
  if (there.length > 0) throw new Error(`${there.map(({ path }) => path).join(', ')} exists already`);
  const index = join(root, 'analyzers/index.ts');
  const indexed = withAnalyzer(readFileSync(index, 'utf8'), id);
  for (const { path, text } of files) writeFileSync(join(root, path), text);
  writeFileSync(index, indexed);
  return [...files.map(({ path }) => path), 'analyzers/index.ts'];
}

/** The index with one more import and one more entry, both in order. */
function withAnalyzer(index: string, id: string): string {
  const [head, imports, list] = parts(index);
  const importLine = `import ${camelCase(id)} from './${id}.ts';`;
  const entry = `  ${camelCase(id)},`;
  const byFile = (a: string, b: string): number => (fileOf(a) < fileOf(b) ? -1 : 1);
  return `${head}${[...imports, importLine].sort(byFile).join('\n')}\n\n${list[0]}\n${[...list.slice(1, -1), entry].sort().join('\n')}\n${list.at(-1)}\n`;
}

function parts(index: string): [string, string[], string[]] {
  const at = index.search(/^import \w+ from '\.\//m);
  const [imports, list] = index.slice(at).trimEnd().split('\n\n');
  if (at < 0 || list === undefined || !list.endsWith('];')) {
    throw new Error('analyzers/index.ts is not as it was: imports, an empty line, the list');
  }
  return [index.slice(0, at), imports!.split('\n'), list.split('\n')];
}

function fileOf(importLine: string): string {
  return /'\.\/(.*)\.ts'/.exec(importLine)![1]!;
}

function camelCase(id: string): string {
  return id.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

function analyzerText(id: string): string {
  return `/**
 * A container opens a flow to a port that the configuration names. It must never accuse who only answers.
 */
import { z } from 'zod';
import type { FlowRecord } from '../src/model/flow.ts';
import { defineAnalyzer } from '../src/sensor/analysis/analyzer.ts';

const config = z.strictObject({
  ports: z
    .array(z.number().int().min(1).max(65_535))
    .default([])
    .describe('Ports that no container is meant to speak to.'),
  max_pairs: z
    .number()
    .int()
    .min(16)
    .max(100_000)
    .default(1000)
    .describe('Pairs of container and destination remembered at once, about 200 bytes each.'),
});

const evidence = z.object({
  port: z.number().describe('Of the destination.'),
  flows: z.number().describe('Flows that the container opened to it.'),
});

export default defineAnalyzer({
  id: '${id}',
  title: 'Container speaks to a port that it should not',
  attack: [{ technique: 'T1071', tactic: 'command-and-control' }],
  severity: 'low',
  confidence: 'certain',
  maturity: 'sandbox',
  config,
  evidence,
  messages: {
    opened: '{subject} opened {flows} flows to port {port} of {peers}.',
  },
  create(ctx, options) {
    const pairs = ctx.boundedMap<{ flows: number }>({ name: 'pairs', maxKeys: options.max_pairs });

    return {
      onFlowStart(flow: FlowRecord) {
        const { orig, resp } = flow;
        if (orig.workload === undefined || resp.port === undefined) return;
        if (!options.ports.includes(resp.port)) return;
        const key = \`\${orig.workload.containerId} \${resp.ip} \${resp.port}\`;
        // What was counted for a finding that is closed belongs to the past.
        if (!ctx.isOpen(key)) pairs.delete(key);
        const pair = pairs.ensure(key, () => ({ flows: 0 }));
        pair.flows += 1;
        ctx.report({
          message: 'opened',
          time: flow.start,
          key,
          subject: orig,
          peers: [resp],
          flows: [flow],
          evidence: { port: resp.port, flows: pair.flows },
          ...(flow.network === undefined ? {} : { network: flow.network.name }),
        });
      },
    };
  },
});
`;
}

function testText(id: string): string {
  return `import analyzer from '../../analyzers/${id}.ts';
import { silent, testAnalyzer } from '../support/analyzer-tester.ts';
import { address, container, flow, secs } from '../support/records.ts';

const web = container('web', '172.30.0.11');
const outside = address('198.51.100.7', 'internet');
const options = { ports: [4444] };
const toPort = (port: number, second = 0) =>
  ({
    on: 'flow-start',
    flow: flow({ orig: web, resp: { ...outside, port }, start: secs(second) }),
  }) as const;

testAnalyzer(analyzer, {
  fires: [
    {
      name: 'a flow to a port that is named',
      events: [toPort(4444)],
      options,
      findings: [{ message: 'opened', evidence: { port: 4444, flows: 1 } }],
    },
    {
      name: 'the same again, as one finding',
      events: [toPort(4444), toPort(4444, 61), { on: 'tick', now: secs(130) }],
      options,
      findings: [{ message: 'opened', evidence: { port: 4444, flows: 2 } }],
    },
  ],
  silent: [
    { ...silent('a flow to the port beside it', toPort(4445)), options },
    {
      ...silent('who answers from such a port', {
        on: 'flow-start',
        flow: flow({ orig: outside, resp: { ...web, port: 4444 }, start: secs(0) }),
      }),
      options,
    },
    silent('anything, without a configuration', toPort(4444)),
  ],
});
`;
}

function pageText(): string {
  return `<!-- generated:head -->
<!-- /generated:head -->

Tells you when a container speaks to a port that you said it should not speak to.

## What it sees

The first packet of each flow.

## Why it matters

Say here what an attacker gains, in two sentences.

## How it decides

\`opened\`: the container sent the first packet, and the port is among \`ports\`. Say here each threshold, where it comes
from, and what makes a case graver or milder.

## Options

<!-- generated:options -->
<!-- /generated:options -->

## What it misses

- The same service on another port.

## False positives and tuning

Say here who does this innocently, and what to set then.

## Try it

\`\`\`sh
bridgewatch analyze capture.pcap --inventory inventory.ndjson
\`\`\`
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const [id, ...rest] = process.argv.slice(2);
  if (id === undefined || rest.length > 0) {
    process.stderr.write('usage: npm run new:analyzer ID, as in dns-tunnel\n');
    process.exit(2);
  }
  try {
    const written = newAnalyzer(root, id);
    // In a process of its own: it reads the index that was just written.
    execFileSync(join(root, 'node_modules/.bin/tsx'), [join(root, 'docs/generate.ts')], { stdio: 'inherit' });
    process.stdout.write(
      `wrote ${written.join(', ')}\nnext: docs/how-to/add-an-analyzer.md, and\n  npx vitest run --project unit test/analyzers/${id}.test.ts test/meta\n`,
    );
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 2;
  }
}
