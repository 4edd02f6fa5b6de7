import { describe, expect, it } from 'vitest';
import { auditSarif } from '../../../src/cli/audit/sarif.ts';
import { type Audit, auditFacts } from '../../../src/sensor/audit/audit.ts';
import { checks } from '../../../src/sensor/audit/checks.ts';
import { container, auditFacts as factsOf, network, port } from '../../sensor/audit/support.ts';
import { sarifProblems } from '../../support/sarif-schema.ts';
import { CHECKS, HOSTILE, sampleAudit, saying } from '../support/sample-audit.ts';

interface Result {
  readonly ruleId: string;
  readonly ruleIndex: number;
  readonly level: string;
  readonly message: { readonly text: string };
  readonly locations?: readonly {
    readonly physicalLocation?: object;
    readonly logicalLocations: readonly { readonly name: string; readonly fullyQualifiedName: string }[];
  }[];
  readonly partialFingerprints: Readonly<Record<string, string>>;
  readonly properties: Readonly<Record<string, unknown>>;
}
interface Run {
  readonly tool: { readonly driver: { readonly rules: readonly Record<string, unknown>[] } };
  readonly automationDetails: { readonly id: string };
  readonly invocations: readonly [{ readonly toolExecutionNotifications: readonly Record<string, never>[] }];
  readonly results: readonly Result[];
}

const OPTIONS = { of: 'vps1', folder: '/srv' };
const runOf = (audit: Audit, its = CHECKS, options = OPTIONS) =>
  (JSON.parse(auditSarif(audit, its, options)) as { runs: [Run] }).runs[0];
const fingerprints = ({ results }: Run) =>
  results.map(({ partialFingerprints }) => partialFingerprints['bridgewatchAudit/v1']!);

describe('an audit as SARIF', () => {
  const run = runOf(sampleAudit());

  it('fits the schema, with every outcome and names as bad as they can be', () => {
    expect(sarifProblems(JSON.parse(auditSarif(sampleAudit(), CHECKS, OPTIONS)))).toEqual([]);
  });

  it('fits the schema with all checks there are, over a host where much is wrong', () => {
    const facts = factsOf({
      networks: [network('front')],
      containers: [
        container('db', { networks: ['front'], isPrivileged: true, published: [port('::', 5432)] }),
      ],
      traffic: undefined,
    });
    const audit = auditFacts(facts);

    expect(runOf(audit, checks).results.length).toBeGreaterThan(3);
    expect(sarifProblems(JSON.parse(auditSarif(audit, checks, OPTIONS)))).toEqual([]);
  });

  it('is held to that schema: what does not fit is told', () => {
    expect(sarifProblems({ version: '2.1.0', runs: [{ tool: {} }] })).toEqual([
      "/runs/0/tool: must have required property 'driver'",
    ]);
    expect(sarifProblems({ version: '2.1.0', runs: [], mood: 'good' })).not.toEqual([]);
  });

  it('acts on no terminal', () => {
    const text = auditSarif(sampleAudit(), CHECKS, { ...OPTIONS, of: HOSTILE });

    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
  });

  it('has a rule for each check, with why, what it reads, and its page', () => {
    expect(run.tool.driver.rules.map(({ id }) => id)).toEqual(CHECKS.map(({ id }) => id));
    expect(run.tool.driver.rules[0]).toMatchObject({
      shortDescription: { text: 'Title of open-door' },
      help: {
        text: expect.stringMatching(
          /It is so\.\nReads its running containers\.\nCIS .*5\.14\.\n.*open-door\.md/,
        ),
        markdown: expect.stringContaining('`docs/audit/open-door.md`'),
      },
      defaultConfiguration: { level: 'error' },
      properties: { 'security-severity': '8.0', tags: ['security', 'docker', 'exposure', 'CIS-Docker-5.14'] },
    });
  });

  it('has a result for each that fails, replicas as one, with the level of its own severity', () => {
    expect(
      run.results.map(({ ruleId, level, properties }) => [ruleId, level, properties['severity']]),
    ).toEqual([
      ['two-things', 'error', 'critical'],
      ['two-things', 'error', 'critical'],
      ['open-door', 'error', 'high'],
      ['open-door', 'note', 'low'],
    ]);
    for (const { ruleId, ruleIndex } of run.results) expect(CHECKS[ruleIndex]!.id).toBe(ruleId);
    expect(run.results[3]!.locations).toEqual([
      { logicalLocations: [{ name: 'web', fullyQualifiedName: 'container/web', kind: 'container' }] },
    ]);
    expect(run.results[0]).not.toHaveProperty('locations');
  });

  it('tells what could not be answered as a notification, and never as a result', () => {
    const [{ toolExecutionNotifications: notes }] = run.invocations;

    expect(notes).toHaveLength(2);
    expect(notes[0]).toMatchObject({
      associatedRule: { id: 'open-door', index: 0 },
      level: 'warning',
      message: { text: 'Dark. Make light.' },
    });
    expect(notes[1]).toMatchObject({ associatedRule: { id: 'blind', index: 2 } });
    expect(notes[1]).not.toHaveProperty('locations');
  });

  it('has file and line where there are any: relative below the folder, else whole', () => {
    const physical = (file: string) => {
      const objects = [{ kind: 'network' as const, name: 'a', at: { file, line: 3 } }];
      const check = saying('x', {}, { outcome: 'fail', objects, explanation: 'X.' });
      const [found] = runOf(auditFacts(factsOf(), [check]), [check]).results;
      return found!.locations![0]!.physicalLocation;
    };
    const at = (uri: string) => ({ artifactLocation: { uri }, region: { startLine: 3 } });

    expect(physical('deploy/a file#1.yaml')).toEqual(at('deploy/a%20file%231.yaml'));
    expect(physical('./compose.yaml')).toEqual(at('compose.yaml'));
    expect(physical('/srv/shop/compose.yaml')).toEqual(at('shop/compose.yaml'));
    expect(physical('/etc/compose.yaml')).toEqual(at('file:///etc/compose.yaml'));
  });

  it('makes no link and no placeholder of a name', () => {
    const { text } = run.results[2]!.message;

    expect(text).not.toContain('](');
    expect(text).toContain('{{0}}');
    expect(text).not.toMatch(/(^|[^{])\{0\}/);
  });

  it('knows a failure again when ids, replicas, words and numbers are others', () => {
    const check = (explanation: string, ...ids: string[]) =>
      saying(
        'x',
        {},
        {
          ...{ outcome: 'fail' as const, explanation },
          objects: ids.map((id) => ({ kind: 'container' as const, name: 'web', id })),
        },
      );
    const of = (its: ReturnType<typeof check>) => fingerprints(runOf(auditFacts(factsOf(), [its]), [its]));

    expect(of(check('web publishes 1 port.', 'a'))).toEqual(of(check('web publishes 2 ports.', 'b', 'c')));
  });

  it('tells all failures of a run apart, by check, topic and object', () => {
    const all = fingerprints(run);

    expect(new Set(all).size).toBe(all.length);
    expect(all).toEqual(fingerprints(runOf(sampleAudit())));
  });

  it('keeps hosts apart', () => {
    expect(run.automationDetails.id).toBe('bridgewatch-audit/vps1/');
  });
});
