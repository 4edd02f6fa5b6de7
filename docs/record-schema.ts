/**
 * The public form of every record as JSON Schema, read from the types themselves by the TypeScript compiler: the
 * shape from what `serialize.ts` builds, the meaning from the doc comments in src/model. Objects are closed, so that a
 * field that nobody documented makes a test fail.
 */
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export interface Schema {
  readonly $ref?: string;
  readonly description?: string;
  readonly type?: 'string' | 'number' | 'boolean' | 'array' | 'object';
  readonly const?: string | boolean;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | false;
}

export interface RecordSchemas {
  /** By kind, in the order of the documentation. */
  readonly records: ReadonlyMap<string, Schema>;
  /** Objects that several records hold, by name. */
  readonly shared: ReadonlyMap<string, Schema>;
}

const SOURCES = {
  public: 'src/model/serialize.ts',
  inventory: 'src/sensor/docker/inventory-records.ts',
  cli: 'src/cli/lib/records.ts',
  report: 'src/report/ndjson.ts',
  flow: 'src/model/flow.ts',
  dns: 'src/model/dns.ts',
  finding: 'src/model/finding.ts',
  endpoint: 'src/model/endpoint.ts',
  network: 'src/model/network.ts',
  record: 'src/model/record.ts',
  blocked: 'src/model/blocked.ts',
  decision: 'src/model/decision.ts',
  evidence: 'src/model/evidence.ts',
  audit: 'src/model/audit-run.ts',
  lease: 'src/model/lease.ts',
  listener: 'src/model/listener.ts',
  spoof: 'src/model/spoof.ts',
  nat: 'src/model/nat.ts',
} as const;
type Source = keyof typeof SOURCES;
type Named = readonly [source: Source, type: string];

/** Shape and, where another type has the comments, meaning. */
const SHARED: readonly (readonly [name: string, shape: Named, meaning: Named])[] = [
  ['endpoint', ['public', 'PublicEndpoint'], ['endpoint', 'Endpoint']],
  ['network', ['public', 'PublicNetwork'], ['network', 'Network']],
  ['workload', ['public', 'PublicWorkload'], ['network', 'Workload']],
];
const RECORDS: readonly (readonly [kind: string, shape: Named, meaning: Named])[] = [
  ['finding', ['public', 'PublicFinding'], ['finding', 'Finding']],
  ['flow', ['public', 'PublicFlow'], ['flow', 'FlowRecord']],
  ['traffic', ['public', 'PublicTraffic'], ['flow', 'TrafficRecord']],
  ['dns', ['public', 'PublicDns'], ['dns', 'DnsRecord']],
  ['no-route', ['public', 'PublicNoRoute'], ['record', 'NoRouteRecord']],
  ['blocked', ['public', 'PublicBlocked'], ['blocked', 'BlockedRecord']],
  ['listener', ['public', 'PublicListener'], ['listener', 'ListenerRecord']],
  ['lease', ['public', 'PublicLease'], ['lease', 'LeaseRecord']],
  ['spoof', ['public', 'PublicSpoof'], ['spoof', 'SpoofRecord']],
  ['decision', ['public', 'PublicDecision'], ['decision', 'DecisionRecord']],
  ['evidence', ['public', 'PublicEvidence'], ['evidence', 'EvidenceRecord']],
  ['audit-run', ['public', 'PublicAuditRun'], ['audit', 'AuditRunRecord']],
  ['inventory', ['public', 'PublicInventoryChange'], ['record', 'InventoryChange']],
  ['coverage', ['public', 'PublicCoverage'], ['record', 'CoverageRecord']],
  ['loss', ['public', 'PublicLoss'], ['record', 'LossRecord']],
  ['anomaly', ['public', 'PublicAnomaly'], ['record', 'AnomalyRecord']],
  ['summary', ['public', 'PublicSummary'], ['record', 'SummaryRecord']],
  ['network', ['inventory', 'NetworkRecord'], ['inventory', 'NetworkRecord']],
  ['container', ['inventory', 'ContainerRecord'], ['inventory', 'ContainerRecord']],
  ['host', ['inventory', 'HostRecord'], ['inventory', 'HostRecord']],
  ['diagnosis', ['cli', 'DiagnosisRecord'], ['cli', 'DiagnosisRecord']],
  ['audit', ['cli', 'AuditRecord'], ['cli', 'AuditRecord']],
  ['audit-score', ['cli', 'AuditScoreRecord'], ['cli', 'AuditScoreRecord']],
  ['audit-assurance', ['cli', 'AuditAssuranceRecord'], ['cli', 'AuditAssuranceRecord']],
  ['influx-measurement', ['cli', 'InfluxMeasurementRecord'], ['cli', 'InfluxMeasurementRecord']],
  ['influx-step', ['cli', 'InfluxStepRecord'], ['cli', 'InfluxStepRecord']],
  ['config', ['cli', 'ConfigRecord'], ['cli', 'ConfigRecord']],
  ['config-issue', ['cli', 'ConfigIssueRecord'], ['cli', 'ConfigIssueRecord']],
  ['mute', ['cli', 'MuteRecord'], ['cli', 'MuteRecord']],
  ['edge', ['cli', 'EdgeRecord'], ['cli', 'EdgeRecord']],
  ['learned', ['cli', 'LearnedServiceRecord'], ['cli', 'LearnedServiceRecord']],
  ['learned-edge', ['cli', 'LearnedEdgeRecord'], ['cli', 'LearnedEdgeRecord']],
  ['learned-map', ['cli', 'LearnedMapRecord'], ['cli', 'LearnedMapRecord']],
  ['bundle', ['cli', 'BundleRecord'], ['cli', 'BundleRecord']],
  ['bundle-check', ['cli', 'BundleCheckRecord'], ['cli', 'BundleCheckRecord']],
  ['dns-summary', ['cli', 'DnsSummaryRecord'], ['cli', 'DnsSummaryRecord']],
  ['flow-group', ['cli', 'FlowGroupRecord'], ['cli', 'FlowGroupRecord']],
  ['case', ['report', 'CaseRecord'], ['report', 'CaseRecord']],
  ['case-finding', ['report', 'CaseFindingRecord'], ['report', 'CaseFindingRecord']],
  ['case-step', ['report', 'CaseStepRecord'], ['report', 'CaseStepRecord']],
  ['case-event', ['report', 'CaseEventRecord'], ['report', 'CaseEventRecord']],
  ['case-actor', ['report', 'CaseActorRecord'], ['report', 'CaseActorRecord']],
  ['case-amount', ['report', 'CaseAmountRecord'], ['report', 'CaseAmountRecord']],
  ['case-look-up', ['report', 'CaseLookUpRecord'], ['report', 'CaseLookUpRecord']],
  ['case-blind-spot', ['report', 'CaseBlindSpotRecord'], ['report', 'CaseBlindSpotRecord']],
  ['version', ['cli', 'VersionRecord'], ['cli', 'VersionRecord']],
];

