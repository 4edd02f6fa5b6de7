/**
 * Every option in one tree. The sections stand next to the code they configure; here they are only gathered,
 * so that the type, the check and docs/config.md cannot disagree.
 */
import { z } from 'zod';
import { auditConfig } from '../sensor/audit/config.ts';
import {
  captureConfig,
  dnsConfig,
  dockerConfig,
  firewallConfig,
  flowsConfig,
  geoConfig,
  listenersConfig,
  logConfig,
  namesConfig,
  natConfig,
  noRouteConfig,
  overlaysConfig,
} from '../sensor/config.ts';
import { evidenceConfig } from '../sensor/evidence/config.ts';
import { findingsConfig } from '../sensor/findings/config.ts';
import { threatListsConfig } from '../sensor/threat-lists/config.ts';
import { apiConfig } from '../station/api/config.ts';
import { influxdbConfig, stationConfig, storeConfig } from '../station/config.ts';
import { sinksConfig } from '../station/sinks/index.ts';

/** What configuration needs to know of a detector. */
export interface OptionsOfAnalyzer {
  readonly id: string;
  readonly config: z.ZodType;
}

const sections = {
  docker: dockerConfig.prefault({}).describe('Where the Docker engine is.'),
  capture: captureConfig.prefault({}).describe('What is captured, and how.'),
  flows: flowsConfig.prefault({}).describe('The flow table and the traffic roll-ups.'),
  dns: dnsConfig.prefault({}).describe('Pairing of DNS questions and answers.'),
  names: namesConfig.prefault({}).describe('Names of outside addresses, from what each container resolved.'),
  geo: geoConfig.prefault({}).describe('Country and autonomous system of outside addresses.'),
  listeners: listenersConfig.prefault({}).describe('Which ports containers listen on.'),
  no_route: noRouteConfig.prefault({}).describe("The kernel's counters of packets without a route."),
  firewall: firewallConfig.prefault({}).describe("Counters of the host's firewall."),
  overlays: overlaysConfig.prefault({}).describe('Overlay networks on the wire between hosts.'),
  nat: natConfig.prefault({}).describe('Translated connections, as the kernel tracks them.'),
  threat_lists: threatListsConfig
    .prefault({})
    .describe('Lists of addresses, networks and domains whose contacts are told; see docs/threat-lists.md.'),
  findings: findingsConfig.prefault({}).describe('When a finding is repeated, updated and closed.'),
  evidence: evidenceConfig
    .prefault({})
    .describe('Packets of the last moments, and what is put aside for findings; see docs/evidence.md.'),
  audit: auditConfig.prefault({}).describe('Audits that the running agent makes; see docs/audit.'),
  station: stationConfig.prefault({}).describe('The unprivileged process that stores and sends.'),
  store: storeConfig.prefault({}).describe('The embedded database.'),
  influxdb: influxdbConfig.prefault({}).describe('The InfluxDB sink; off until a url is given.'),
  sinks: sinksConfig.default([]).describe('Where else records are sent; see docs/sinks.md.'),
  api: apiConfig
    .prefault({})
    .describe('The HTTP API: questions, live feed, health, metrics; see docs/api.md.'),
  log: logConfig.prefault({}).describe("The agent's own log."),
} as const;

export type Config = { readonly [K in keyof typeof sections]: z.infer<(typeof sections)[K]> } & {
  /** Checked options by analyzer id; `enabled` is every analyzer's. */
  readonly analyzers: Readonly<Record<string, AnalyzerOptions>>;
};

export interface AnalyzerOptions {
  readonly enabled: boolean;
  readonly options: unknown;
}

/** The whole schema, given the detectors that exist. */
export function configSchema(analyzers: readonly OptionsOfAnalyzer[]): z.ZodType {
  const shape: Record<string, z.ZodType> = {};
  for (const analyzer of analyzers) {
    if (!(analyzer.config instanceof z.ZodObject))
      throw new TypeError(`options of ${analyzer.id} are not an object`);
    shape[analyzer.id] = analyzer.config
      .extend({ enabled: z.boolean().default(true).describe('Whether this analyzer runs.') })
      .transform(({ enabled, ...options }): AnalyzerOptions => ({ enabled: enabled as boolean, options }))
      .prefault({});
  }
  return z.strictObject({
    ...sections,
    analyzers: z.strictObject(shape).prefault({}).describe('Options of the detectors.'),
  });
}
