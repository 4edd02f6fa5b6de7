/**
 * The options of the privileged wing, one schema a section. Types, validation, `docs/config.md` and the
 * editor schema all come from here. Units stand at the end of names.
 */
import { z } from 'zod';

export const dockerConfig = z.strictObject({
  socket_path: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Engine socket: a path, unix:// or tcp:// address. Default: $DOCKER_HOST, else /var/run/docker.sock.',
    ),
  request_timeout_ms: z
    .number()
    .int()
    .min(100)
    .max(600_000)
    .default(10_000)
    .describe('How long one engine request may take before it is given up and tried again.'),
});

export const captureConfig = z.strictObject({
  backend: z
    .enum(['auto', 'native', 'portable'])
    .default('auto')
    .describe(
      'native: our libpcap binding. portable: the cap package in a child process. auto: native where built.',
    ),
  networks: z
    .array(z.string().min(1))
    .default([])
    .describe('Names of the Docker networks to watch; empty means all.'),
  exclude_networks: z
    .array(z.string().min(1))
    .default([])
    .describe('Names of Docker networks never to watch.'),
  snaplen_bytes: z
    .number()
    .int()
    .min(64)
    .max(262_144)
    .default(65_535)
    .describe('Bytes kept of each frame. Offloads make frames of up to 64 KiB on a bridge.'),
  buffer_bytes: z
    .number()
    .int()
    .min(262_144)
    .max(1_073_741_824)
    .default(8_388_608)
    .describe('Kernel ring per tap; costs that much memory a network.'),
  promiscuous: z
    .boolean()
    .default(true)
    .describe('Without it a tap on a bridge is blind to traffic between containers.'),
  filter: z
    .string()
    .default('')
    .describe('pcap-filter(7) expression for the tap of every network; what it excludes is never seen.'),
  read_timeout_ms: z
    .number()
    .int()
    .min(1)
    .max(5000)
    .default(100)
    .describe('How long the kernel may hold frames back to hand them over together.'),
});

export const flowsConfig = z.strictObject({
  max_flows: z
    .number()
    .int()
    .min(1024)
    .max(4_194_302)
    .default(131_072)
    .describe('Flows kept at once, about 200 bytes each; beyond it the longest idle is evicted and counted.'),
  tcp_idle_secs: z
    .number()
    .min(1)
    .max(86_400)
    .default(3600)
    .describe('An established TCP connection without packets ends after this.'),
  udp_idle_secs: z.number().min(1).max(86_400).default(60).describe('The same for UDP and everything else.'),
  active_secs: z
    .number()
    .min(1)
    .max(86_400)
    .default(60)
    .describe('A flow that goes on is recorded this often while it lives.'),
  rollup_secs: z
    .number()
    .int()
    .min(1)
    .max(3600)
    .default(10)
    .describe('Interval of the traffic roll-ups per edge.'),
  max_edges: z
    .number()
    .int()
    .min(100)
    .max(1_000_000)
    .default(10_000)
    .describe(
      'Distinct edges in one roll-up interval; beyond it traffic is folded into one edge named "other".',
    ),
});

export const dnsConfig = z.strictObject({
  answer_timeout_secs: z
    .number()
    .min(1)
    .max(120)
    .default(10)
    .describe('A question without an answer is recorded after this.'),
  max_pending: z
    .number()
    .int()
    .min(256)
    .max(1_048_576)
    .default(8192)
    .describe(
      'Questions waiting for an answer at once; beyond it the oldest is recorded as unanswered. As many may wait a moment to be joined with the same question on a bridge.',
    ),
  container_taps: z
    .boolean()
    .default(true)
    .describe(
      "Read what containers ask Docker's embedded resolver, with a tap inside each one's network namespace. Without it that is seen in part on engines up to 27, and not at all from 28 on.",
    ),
  container_buffer_bytes: z
    .number()
    .int()
    .min(262_144)
    .max(67_108_864)
    .default(1_048_576)
    .describe('Kernel ring of each such tap; costs that much memory a container.'),
  max_container_taps: z
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(512)
    .describe('Such taps open at once; containers beyond it are reported as not covered.'),
});

