/** An audit with every outcome, of a host whose names are as bad as names can be. */
import { type Audit, auditFacts } from '../../../src/sensor/audit/audit.ts';
import { type CheckDefinition, defineCheck, type Verdict } from '../../../src/sensor/audit/check.ts';
import { container, auditFacts as factsOf, network } from '../../sensor/audit/support.ts';

export const HOSTILE = 'x\u001b[2J\u0000\ufffe\ud800"><failure/>]]>&amp;[go](http://evil.example){0}\n\u202e';

const db = container(HOSTILE, { networks: ['back'], id: 'id-1' });
const replicas = ['2', '3'].map((id) => container('web', { networks: ['back', 'front'], id: `id-${id}` }));

/** Answers what it is told to. */
export function saying(
  id: string,
  fields: Partial<CheckDefinition>,
  ...verdicts: Verdict[]
): CheckDefinition {
  return defineCheck({
    ...{ id, title: `Title of ${id}`, group: 'exposure', severity: 'medium', argument: 'It is so.' },
    needs: ['containers'],
    ...fields,
    run: () => verdicts,
  });
}

const about = ({ id, label }: typeof db, at?: { readonly file: string; readonly line: number }) => ({
  ...{ kind: 'container' as const, name: label, id },
  ...(at === undefined ? {} : { at }),
});

export const CHECKS: readonly CheckDefinition[] = [
  saying(
    'open-door',
    { severity: 'high', cis: ['5.14'] },
    {
      outcome: 'fail',
      objects: [about(db, { file: 'deploy/a file.yaml', line: 7 })],
      explanation: `${HOSTILE} is open.`,
      evidence: { ports: ['1', '2'] },
      remedy: { what: 'Shut it.', compose: `services:\n  ${HOSTILE}:\n    ports: []`, commands: ['a', 'b'] },
    },
    { outcome: 'fail', severity: 'low', objects: replicas.map((each) => about(each)), explanation: 'Ajar.' },
    { outcome: 'unknown', objects: [about(db)], explanation: 'Dark.', remedy: { what: 'Make light.' } },
  ),
  saying(
    'two-things',
    { group: 'dns', severity: 'critical' },
    { outcome: 'fail', topic: 'one', objects: [], explanation: 'One.' },
    { outcome: 'fail', topic: 'other', objects: [], explanation: 'Other.' },
  ),
  saying('blind', { group: 'dns', needs: ['traffic'] }),
  saying('fine', {}, { outcome: 'pass', objects: [], explanation: 'Fine.' }),
  saying(
    'empty',
    { group: 'drift' },
    { outcome: 'not-applicable', objects: [], explanation: 'Nothing <here>.' },
  ),
];

export function sampleAudit(): Audit {
  const networks = ['back', 'front'].map((name) => network(name));
  return auditFacts(factsOf({ containers: [db, ...replicas], networks, traffic: undefined }), CHECKS);
}
