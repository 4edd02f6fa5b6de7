/**
 * Every measurement that is written, with its tags and fields: `bridgewatch influx schema` prints it, the compiler holds
 * points.ts to it, and the tag guard bounds what it calls open.
 */
import type { FieldValue } from './line-protocol.ts';

/**
 * What bounds the values of a tag. `fixed`: words of Bridgewatch's own. `host`: one for each agent. `values`:
 * max_tag_values a day, then `other`. `ports`: 256 a day, then `other`.
 */
export type TagBound = 'fixed' | 'host' | 'values' | 'ports';
export type FieldType = 'string' | 'integer' | 'boolean';

export interface TagSchema {
  readonly bound: TagBound;
  readonly about: string;
}

export interface FieldSchema {
  readonly type: FieldType;
  readonly about: string;
}

export interface MeasurementSchema {
  readonly about: string;
  /** What its timestamp is. */
  readonly time: string;
  readonly tags: Readonly<Record<string, TagSchema>>;
  readonly fields: Readonly<Record<string, FieldSchema>>;
}

const tag = (bound: TagBound, about: string) => ({ bound, about });
const text = (about: string) => ({ type: 'string', about }) as const;
const integer = (about: string) => ({ type: 'integer', about }) as const;
const boolean = (about: string) => ({ type: 'boolean', about }) as const;

const HOST = tag('host', 'Name of the Docker host.');
const NETWORK = tag('values', 'Docker network.');

export const MEASUREMENTS = {
  bridgewatch_finding: {
    about: 'A point each time a finding opens, changes or closes.',
    time: 'When it was last seen.',
    tags: {
      analyzer: tag('fixed', 'Which detector.'),
      host: HOST,
      network: NETWORK,
      service: tag('values', 'Who did it: project/service, else the container.'),
      severity: tag('fixed', 'informational, low, medium, high, critical.'),
      status: tag('fixed', 'open, update, closed, reopened.'),
    },
    fields: {
      title: text('What the detector finds, in general; the title of an annotation in Grafana.'),
      text: text('The explanation again; the text of an annotation.'),
      tags: text('Severity, detector and ATT&CK techniques; the tags of an annotation.'),
      id: text('Id of the finding.'),
      message: text("Which of the detector's messages."),
      explanation: text('One sentence with the evidence in it.'),
      reason: text('Why this point was written.'),
      confidence: text('low, medium, high, certain.'),
      count: integer('How often it was reported so far; 1 or more.'),
      first_seen: text('RFC 3339, microseconds.'),
      last_seen: text('RFC 3339, microseconds.'),
      subject: text('Who did it, as people call it.'),
      subject_ip: text('Its address.'),
      subject_scope: text('Where that address lives.'),
      subject_container: text('Name of the container.'),
      subject_container_id: text('Its id.'),
      subject_image: text('Its image.'),
      peer: text('With whom: the first.'),
      peer_ip: text('Its address.'),
      peer_port: integer('Its port.'),
      peer_scope: text('Where that address lives.'),
      peers: text('All of them, when several.'),
      attack: text('ATT&CK techniques.'),
      evidence: text('What crossed which threshold, as JSON.'),
      flow_uids: text('Flows in which it was seen.'),
      community_ids: text('Their Community IDs.'),
      key: text('What makes two reports the same finding.'),
    },
  },
  bridgewatch_traffic: {
    about: 'A point for each edge and roll-up interval (flows.rollup_secs).',
    time: 'The end of the interval.',
    tags: {
      direction: tag('fixed', 'internal, egress, ingress and so on.'),
      host: HOST,
      network: NETWORK,
      orig: tag('values', 'Who began it: service, else container or scope.'),
      protocol: tag('fixed', 'tcp, udp, icmp, icmp6, ip-NUMBER.'),
      resp: tag('values', 'Who was called.'),
      resp_port: tag('ports', 'Port of who was called.'),
    },
    fields: {
      orig_bytes: integer('Bytes from who began it.'),
      resp_bytes: integer('Bytes back.'),
      orig_packets: integer('Packets from who began it.'),
      resp_packets: integer('Packets back.'),
      flows_started: integer('Flows that began in the interval.'),
      port: integer('The port, exact also where the tag says other.'),
    },
  },
  bridgewatch_loss: {
    about: 'What was seen and could not be kept, or could not be seen.',
    time: 'When it was told.',
    tags: {
      host: HOST,
      source: tag('fixed', 'What lost it.'),
      where: tag('values', 'Of which network, sink or detector.'),
    },
    fields: {
      count: integer('How many.'),
      first: text('RFC 3339, microseconds.'),
      last: text('RFC 3339, microseconds.'),
    },
  },
  bridgewatch_coverage: {
    about: 'A point when a network, or the DNS of a container, begins or ceases to be watched.',
    time: 'When that changed.',
    tags: {
      host: HOST,
      network: NETWORK,
      container: tag('values', 'Where it is about the DNS of one container.'),
      state: tag('fixed', 'covered, or why not.'),
    },
    fields: {
      covered: boolean('Whether it is watched.'),
      interface: text('Where it is tapped.'),
      reason: text('Why it is not.'),
    },
  },
  bridgewatch_audit: {
    about: 'A point for the host, and one for each network, each time the agent has audited the host.',
    time: 'When it was done.',
    tags: {
      host: HOST,
      network: tag('values', 'Docker network; none: the host itself.'),
      trigger: tag('fixed', 'start, change, schedule.'),
    },
    fields: {
      score: integer('100 and less; see docs/audit.'),
      failed: integer('Checks that fail there.'),
      unknown: integer('Checks that could not answer there.'),
      critical: integer("Failures of all places by severity, in the host's point only."),
      high: integer('The same.'),
      medium: integer('The same.'),
      low: integer('The same.'),
      informational: integer('The same.'),
      findings: integer("Failures that stand as findings, in the host's point only."),
      containers: integer("Running containers, in the host's point only."),
      engine: text("Version of the engine, in the host's point only."),
    },
  },
} as const satisfies Readonly<Record<string, MeasurementSchema>>;

type Measurements = typeof MEASUREMENTS;
export type MeasurementName = keyof Measurements;

interface FieldTypes {
  readonly string: string;
  readonly integer: bigint;
  readonly boolean: boolean;
}

/** A point with all the tags and fields of its measurement, and no others. */
export interface PointOf<M extends MeasurementName> {
  readonly measurement: M;
  readonly tags: { readonly [T in keyof Measurements[M]['tags']]: string | undefined };
  readonly fields: {
    readonly [F in keyof Measurements[M]['fields']]: Measurements[M]['fields'][F] extends {
      readonly type: infer T extends FieldType;
    }
      ? FieldTypes[T] | undefined
      : FieldValue;
  };
}

/** Tags of all measurements whose values come from outside this program. */
export function openTags(): ReadonlySet<string> {
  const tags = Object.values<MeasurementSchema>(MEASUREMENTS).flatMap(({ tags: all }) => Object.entries(all));
  return new Set(
    tags.filter(([, { bound }]) => bound === 'values' || bound === 'ports').map(([name]) => name),
  );
}
