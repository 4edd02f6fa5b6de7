/**
 * The output formats as JSON Schema (2020-12): written from the formats' own references, not from our code, so that a
 * test can hold one against the other. Objects are closed: a field that a reference does not have is a mistake. What
 * stands under `bridgewatch` and `unmapped` goes by the native form.
 */
import { z } from 'zod';

const text = z.string();
const count = z.int().min(0);
const port = z.int().min(0).max(65_535);
const time = z.string().regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/);
const ip = z.string().regex(/^(\d{1,3}(\.\d{1,3}){3}|[\da-f:]*:[\da-f:.]*)$/);
const native = z.looseObject({});
const some = <T extends z.ZodType>(item: T) => z.array(item).min(1);

// --- EVE: Suricata's etc/schema.json, versions 6 and 7.

const eveTime = z.string().regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d+[+-]\d{4}$/);
const eveTuple = {
  timestamp: eveTime,
  flow_id: z.int().min(0).optional(),
  in_iface: text.optional(),
  src_ip: text.optional(),
  src_port: port.optional(),
  dest_ip: text.optional(),
  dest_port: port.optional(),
  proto: text.optional(),
  app_proto: text.optional(),
  icmp_type: count.optional(),
  icmp_code: count.optional(),
  community_id: text.optional(),
  host: text,
  bridgewatch: native,
};

const eve = z.discriminatedUnion('event_type', [
  z.strictObject({
    ...eveTuple,
    event_type: z.literal('alert'),
    ether: z.strictObject({ src_mac: text.optional(), dest_mac: text.optional() }).optional(),
    alert: z.strictObject({
      action: z.enum(['allowed', 'blocked']),
      gid: count,
      signature_id: count,
      rev: count,
      signature: text,
      category: text,
      severity: z.int().min(1).max(4),
      metadata: z.record(text, z.array(text)),
    }),
  }),
  z.strictObject({
    ...eveTuple,
    event_type: z.literal('flow'),
    ether: z.strictObject({ src_macs: some(text).optional(), dest_macs: some(text).optional() }).optional(),
    flow: z.strictObject({
      pkts_toserver: count,
      pkts_toclient: count,
      bytes_toserver: count,
      bytes_toclient: count,
      start: eveTime.optional(),
      end: eveTime,
      age: count.optional(),
      state: z.enum(['new', 'established', 'closed', 'bypassed']),
      reason: z.enum(['timeout', 'forced', 'shutdown', 'unknown']),
    }),
  }),
  z.strictObject({
    ...eveTuple,
    event_type: z.literal('dns'),
    ether: z.strictObject({ src_mac: text.optional(), dest_mac: text.optional() }).optional(),
    dns: z.strictObject({
      version: z.literal(2),
      type: z.enum(['query', 'answer']),
      id: count.max(65_535),
      qr: z.boolean().optional(),
      aa: z.boolean().optional(),
      tc: z.boolean().optional(),
      rd: z.boolean().optional(),
      ra: z.boolean().optional(),
      opcode: count.optional(),
      rrname: text,
      rrtype: text,
      rcode: text.optional(),
      answers: some(
        z.strictObject({ rrname: text, rrtype: text, ttl: count, rdata: text.optional() }),
      ).optional(),
    }),
  }),
]);

// --- ECS 8.11: the fields that are used; test/station/formats holds them against Elastic's own list.

const ecsEnd = z
  .strictObject({
    address: text.optional(),
    ip: ip.optional(),
    port: port.optional(),
    mac: z
      .string()
      .regex(/^[0-9A-F]{2}(-[0-9A-F]{2})*$/)
      .optional(),
    domain: text.optional(),
    bytes: count.optional(),
    packets: count.optional(),
    nat: z.strictObject({ ip, port: port.optional() }).optional(),
    geo: z.strictObject({ country_iso_code: text }).optional(),
    as: z
      .strictObject({ number: count.optional(), organization: z.strictObject({ name: text }).optional() })
      .optional(),
  })
  .meta({ id: 'end' });
const named = z.strictObject({ id: z.array(text), name: z.array(text) });