export const namesConfig = z.strictObject({
  min_lifetime_secs: z
    .number()
    .int()
    .min(0)
    .max(604_800)
    .default(3600)
    .describe(
      'A name that a container resolved stands for the address at least this long, whatever its TTL: programs keep what they resolved.',
    ),
  max_lifetime_secs: z
    .number()
    .int()
    .min(0)
    .max(604_800)
    .default(86_400)
    .describe('And at most this long, unless it is below the least: addresses change hands.'),
  max_addresses: z
    .number()
    .int()
    .min(256)
    .max(1_000_000)
    .default(32_768)
    .describe(
      'Resolved addresses remembered at once, for all containers together, about 500 bytes each; beyond it whoever holds the most forgets its oldest.',
    ),
});

export const geoConfig = z.strictObject({
  databases: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Paths of .mmdb files (MaxMind, DB-IP, IPinfo) for the country and autonomous system of outside addresses; of several that know a fact the first tells it. Each costs its size in memory and is read again when it changes.',
    ),
  max_age_days: z
    .number()
    .int()
    .min(1)
    .max(3650)
    .default(90)
    .describe(
      'A database built longer ago is still used, but doctor warns: addresses move between countries.',
    ),
});

export const noRouteConfig = z.strictObject({
  poll_ms: z
    .number()
    .int()
    .min(100)
    .max(60_000)
    .default(1000)
    .describe("How often the OutNoRoutes counters of the containers' namespaces are read."),
});

export const listenersConfig = z.strictObject({
  enabled: z.boolean().default(true).describe("Watch on which ports the containers' processes listen."),
  poll_ms: z
    .number()
    .int()
    .min(200)
    .max(600_000)
    .default(5000)
    .describe(
      'How often at most that is read; seldomer where reading takes more than a twentieth of one core.',
    ),
  max_per_container: z
    .number()
    .int()
    .min(16)
    .max(65_536)
    .default(256)
    .describe('Listeners remembered of one container, some 1 KB each; those beyond are counted as lost.'),
});

export const firewallConfig = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .describe("Read the counters of the rules by which the host's firewall holds back containers' packets."),
  poll_ms: z
    .number()
    .int()
    .min(1000)
    .max(600_000)
    .default(10_000)
    .describe('How often; each time runs iptables-save for each family, some 5 ms of CPU each.'),
});

export const overlaysConfig = z.strictObject({
  uplink_tap: z
    .boolean()
    .default(true)
    .describe(
      'Watch the uplink for overlay networks that cross the wire in clear, while the engine has any; costs as much as another tap for their traffic.',
    ),
  interfaces: z
    .array(z.string().min(1).max(15))
    .default([])
    .describe(
      "Uplinks to watch; by default the interface with the Swarm's address (its data path may have another).",
    ),
});

export const natConfig = z.strictObject({
  max_connections: z
    .number()
    .int()
    .min(1024)
    .max(1_048_576)
    .default(65_536)
    .describe(
      'Tracked connections of the kernel kept at once, about 1 KB each; beyond it the one that ended first is dropped and counted.',
    ),
  keep_closed_secs: z
    .number()
    .min(1)
    .max(86_400)
    .default(300)
    .describe('How long one is kept after its end, for flows that are recorded later.'),
});

export const logConfig = z.strictObject({
  level: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal'])
    .default('info')
    .describe('Least level logged, on stderr.'),
});

export type DockerConfig = z.infer<typeof dockerConfig>;
export type CaptureConfig = z.infer<typeof captureConfig>;
export type FlowsConfig = z.infer<typeof flowsConfig>;
export type DnsConfig = z.infer<typeof dnsConfig>;
export type NamesConfig = z.infer<typeof namesConfig>;
export type GeoConfig = z.infer<typeof geoConfig>;
export type NoRouteConfig = z.infer<typeof noRouteConfig>;
export type ListenersConfig = z.infer<typeof listenersConfig>;
export type FirewallConfig = z.infer<typeof firewallConfig>;
export type OverlaysConfig = z.infer<typeof overlaysConfig>;
export type NatConfig = z.infer<typeof natConfig>;
export type LogConfig = z.infer<typeof logConfig>;

/** As `src/sensor/docker` wants it. */
export function clientOptions({ socket_path: socket, request_timeout_ms: timeoutMs }: DockerConfig): {
  readonly socket?: string;
  readonly timeoutMs: number;
} {
  return socket === undefined ? { timeoutMs } : { socket, timeoutMs };
}
