/**
 * An audit as SARIF 2.1.0 (OASIS), for what shows results of static analysis. Checks are rules; each object that fails is
 * a result, so that one that is mended goes by itself; what could not be answered is a notification and never a result.
 * Containers and networks are logical locations; a file and a line are there only where a Compose file was read.
 */
import { createHash } from 'node:crypto';
import { isAbsolute, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AuditObject, AuditResult } from '../../model/audit.ts';
import { escapeText } from '../../model/escape.ts';
import type { Severity } from '../../model/finding.ts';
import { indentedJson } from '../../model/printable-json.ts';
import type { Audit } from '../../sensor/audit/audit.ts';
import type { CheckDefinition } from '../../sensor/audit/check.ts';
import { FACT_WORDS } from '../../sensor/audit/facts.ts';
import { version } from '../../version.ts';

export interface SarifOptions {
  /** The host, or the Compose project: results of two are kept apart by it. */
  readonly of: string;
  /** Files are named from here where they are below it, as code scanning wants them. */
  readonly folder: string;
}

const SCHEMA = 'https://json.schemastore.org/sarif-2.1.0.json';
const MAX_CHARS = 2000;

const LEVELS: Readonly<Record<Severity, 'error' | 'warning' | 'note'>> = {
  critical: 'error',
  high: 'error',
  medium: 'warning',
  low: 'note',
  informational: 'note',
};
/** GitHub's code scanning: from 9.0 critical, from 7.0 high, from 4.0 medium, from 0.1 low; 0 is shown without one. */
const SECURITY_SEVERITY: Readonly<Record<Severity, string>> = {
  critical: '9.5',
  high: '8.0',
  medium: '5.5',
  low: '2.0',
  informational: '0.0',
};

export function auditSarif(
  { results, scores, engineVersion }: Audit,
  checks: readonly CheckDefinition[],
  { of, folder }: SarifOptions,
): string {
  const ruleOf = (id: string) => ({ ruleId: id, ruleIndex: checks.findIndex((check) => check.id === id) });
  const seen = new Map<string, number>();
  return indentedJson({
    $schema: SCHEMA,
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            ...{ name: 'Bridgewatch', semanticVersion: version(), rules: checks.map(ruleFor) },
            shortDescription: { text: "What of a Docker host's networks is not as safe as it could be." },
          },
        },
        automationDetails: { id: `bridgewatch-audit/${escapeText(of)}/` },
        invocations: [
          {
            executionSuccessful: true,
            toolExecutionNotifications: results
              .filter(({ outcome }) => outcome === 'unknown')
              .map((result) => {
                const { ruleId, ruleIndex } = ruleOf(result.check);
                const locations = result.objects.map((object) => locationOf(object, folder));
                return {
                  ...{ associatedRule: { id: ruleId, index: ruleIndex }, level: 'warning' },
                  ...{ message: messageOf(result), ...(locations.length === 0 ? {} : { locations }) },
                };
              }),
          },
        ],
        columnKind: 'utf16CodeUnits',
        results: results
          .filter(({ outcome }) => outcome === 'fail')
          .flatMap((result) =>
            objectsOf(result).map((object) => ({
              ...ruleOf(result.check),
              level: LEVELS[result.severity],
              message: messageOf(result),
              ...(object === undefined ? {} : { locations: [locationOf(object, folder)] }),
              partialFingerprints: { 'bridgewatchAudit/v1': fingerprint(result, object, seen) },
              properties: propertiesOf(result),
            })),
          ),
        properties: { ...(engineVersion === undefined ? {} : { engineVersion }), scores },
      },
    ],
  });
}

function ruleFor(check: CheckDefinition) {
  const { id, title, group, severity, argument, needs, wants = [], cis = [], engines } = check;
  const page = `docs/audit/${id}.md`;
  const reads = [...new Set([...needs, ...wants])].map((name) => FACT_WORDS[name]).join('; ');
  const more = [
    `Reads ${reads}.`,
    ...(cis.length === 0 ? [] : [`CIS Docker Benchmark 1.6.0: ${cis.join(', ')}.`]),
    ...(engines === undefined ? [] : [`Engines: ${engines}.`]),
  ];
  return {
    id,
    shortDescription: { text: title },
    fullDescription: { text: argument },
    help: {
      text: [argument, ...more, `More in Bridgewatch's ${page}.`].join('\n').replaceAll('`', ''),
      markdown: [
        `**${title}.** ${argument}`,
        '',
        ...more.map((line) => `- ${line}`),
        `- More in Bridgewatch's \`${page}\``,
      ].join('\n'),
    },
    defaultConfiguration: { level: LEVELS[severity] },
    properties: {
      tags: ['security', 'docker', group, ...cis.map((each) => `CIS-Docker-${each}`)],
      ...{ precision: 'high', 'security-severity': SECURITY_SEVERITY[severity], page },
    },
  };
}

/** Replicas of a service have one name, and are one result; a failure of nobody in particular is one, too. */
function objectsOf({ objects }: AuditResult): readonly (AuditObject | undefined)[] {
  const byName = new Map(objects.map((object) => [`${object.kind} ${object.name}`, object]));
  return byName.size === 0 ? [undefined] : [...byName.values()];
}

/**
 * Who fails by what, and neither ids nor numbers: the same as long as nobody mends it, whatever is started anew. Where a
 * check has no topic and still fails twice by one object, they are counted.
 */
function fingerprint(
  { check, topic }: AuditResult,
  object: AuditObject | undefined,
  seen: Map<string, number>,
): string {
  const what = JSON.stringify([check, topic ?? '', object?.kind ?? '', object?.name ?? '']);
  const count = (seen.get(what) ?? 0) + 1;
  seen.set(what, count);
  const digest = createHash('sha256').update(what).digest('hex').slice(0, 32);
  return `${digest}:${count}`;
}

function propertiesOf({ severity, topic, networks, evidence, remedy }: AuditResult) {
  return {
    severity,
    ...(topic === undefined ? {} : { topic }),
    ...{ networks, evidence },
    ...(remedy === undefined ? {} : { remedy }),
  };
}

function messageOf({ explanation, remedy }: AuditResult) {
  return { text: plain(remedy === undefined ? explanation : `${explanation} ${remedy.what}`) };
}

/** SARIF 3.11.5 and 3.11.6: braces are placeholders unless they are doubled, and `[text](target)` is a link. */
function plain(text: string): string {
  return escapeText(text, MAX_CHARS).replaceAll('](', '] (').replace(/[{}]/g, '$&$&');
}

function locationOf({ kind, name, at }: AuditObject, folder: string) {
  const text = escapeText(name, MAX_CHARS);
  return {
    ...(at === undefined
      ? {}
      : {
          physicalLocation: {
            artifactLocation: { uri: uriOf(at.file, folder) },
            region: { startLine: at.line },
          },
        }),
    logicalLocations: [{ name: text, fullyQualifiedName: `${kind}/${text}`, kind }],
  };
}

/** Relative below the folder, else whole. */
function uriOf(file: string, folder: string): string {
  const path = isAbsolute(file) ? relative(folder, file) : file;
  if (path.startsWith('..') || isAbsolute(path)) return pathToFileURL(file).href;
  return path
    .replace(/^\.\//, '')
    .split('/')
    .map((part) => encodeURIComponent(part))
    .join('/');
}