const ecs = z.strictObject({
  '@timestamp': time,
  ecs: z.strictObject({ version: z.literal('8.11.0') }),
  message: text.optional(),
  event: z.strictObject({
    kind: z.enum(['alert', 'event', 'metric']),
    category: some(z.enum(['network', 'intrusion_detection', 'configuration'])).optional(),
    type: some(
      z.enum(['change', 'connection', 'creation', 'deletion', 'denied', 'end', 'info', 'protocol', 'start']),
    ),
    action: text,
    code: text.optional(),
    outcome: z.enum(['success', 'failure', 'unknown']).optional(),
    id: text.optional(),
    start: time.optional(),
    end: time.optional(),
    duration: z.number().min(0).optional().describe('Nanoseconds.'),
    severity: z.int().min(1).max(5).optional().describe('1 informational, 5 critical.'),
    reason: text.optional(),
    module: z.literal('bridgewatch'),
    dataset: z.string().regex(/^bridgewatch\.[a-z-]+$/),
  }),
  rule: z.strictObject({ id: text, name: text, ruleset: text }).optional(),
  threat: z
    .strictObject({
      framework: z.literal('MITRE ATT&CK'),
      tactic: named,
      technique: z.strictObject({ ...named.shape, subtechnique: named.optional() }),
    })
    .optional(),
  source: ecsEnd.optional(),
  destination: ecsEnd.optional(),
  container: z
    .strictObject({
      id: text,
      name: text,
      runtime: z.literal('docker'),
      image: z
        .strictObject({
          name: text,
          tag: some(text).optional(),
          hash: z.strictObject({ all: some(text) }).optional(),
        })
        .optional(),
      labels: z.record(text, text).optional(),
    })
    .optional(),
  service: z.strictObject({ name: text }).optional(),
  orchestrator: z.strictObject({ type: z.enum(['compose', 'swarm']), namespace: text.optional() }).optional(),
  network: z
    .strictObject({
      name: text.optional(),
      type: z.enum(['ipv4', 'ipv6']).optional(),
      transport: text.optional(),
      iana_number: text.optional(),
      protocol: text.optional(),
      direction: z.enum(['egress', 'ingress', 'internal', 'unknown']).optional(),
      community_id: text.optional(),
      bytes: count.optional(),
      packets: count.optional(),
    })
    .optional(),
  dns: z
    .strictObject({
      type: z.enum(['query', 'answer']),
      id: text,
      op_code: text,
      question: z.strictObject({
        name: text,
        type: text,
        class: text,
        registered_domain: text.optional(),
      }),
      response_code: text.optional(),
      header_flags: some(z.enum(['AA', 'TC', 'RD', 'RA', 'AD', 'CD'])).optional(),
      answers: some(z.strictObject({ name: text, type: text, ttl: count, data: text })).optional(),
      resolved_ip: some(ip).optional(),
    })
    .optional(),
  related: z.strictObject({ ip: z.array(ip).optional(), hosts: some(text).optional() }).optional(),
  host: z.strictObject({ name: text }),
  observer: z.strictObject({
    name: text,
    vendor: text,
    product: text,
    version: text,
    type: z.literal('ids'),
    ingress: z.strictObject({ interface: z.strictObject({ name: text }) }).optional(),
  }),
  bridgewatch: z.record(text, native),
});

// --- OCSF 1.5.0, profiles host and container.

const millis = z.int().describe('Milliseconds since 1970, UTC.');
const ocsfImage = z.strictObject({ uid: text, name: text, tag: text.optional() });
const ocsfEndpoint = z
  .strictObject({
    ip: text,
    port: port.optional(),
    mac: text.optional(),
    name: text.optional(),
    hostname: text.max(255).optional(),
    svc_name: text.optional(),
    zone: text.optional(),
    container: z
      .strictObject({
        uid: text,
        name: text,
        image: ocsfImage,
        runtime: text,
        labels: some(text).optional(),
      })
      .optional(),
    location: z.strictObject({ country: text }).optional(),
    autonomous_system: z.strictObject({ number: count.optional(), name: text.optional() }).optional(),
  })
  .meta({ id: 'endpoint' });
const ocsfConnection = z
  .strictObject({
    uid: text.optional(),
    community_uid: text.optional(),
    direction_id: z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3), z.literal(99)]),
    direction: text,
    protocol_name: text.optional(),
    protocol_num: z.int().min(0).max(255).optional(),
    protocol_ver_id: z.union([z.literal(4), z.literal(6)]).optional(),
    protocol_ver: text.optional(),
    flag_history: text.optional(),
  })
  .meta({ id: 'connection' });
const entity = z.strictObject({ uid: text.optional(), name: text.optional() }).meta({ id: 'entity' });

