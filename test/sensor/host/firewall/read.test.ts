import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CommandAnswer, findTool, runCommand } from '../../../../src/sensor/host/firewall/command.ts';
import {
  FirewallReader,
  type FirewallScope,
  type FirewallTools,
} from '../../../../src/sensor/host/firewall/read.ts';
import { recordedText } from './recorded.ts';

const REFUSED: CommandAnswer = {
  ok: false,
  code: 'FIREWALL_REFUSED',
  reason: 'Permission denied (you must be root)',
};
const EMPTY: CommandAnswer = { ok: true, stdout: '' };
const NO_TABLE: CommandAnswer = {
  ok: false,
  code: 'FIREWALL_REFUSED',
  reason: 'nft ended with 1: Error: No such file or directory',
};
const ENGINE: CommandAnswer = { ok: true, stdout: recordedText('engine-20.10-nft.txt') };

/** A host with these tools, and what each says; `nft` is asked for each family. */
function hostWith(answers: Readonly<Record<string, CommandAnswer>>, scope: FirewallScope = 'docker') {
  const asked: string[] = [];
  const tools: FirewallTools = {
    find: async (name) => (name in answers ? `/usr/sbin/${name}` : undefined),
    run: async (path, args) => {
      const name = path.replace('/usr/sbin/', '');
      asked.push([name, ...args].join(' '));
      return answers[name]!;
    },
  };
  const reader = new FirewallReader(tools, scope);
  return { reader, asked };
}

describe('reading the firewall', () => {
  it('takes the variant that holds the chains of the engine, and asks the others seldom', async () => {
    const { reader, asked } = hostWith({
      'iptables-nft-save': ENGINE,
      'iptables-legacy-save': EMPTY,
      'ip6tables-nft-save': EMPTY,
      nft: NO_TABLE,
    });

    const first = await reader.read();
    expect(first.rulesets.map(({ backend, family }) => `${family} ${backend}`)).toEqual([
      'ipv4 iptables-nft',
    ]);
    expect(first.problems).toEqual([]);
    expect(asked).toEqual([
      'iptables-nft-save -c',
      'iptables-legacy-save -c',
      'ip6tables-nft-save -c',
      'nft -j list table ip docker-bridges',
      'nft -j list table ip6 docker-bridges',
    ]);
    asked.length = 0;
    await reader.read();
    expect(asked).toEqual(['iptables-nft-save -c']);
    for (let i = 2; i < 31; i++) await reader.read();
    expect(asked).toContain('nft -j list table ip docker-bridges');
  });

  it('takes the plain name where no variant has its own', async () => {
    const { reader, asked } = hostWith({ 'iptables-save': ENGINE });

    expect((await reader.read()).rulesets).toHaveLength(1);
    expect(asked).toEqual(['iptables-save -c']);
  });

  it('says what to install where there is no tool', async () => {
    const { problems, rulesets } = await hostWith({}).reader.read();

    expect(rulesets).toEqual([]);
    expect(problems).toEqual([expect.stringMatching(/packages iptables and nftables/)]);
  });

  it('says that the engine keeps no rules here', async () => {
    const { problems } = await hostWith({ 'iptables-nft-save': EMPTY, nft: NO_TABLE }).reader.read();

    expect(problems).toEqual([expect.stringMatching(/no chain of Docker/)]);
  });

  it('a variant that cannot be read is no problem where the other holds the rules, and is one where none does', async () => {
    const tools = { 'iptables-legacy-save': REFUSED };

    expect((await hostWith({ ...tools, 'iptables-nft-save': ENGINE }).reader.read()).problems).toEqual([]);
    expect((await hostWith({ ...tools, 'iptables-nft-save': EMPTY }).reader.read()).problems).toEqual([
      REFUSED.ok ? '' : REFUSED.reason,
    ]);
  });

  it('what held rules and cannot be read any more is unread, not gone', async () => {
    const answers: Record<string, CommandAnswer> = { 'iptables-nft-save': ENGINE };
    const { reader } = hostWith(answers);
    await reader.read();

    answers['iptables-nft-save'] = { ok: true, stdout: recordedText('engine-20.10-nft.txt').slice(0, 400) };
    const { unread, problems, rulesets } = await reader.read();

    expect([...unread]).toEqual(['ipv4 iptables-nft-save']);
    expect(problems).toEqual([expect.stringMatching(/cannot be read: table filter/)]);
    expect(rulesets).toEqual([]);
  });
});

