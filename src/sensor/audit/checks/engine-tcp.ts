/**
 * The engine's API on TCP. By what the engine was told, by what its process really listens on, and by what it says of
 * itself: any of the three is enough to fail, and all that can be read must be quiet to pass.
 */
import { defineCheck, type Verdict } from '../check.ts';
import { hostText } from '../lib/published-ports.ts';
import { daemonJson, ENGINE, HOST, listed } from '../lib/verdicts.ts';

/** Of the engine's process too, and none of the API: Swarm's management and gossip. */
const SWARM_PORTS: ReadonlySet<number> = new Set([2377, 7946]);

export default defineCheck({
  id: 'engine-tcp',
  title: "The engine's API is not on TCP, or asks for certificates",
  group: 'exposure',
  severity: 'critical',
  argument:
    "Who may speak to the API may start a privileged container: root on this host, without a password. Critical on any address but loopback; high on loopback, where every process, every container on the host's network and, by DNS rebinding, a browser can ask. TLS without client certificates keeps nobody out: critical too.",
  needs: ['engine', 'settings', 'containers'],
  wants: ['listeners'],
  cis: ['2.7'],
  run: ({ engine, settings, containers }, { listeners }) => {
    const told = settings.hosts.filter((host) => host.startsWith('tcp://'));
    // Without the userland proxy the engine holds published ports itself, so that nobody else takes them.
    const published = new Set(
      containers.flatMap((each) => (each.published ?? []).map(({ hostPort }) => hostPort)),
    );
    // systemd hands over sockets (fd://), so what was told is not all.
    const held = (listeners.ok ? listeners.value : []).filter(
      ({ protocol, isEngines, port }) =>
        protocol === 'tcp' && isEngines === true && !SWARM_PORTS.has(port) && !published.has(port),
    );
    const addresses = [...new Set([...told, ...held.map(({ ip, port }) => `tcp://${hostText(ip)}:${port}`)])];
    const warning = engine.warnings.find((text) => /without encryption|without.*auth|tlsverify/i.test(text));
    if (addresses.length === 0 && warning === undefined) return [quiet(settings.hosts, listeners.ok)];
    if (settings.tlsVerify && warning === undefined) {
      return [
        {
          outcome: 'pass',
          objects: [ENGINE],
          explanation: `On TCP (${listed(addresses)}), and it asks for client certificates.`,
          evidence: { addresses },
        },
      ];
    }
    const isLocal = addresses.length > 0 && addresses.every(isLoopbackAddress);
    const how = settings.tls
      ? 'with TLS, but for anybody: no client certificate is asked for'
      : 'in clear, for anybody';
    return [
      {
        outcome: 'fail',
        severity: isLocal ? 'high' : 'critical',
        objects: [ENGINE],
        explanation: `The engine's API is on ${addresses.length === 0 ? 'TCP' : listed(addresses)} ${how}: who reaches it is root here.`,
        evidence: { addresses, tls: settings.tls, ...(warning === undefined ? {} : { warning }) },
        remedy: {
          what: `Take tcp:// out of \`hosts\` in ${settings.configFile} and of the engine's command line, and reach it by SSH (\`docker -H ssh://user@host\`). Where it has to be TCP, ask for certificates.`,
          daemonJson: daemonJson({
            hosts: ['unix:///var/run/docker.sock', 'tcp://127.0.0.1:2376'],
            tlsverify: true,
            tlscacert: '/etc/docker/ca.pem',
            tlscert: '/etc/docker/server-cert.pem',
            tlskey: '/etc/docker/server-key.pem',
          }),
        },
      },
    ];
  },
});

function quiet(hosts: readonly string[], sawListeners: boolean): Verdict {
  const isHandedOver = hosts.some((host) => host.startsWith('fd://'));
  if (isHandedOver && !sawListeners) {
    return {
      outcome: 'unknown',
      objects: [HOST],
      explanation:
        'systemd hands the engine its sockets (fd://), and which these are cannot be seen: the listeners of the host are not read.',
      remedy: {
        what: "Run the audit as root in the host's network namespace; or read docker.socket: `systemctl cat docker.socket`.",
      },
    };
  }
  return {
    outcome: 'pass',
    objects: [ENGINE],
    explanation: 'Its API is on no TCP port.',
    evidence: { hosts },
  };
}

function isLoopbackAddress(address: string): boolean {
  return /^tcp:\/\/(?:127\.|localhost|\[::1\])/.test(address);
}