const ocsfBase = {
  activity_name: text,
  category_name: text,
  class_name: text,
  type_name: text,
  time: millis,
  start_time: millis.optional(),
  end_time: millis.optional(),
  duration: count.optional().describe('Milliseconds.'),
  severity_id: z.int().min(1).max(5),
  severity: text,
  status: text,
  metadata: z.strictObject({
    version: z.literal('1.5.0'),
    uid: text.optional(),
    profiles: z.array(text),
    product: z.strictObject({ name: text, vendor_name: text, version: text }),
    log_name: text,
    original_time: time,
  }),
  device: z.strictObject({ hostname: text, type_id: z.literal(0), type: text }),
  unmapped: native,
};
const activityStatus = z.union([z.literal(0), z.literal(1), z.literal(2)]);

const ocsf = z.discriminatedUnion('class_uid', [
  z.strictObject({
    ...ocsfBase,
    category_uid: z.literal(2),
    class_uid: z.literal(2004),
    activity_id: z.int().min(1).max(3),
    type_uid: z.int().min(200_401).max(200_403),
    status_id: z.union([z.literal(1), z.literal(3), z.literal(99)]),
    status_detail: text.optional(),
    confidence_id: z.int().min(1).max(3),
    confidence: text,
    is_alert: z.boolean(),
    message: text,
    count,
    finding_info: z.strictObject({
      uid: text,
      uid_alt: text,
      title: text,
      desc: text,
      types: some(text),
      analytic: z.strictObject({ uid: text, name: text, type_id: z.literal(1), type: text }),
      attacks: some(
        z.strictObject({
          version: text,
          tactic: entity,
          technique: entity,
          sub_technique: entity.optional(),
        }),
      ).optional(),
      first_seen_time: millis.optional(),
      last_seen_time: millis,
      related_events: some(z.strictObject({ uid: text })).optional(),
    }),
    evidences: some(
      z.strictObject({
        src_endpoint: ocsfEndpoint,
        dst_endpoint: ocsfEndpoint.optional(),
        connection_info: ocsfConnection.optional(),
        data: native.optional(),
      }),
    ),
    resources: some(
      z.strictObject({ uid: text, name: text, type: text, labels: some(text).optional() }),
    ).optional(),
  }),
  z.strictObject({
    ...ocsfBase,
    category_uid: z.literal(4),
    class_uid: z.literal(4001),
    activity_id: z.int().min(1).max(6),
    type_uid: z.int().min(400_101).max(400_106),
    status_id: activityStatus,
    status_code: text,
    app_name: text.optional(),
    src_endpoint: ocsfEndpoint,
    dst_endpoint: ocsfEndpoint,
    connection_info: ocsfConnection,
    traffic: z.strictObject({
      bytes: count,
      bytes_in: count,
      bytes_out: count,
      packets: count,
      packets_in: count,
      packets_out: count,
    }),
  }),
  z.strictObject({
    ...ocsfBase,
    category_uid: z.literal(4),
    class_uid: z.literal(4003),
    activity_id: z.union([z.literal(1), z.literal(2), z.literal(6)]),
    type_uid: z.union([z.literal(400_301), z.literal(400_302), z.literal(400_306)]),
    status_id: activityStatus,
    query_time: millis.optional(),
    response_time: millis.optional(),
    src_endpoint: ocsfEndpoint,
    dst_endpoint: ocsfEndpoint,
    connection_info: ocsfConnection,
    query: z.strictObject({
      hostname: text,
      type: text,
      class: text,
      opcode: text,
      opcode_id: z.int().min(0).max(99),
      packet_uid: count,
    }),
    rcode_id: z.int().min(0).max(99).optional(),
    rcode: text.optional(),
    answers: some(
      z.strictObject({
        rdata: text,
        type: text,
        ttl: count,
        flags: some(text).optional(),
        flag_ids: some(z.int().min(1).max(6)).optional(),
      }),
    ).optional(),
  }),
]);

const TITLES = {
  eve: [eve, 'One line of the format eve: Suricata EVE JSON'],
  ecs: [ecs, 'One line of the format ecs: Elastic Common Schema 8.11'],
  ocsf: [ocsf, 'One line of the format ocsf: Open Cybersecurity Schema Framework 1.5.0'],
} as const;

export type SchemaName = keyof typeof TITLES;

/** By format; `native` is docs/output.schema.json. */
export function formatSchemas(): ReadonlyMap<SchemaName, object> {
  return new Map(
    Object.entries(TITLES).map(([name, [schema, title]]) => [
      name as SchemaName,
      { title, ...z.toJSONSchema(schema) },
    ]),
  );
}