/** ISO 8601, microseconds, UTC; years beyond 9999 have a sign and six digits, and what no Date can hold says so. */
const TIME_PATTERN = '^((\\d{4}|[+-]\\d{6})-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\.\\d{6}Z|invalid-time)$';

/** Takes a second or two: the compiler reads the model. */
export function recordSchemas(): RecordSchemas {
  return new Reader().read();
}

class Reader {
  readonly #program: ts.Program;
  readonly #checker: ts.TypeChecker;
  readonly #shared = new Map<ts.Type, string>();

  constructor() {
    const root = fileURLToPath(new URL('../', import.meta.url));
    const config = ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile).config as {
      compilerOptions: object;
    };
    const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
    this.#program = ts.createProgram(
      Object.values(SOURCES).map((path) => root + path),
      { ...options, noEmit: true },
    );
    this.#checker = this.#program.getTypeChecker();
  }

  read(): RecordSchemas {
    const shapes = SHARED.map(([name, shape, meaning]) => ({
      name,
      shape: this.#type(shape),
      meaning: this.#type(meaning),
    }));
    for (const { name, shape } of shapes) this.#shared.set(shape, name);
    return {
      shared: new Map(shapes.map(({ name, shape, meaning }) => [name, this.#object(shape, meaning)])),
      records: new Map(
        RECORDS.map(([kind, shape, meaning]) => [kind, this.#object(this.#type(shape), this.#type(meaning))]),
      ),
    };
  }

  #type([source, name]: Named): ts.Type {
    const file = this.#program
      .getSourceFiles()
      .find(({ fileName }) => fileName.endsWith(`/${SOURCES[source]}`));
    const symbol = file && this.#checker.getSymbolAtLocation(file);
    const found =
      symbol && this.#checker.getExportsOfModule(symbol).find((exported) => exported.name === name);
    if (found === undefined) throw new Error(`${SOURCES[source]} exports no ${name}`);
    return this.#checker.getDeclaredTypeOfSymbol(found);
  }

  #schema(type: ts.Type, meaning: ts.Type | undefined, isTime: boolean): Schema {
    const { TypeFlags: Flags } = ts;
    const shared = this.#shared.get(type);
    if (shared !== undefined) return { $ref: `#/$defs/${shared}` };
    if ((type.flags & Flags.Boolean) !== 0) return { type: 'boolean' };
    if (type.isUnion()) return this.#union(type, meaning, isTime);
    if (type.isStringLiteral()) return { const: type.value };
    if ((type.flags & Flags.BooleanLiteral) !== 0)
      return { const: this.#checker.typeToString(type) === 'true' };
    if ((type.flags & Flags.String) !== 0)
      return isTime ? { type: 'string', pattern: TIME_PATTERN } : { type: 'string' };
    if ((type.flags & Flags.Number) !== 0) return { type: 'number' };
    if (this.#checker.isArrayType(type)) {
      const item = this.#checker.getTypeArguments(type as ts.TypeReference)[0]!;
      return { type: 'array', items: this.#schema(item, this.#itemOf(meaning), false) };
    }
    const values = type.getStringIndexType();
    if (values !== undefined)
      return { type: 'object', additionalProperties: this.#schema(values, undefined, false) };
    return this.#object(type, meaning);
  }

  #union(type: ts.UnionType, meaning: ts.Type | undefined, isTime: boolean): Schema {
    const present = type.types.filter(({ flags }) => (flags & ts.TypeFlags.Undefined) === 0);
    const literals = present.filter((member) => member.isStringLiteral());
    // Sorted: the compiler's own order depends on what else it has read.
    if (present.length > 1 && literals.length === present.length)
      return { enum: literals.map(({ value }) => value).sort() };
    const isBoolean = (member: ts.Type) => (member.flags & ts.TypeFlags.BooleanLiteral) !== 0;
    const others = present.filter((member) => !isBoolean(member));
    const schemas = others.map((member) => this.#schema(member, meaning, isTime));
    if (others.length < present.length) schemas.push({ type: 'boolean' });
    if (schemas.length === 1) return schemas[0]!;
    return { anyOf: schemas.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) };
  }

  #object(type: ts.Type, meaning: ts.Type | undefined): Schema {
    const properties: Record<string, Schema> = {};
    const required: string[] = [];
    for (const property of type.getProperties()) {
      const { name } = property;
      const described = meaning?.getProperty(name) ?? property;
      const valueType = this.#checker.getTypeOfSymbol(property);
      const schema = this.#schema(
        this.#withoutUndefined(valueType),
        this.#withoutUndefined(this.#checker.getTypeOfSymbol(described)),
        isMicros(described),
      );
      const description = ts.displayPartsToString(described.getDocumentationComment(this.#checker));
      properties[name] = description === '' ? schema : { description: oneLine(description), ...schema };
      if (!this.#mayBeAbsent(property, valueType)) required.push(name);
    }
    const about = meaning?.getSymbol()?.getDocumentationComment(this.#checker) ?? [];
    const description = oneLine(ts.displayPartsToString(about));
    return {
      ...(description === '' ? {} : { description }),
      type: 'object',
      properties,
      required,
      additionalProperties: false,
    };
  }

  #mayBeAbsent(property: ts.Symbol, type: ts.Type): boolean {
    const includesUndefined =
      type.isUnion() && type.types.some(({ flags }) => (flags & ts.TypeFlags.Undefined) !== 0);
    return includesUndefined || (property.flags & ts.SymbolFlags.Optional) !== 0;
  }

  #withoutUndefined(type: ts.Type): ts.Type {
    return this.#checker.getNonNullableType(type);
  }

  #itemOf(type: ts.Type | undefined): ts.Type | undefined {
    return type !== undefined && this.#checker.isArrayType(type)
      ? this.#checker.getTypeArguments(type as ts.TypeReference)[0]
      : undefined;
  }
}

/** Declared as `Micros`; an alias of a number leaves no trace in the type itself. */
function isMicros(property: ts.Symbol): boolean {
  const declaration = property.valueDeclaration;
  return (
    declaration !== undefined &&
    ts.isPropertySignature(declaration) &&
    declaration.type?.getText() === 'Micros'
  );
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ').trim();
}
