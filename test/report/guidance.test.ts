/** What to check next: for every analyzer, in commands that the command line takes. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { analyzers } from '../../analyzers/index.ts';
import { program } from '../../src/cli/program.ts';
import { AUDIT_ANALYZER } from '../../src/model/audit.ts';
import { parseFilter } from '../../src/query/parse.ts';
import { GUIDANCE } from '../../src/report/guidance.ts';
import { endpoint, finding, outside } from '../station/support/records.ts';
import { caseOf } from './support/reported.ts';

const STORM = 'finding-storm';

describe('the guidance', () => {
  it('sends from what an audit found to the page of audits, and not to take the container away', () => {
    const [step] = caseOf([finding(1, { analyzer: AUDIT_ANALYZER, message: 'net-admin' })]).next;

    expect(step).toMatchObject({
      page: 'docs/audit/README.md',
      mend: expect.stringContaining('bridgewatch audit'),
    });
  });

  it('has each analyzer, and none that is not there', () => {
    expect(Object.keys(GUIDANCE).sort()).toEqual([...analyzers.map(({ id }) => id), STORM].sort());
  });

  it.each(Object.entries(GUIDANCE))(
    'of %s is sentences, and its page exists',
    (id, { check, mend, looks }) => {
      for (const sentence of [check, mend]) expect(sentence).toMatch(/^[A-Z][ -~]{20,250}\.(?: \S.*)?$/);
      expect(looks.length).toBeGreaterThan(0);
      expect(readFileSync(new URL(`../../docs/analyzers/${id}.md`, import.meta.url), 'utf8')).toContain(
        `# ${id}`,
      );
    },
  );

  it.each(Object.keys(GUIDANCE))(
    'of %s gives commands of ours that exist, with options that they have',
    (analyzer) => {
      const commands = commandsFor(analyzer);

      expect(commands.length).toBeGreaterThan(0);
      for (const words of commands.filter(([first]) => first === 'bridgewatch')) {
        const [, name, ...args] = words;
        const command = program().commands.find((one) => one.name() === name);
        expect(command, `bridgewatch ${name}`).toBeDefined();
        expect(unknownOptions(command!, args)).toEqual([]);
      }
    },
  );

  it('gives filters that the filter language takes', () => {
    const words = Object.keys(GUIDANCE).flatMap(commandsFor).flat();
    const filters = words.filter((word) => /^(?:client\.)?(?:ip|query):/.test(word));

    expect(filters.length).toBeGreaterThan(3);
    for (const filter of filters) expect(() => parseFilter(filter), filter).not.toThrow();
  });

  it('is a usual one for an analyzer that is not known here', () => {
    const [step] = caseOf([finding(1, { analyzer: 'of-tomorrow' })]).next;

    expect(step!.commands.join('\n')).toContain('bridgewatch flows --workload shop-db-1');
    expect(step!.page).toBeUndefined();
  });
});

describe('commands', () => {
  it('ask first who it was, where that is not sure', () => {
    const { workload: _, ...nobody } = endpoint({
      ip: '172.30.1.77',
      scope: 'unknown',
      attribution: {
        method: 'none',
        confidence: 'none',
        reason: 'no container held this address of shop_data then',
      },
    });
    const [step] = caseOf([finding(1, { subject: nobody })]).next;

    expect(step!.commands[0]).toBe("bridgewatch who 172.30.1.77 --at '2026-11-23 14:00'");
    expect(step!.commands.join('\n')).not.toContain('docker top');
  });

  it('never contain a name that a shell would act on', () => {
    const evil = `x'; rm -rf / #$(id)\`id\``;
    const { next } = caseOf([
      finding(1, {
        network: evil,
        subject: endpoint({ workload: { ...endpoint().workload!, name: evil, composeService: evil } }),
        evidence: { zone: evil },
      }),
      finding(2, { analyzer: 'dns-tunnel', evidence: { zone: '--help' }, peers: [outside()] }),
    ]);
    const text = next.flatMap(({ commands }) => commands).join('\n');

    expect(text).not.toMatch(/rm -rf|id\)|`| --help/);
  });

  it('are for what is above low, where there is anything', () => {
    const refs = (severities: readonly ('low' | 'high')[]) =>
      caseOf(severities.map((severity, i) => finding(i, { severity, analyzer: `a-${i}` }))).next.flatMap(
        (step) => step.refs,
      );

    expect(refs(['low', 'high', 'low'])).toEqual(['F1']);
    expect(refs(['low', 'low'])).toEqual(['F1', 'F2']);
  });
});

/** As a shell splits them; nothing here needs more than single quotes. */
function commandsFor(analyzer: string): string[][] {
  const report = caseOf([finding(1, { analyzer, evidence: { zone: 'example.net' } })]);
  return report.next
    .flatMap(({ commands }) => commands)
    .map((command) => [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!));
}

function unknownOptions(command: Command, args: readonly string[]): string[] {
  const known = new Set(command.options.flatMap(({ long, short }) => [long, short]));
  return args.filter((arg) => arg.startsWith('-') && !known.has(arg));
}
