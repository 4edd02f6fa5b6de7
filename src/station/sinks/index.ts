/** Every sink that can be named under `sinks`, one line each; see definition.ts. InfluxDB has a section of its own. */
import { z } from 'zod';
import { alertmanagerSink } from './alertmanager.ts';
import type { CommonSinkConfig, SinkDefinition, SinkDeps } from './definition.ts';
import { sinkName } from './definition.ts';
import { fileSink } from './file.ts';
import { natsSink } from './nats.ts';
import { routed, routeOf, routeProblems } from './route.ts';
import type { Sink } from './sink.ts';
import { syslogSink } from './syslog.ts';
import { webhookSink } from './webhook.ts';

export const SINKS = [
  fileSink,
  syslogSink,
  webhookSink,
  alertmanagerSink,
  natsSink,
] as const satisfies readonly SinkDefinition[];

/** The sections `influxdb:` and `sinks:` share the outbox. */
const RESERVED_NAMES: ReadonlySet<string> = new Set(['influxdb']);

const MAX_SINKS = 32;

const schemas = SINKS.map(({ config, about }) => config.describe(about)) as unknown as [
  z.ZodObject,
  ...z.ZodObject[],
];

export const sinksConfig = z
  .array(z.discriminatedUnion('type', schemas) as unknown as z.ZodType<CommonSinkConfig>)
  .max(MAX_SINKS)
  .superRefine((configs, context) => {
    const issue = (i: number, option: string, message: string) =>
      context.addIssue({ code: 'custom', path: [i, option], message });
    const names = configs.map(sinkName);
    for (const [i, config] of configs.entries()) {
      const name = names[i]!;
      if (RESERVED_NAMES.has(name)) issue(i, 'name', `"${name}" is the sink of the section ${name}`);
      if (names.indexOf(name) < i)
        issue(i, 'name', `there is a sink "${name}" already; give this one a name of its own`);
      for (const { option, problem } of routeProblems(config)) issue(i, option, problem);
    }
  });

export type SinksConfig = readonly CommonSinkConfig[];

/** With its route before it. */
export function createSink(config: CommonSinkConfig, deps: SinkDeps): Sink {
  const definition: SinkDefinition | undefined = SINKS.find(({ type }) => type === config.type);
  if (definition === undefined) throw new TypeError(`no sink is called ${config.type}`);
  return routed(definition.create(config, deps), routeOf(config));
}