describe('reading all of the firewall, for an audit', () => {
  const ALL: CommandAnswer = {
    ok: true,
    stdout: JSON.stringify({
      nftables: ['ip filter', 'ip docker-bridges', 'inet host'].map((name) => {
        const [family, table] = name.split(' ');
        return { table: { family, name: table } };
      }),
    }),
  };
  const reading = async (answers: Readonly<Record<string, CommandAnswer>>) => {
    const { reader, asked } = hostWith(answers, 'all');
    const { rulesets } = await reader.read();
    const found = rulesets.map(({ family, backend, tables }) =>
      [family, backend, ...tables.map(({ name }) => name)].join(' '),
    );
    return { found, asked };
  };

  it('has rulesets in which the engine keeps nothing, and tables of nft that are not the engine’s', async () => {
    const none: CommandAnswer = {
      ok: true,
      stdout: '# Generated by iptables-save v1.8.9 (nf_tables) on Mon\n',
    };
    const { found, asked } = await reading({
      'iptables-nft-save': none,
      'ip6tables-nft-save': none,
      nft: ALL,
    });

    expect(asked).toContain('nft -j list ruleset');
    expect(found).toEqual([
      'ipv4 iptables-nft',
      'ipv6 iptables-nft',
      'ipv4 nftables docker-bridges inet host',
      'ipv6 nftables inet host',
    ]);
  });

  it('has the tables of iptables as nft prints them where iptables-save cannot be read', async () => {
    const { found } = await reading({ 'iptables-nft-save': REFUSED, nft: ALL });

    expect(found).toContain('ipv4 nftables filter docker-bridges inet host');
  });
});

describe('running a tool', () => {
  let dir: string;
  const script = (name: string, text: string): string => {
    const path = join(dir, name);
    writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    return path;
  };
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'bridgewatch-'));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it('hands over what it printed, and its arguments as they are', async () => {
    const path = script('echo', 'printf "%s|" "$@"');

    expect(await runCommand(path, ['a b', '$(id)', ';'])).toEqual({ ok: true, stdout: 'a b|$(id)|;|' });
  });

  it('ends one that hangs', async () => {
    const answer = await runCommand(script('hang', 'exec sleep 60'), [], { timeoutMs: 50 });

    expect(answer).toMatchObject({ ok: false, code: 'FIREWALL_TIMEOUT' });
  });

  it('ends one when it is told to stop', async () => {
    const stop = new AbortController();
    const answer = runCommand(script('wait', 'exec sleep 60'), [], { signal: stop.signal });
    stop.abort();

    expect(await answer).toMatchObject({ ok: false });
  });

  it('ends one that prints without end', async () => {
    const answer = await runCommand(script('flood', 'exec yes'), [], { maxOutputBytes: 4096 });

    expect(answer).toMatchObject({ ok: false, code: 'FIREWALL_TOO_MUCH' });
  });

  it('says why one failed, and that one is not there', async () => {
    expect(await runCommand(script('fail', 'echo you must be root >&2; exit 4'), [])).toMatchObject({
      code: 'FIREWALL_REFUSED',
      reason: expect.stringMatching(/ended with 4: you must be root/),
    });
    expect(await runCommand(join(dir, 'none'), [])).toMatchObject({ code: 'FIREWALL_NO_TOOL' });
    expect(await findTool('none', [dir])).toBeUndefined();
    expect(await findTool('fail', [dir])).toBe(join(dir, 'fail'));
  });
});

const canRead = process.getuid?.() === 0 && existsSync('/usr/sbin/iptables-save');
if (!canRead) console.warn('SKIPPED: reading the real firewall: needs root and iptables');

describe.skipIf(!canRead)('reading the firewall of this machine', () => {
  it('either finds rules of an engine or says why it has none', async () => {
    const { rulesets, problems } = await new FirewallReader().read();

    expect(rulesets.length > 0 || problems.length > 0).toBe(true);
  });
});
