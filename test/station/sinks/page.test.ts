/** The examples of docs/sinks.md for sinks that speak HTTP are run as they stand there. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { CommonSinkConfig } from '../../../src/station/sinks/definition.ts';
import { createSink, sinksConfig } from '../../../src/station/sinks/index.ts';
import { entryOf, memoryLogger, temporaryDirectory } from '../support/harness.ts';
import { finding } from '../support/records.ts';
import { type Posted, startWebhookPeer, type WebhookPeer } from '../support/webhook-peer.ts';

const PAGE = readFileSync(new URL('../../../docs/sinks.md', import.meta.url), 'utf8');
const HTTP_SINKS = ['webhook', 'alertmanager'];
const never = new AbortController().signal;

function blocks(section: string, language: string): string[] {
  const text = PAGE.split(/^## /m).find((part) => part.startsWith(`${section}\n`)) ?? '';
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
    .filter(([, named]) => named === language)
    .map(([, , code]) => code!);
}

const EXAMPLES = HTTP_SINKS.flatMap((section) => blocks(section, 'yaml'))
  .map((text) => parse(text) as { sinks?: Record<string, unknown>[] })
  .flatMap(({ sinks }) => sinks ?? []);

const hasPython = (() => {
  try {
    execFileSync('python3', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    console.warn('SKIPPED page.test.ts, the example in Python: python3 is not installed');
    return false;
  }
})();

let peer: WebhookPeer;
let directory: ReturnType<typeof temporaryDirectory>;

beforeAll(async () => {
  peer = await startWebhookPeer();
  directory = temporaryDirectory();
  writeFileSync(join(directory.path, 'url'), `${peer.url}/alerts`);
  writeFileSync(join(directory.path, 'secret'), 'a-secret\n');
});

afterAll(async () => {
  await peer.close();
  directory.remove();
});

/** As it stands on the page, but to our server. */
function ours(example: Record<string, unknown>): CommonSinkConfig {
  const { url, url_file, ...rest } = example;
  const files = Object.keys(rest).filter((option) => option.endsWith('_file'));
  const config = {
    ...rest,
    ...(url !== undefined && { url: `${peer.url}/alerts` }),
    ...(url_file !== undefined && { url_file: join(directory.path, 'url') }),
    ...Object.fromEntries(files.map((option) => [option, join(directory.path, 'secret')])),
  };
  return sinksConfig.parse([config])[0]!;
}

async function sent(example: Record<string, unknown>): Promise<Posted> {
  const sink = createSink(ours(example), {
    logger: memoryLogger().logger,
    host: 'host1',
    version: '1.2.3',
    now: () => Date.now() * 1000,
  });
  const before = peer.taken.length;
  await sink.prepare(never);
  await sink.write([entryOf(finding(1))], never);
  await sink.close();
  return peer.taken[before]!;
}

describe('the examples of docs/sinks.md', () => {
  it('show every form of these sinks', () => {
    const forms = EXAMPLES.map(
      ({ type, preset, template }) => preset ?? (template === undefined ? type : 'template'),
    );

    expect(forms).toEqual(['webhook', 'slack', 'discord', 'ntfy', 'template', 'alertmanager']);
  });

  it.each(EXAMPLES.map((example) => [String(example['name'] ?? example['type']), example] as const))(
    '%s delivers a finding',
    async (_, example) => {
      const { body } = await sent(example);

      expect(JSON.stringify(JSON.parse(body))).toContain('shop/db tried to reach');
    },
  );
});

describe('the signature is checked on the page', () => {
  let posted: Posted;
  let header: string;

  beforeAll(async () => {
    posted = await sent(EXAMPLES[0]!);
    header = String(posted.headers['x-bridgewatch-signature']);
  });

  beforeEach(() => {
    writeFileSync(join(directory.path, 'body.json'), posted.body);
  });

  /** Whether the page's code takes the request of now, one with another body, secret or time. */
  function verdicts(check: (header: string, body: string, secret: string) => boolean): boolean[] {
    const old = header.replace(/t=\d+/, 't=1700000000');
    return [
      check(header, posted.body, 'a-secret'),
      check(header, `${posted.body} `, 'a-secret'),
      check(header, posted.body, 'another'),
      check(old, posted.body, 'a-secret'),
    ];
  }

  const ONLY_THE_FIRST = [true, false, false, false];

  it('in the shell', () => {
    const [script] = blocks('webhook', 'sh');

    expect(
      verdicts((SIGNATURE, body, SECRET) => {
        writeFileSync(join(directory.path, 'body.json'), body);
        const env = { ...process.env, SIGNATURE, SECRET };
        const said = execFileSync('sh', ['-c', `${script}\ntrue`], { cwd: directory.path, env });
        return said.toString() === 'genuine\n';
      }),
    ).toEqual(ONLY_THE_FIRST);
  });

  it.skipIf(!hasPython)('in Python', () => {
    const [code] = blocks('webhook', 'python');
    const main = 'import sys\nprint(is_genuine(sys.argv[1], sys.argv[2].encode(), sys.argv[3].encode()))';

    expect(
      verdicts(
        (...given) => execFileSync('python3', ['-c', `${code}\n${main}`, ...given]).toString() === 'True\n',
      ),
    ).toEqual(ONLY_THE_FIRST);
  });

  it('in Node.js', async () => {
    const [code] = blocks('webhook', 'js');
    const path = join(directory.path, 'check.mjs');
    writeFileSync(path, code!);
    const { isGenuine } = await import(/* @vite-ignore */ pathToFileURL(path).href);

    expect(verdicts(isGenuine)).toEqual(ONLY_THE_FIRST);
    expect(isGenuine('nonsense', posted.body, 'a-secret')).toBe(false);
  });

  it('has the time of sending', () => {
    const [, time] = /^t=(\d+),v1=[0-9a-f]{64}$/.exec(header)!;

    expect(Math.abs(Date.now() / 1000 - Number(time))).toBeLessThan(60);
  });
});
