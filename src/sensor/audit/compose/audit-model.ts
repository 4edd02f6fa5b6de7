/**
 * Compose files before they are deployed: the checks that networks and containers are enough for, over what the files ask
 * for. Pure. What only an engine or its host tells is not asked, and named: twenty checks that cannot answer are no report.
 */
import type { ComposeModel, ComposeService } from '../../../compose/model.ts';
import type { AuditResult } from '../../../model/audit.ts';
import { type Audit, summedUp } from '../audit.ts';
import type { CheckDefinition } from '../check.ts';
import { type AuditFacts, FACT_WORDS, type FactName, known, notKnown } from '../facts.ts';
import { runChecks } from '../run-checks.ts';
import { factsOfModel } from './model-facts.ts';

const TOLD: ReadonlySet<FactName> = new Set(['networks', 'containers']);
/**
 * Networks and containers are what they need, and not what they are about: the engine's own bridge; the ways out of an
 * internal network that are the host's, while those that a file opens are told by checks of their own.
 */
const OF_THE_ENGINE: ReadonlySet<string> = new Set(['default-bridge-icc', 'internal-ways-out']);

export function isAskedOfFiles({ id, group, needs }: CheckDefinition): boolean {
  return group !== 'drift' && !OF_THE_ENGINE.has(id) && needs.every((name) => TOLD.has(name));
}

export function auditModel(model: ComposeModel, checks: readonly CheckDefinition[]): Audit {
  const isStarted = ({ replicas }: ComposeService): boolean => replicas !== 0;
  const started = { ...model, services: model.services.filter(isStarted) };
  const idle = model.services.filter((service) => !isStarted(service)).map(({ name }) => name);
  const { networks, containers, places } = factsOfModel(started);
  const nobody = notKnown(
    'a Compose file does not tell',
    'Audit the host that it is deployed on: `bridgewatch audit`.',
  );
  const names = Object.keys(FACT_WORDS) as FactName[];
  const facts = {
    ...Object.fromEntries(names.map((name) => [name, nobody])),
    networks: known(networks),
    containers: known(containers),
  } as unknown as AuditFacts;
  const asked = checks.filter(isAskedOfFiles);
  const results = runChecks(asked, facts).map(
    (result): AuditResult => ({
      ...result,
      objects: result.objects.map((object) => {
        const at = places.get(object.id ?? '');
        return at === undefined ? object : { ...object, at: { file: at.file, line: at.line } };
      }),
    }),
  );
  const notAsked = checks.filter((check) => !isAskedOfFiles(check)).map(({ id }) => id);
  return {
    ...summedUp(facts, results),
    composed: {
      ...{ project: model.name, files: model.files, notStarted: [...model.inactive, ...idle] },
      notAsked,
      remarks: model.remarks,
    },
  };
}
