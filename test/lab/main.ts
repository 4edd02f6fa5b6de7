/**
 * `make lab`: the sealed world with the shop, the agent and the intruder, told as it happens. Stays up afterwards
 * until Ctrl-C, for looking around; with --once or LAB_ONCE=1 it ends, and fails if the agent missed an attack.
 */
import type { PublicEndpoint, PublicFinding, PublicFlow } from '../../src/model/serialize.ts';
import { agentCommand, type LabAgent, startAgent } from './agent.ts';
import { SHOP, startShop } from './app.ts';
import { ATTACKS, type Attack } from './attacks.ts';
import { type InfluxServer, startInflux } from './influx.ts';
import { startHostResolver, startInternet, WEB_NAME } from './internet.ts';
import { createLab, type Lab, labObstacle } from './lab.ts';
import { waitFor } from './run.ts';
import { INTERNET, LOOPBACK_RESOLVER } from './world.ts';

const once = process.argv.includes('--once') || !['', '0', 'no'].includes(process.env['LAB_ONCE'] ?? '');
const isTerminal = process.stdout.isTTY === true;

/** The agent needs a moment from packet to finding; the issue of a silent one must not be a hang. */
const FINDING_TIMEOUT_MS = 20_000;

const interrupted = new Promise<'interrupted'>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => resolve('interrupted'));
  }
});

const obstacle = labObstacle(['dnsmasq', 'iodine', 'iodined', 'influxd']);
if (obstacle === undefined) process.exit(await main());
console.error(`No lab here: ${obstacle}.`);
process.exit(3);

async function main(): Promise<number> {
  chapter('A sealed world');
  tell('Two network namespaces and one cable: a Docker host, and an internet of three machines beyond it.');
  const lab = await createLab({ signals: false, nameserver: LOOPBACK_RESOLVER });
  tell(`They are bwlab-${lab.id}-host and bwlab-${lab.id}-wan; neither has a way to your network.`);
  let code = 130;
  try {
    // When interrupted, whatever the story is doing fails as its processes go; nobody needs to hear of that.
    const ended = await Promise.race([interrupted, story(lab)]);
    if (ended !== 'interrupted') {
      code = ended.missed === 0 ? 0 : 1;
      if (!once) {
        lookAround(lab, ended.agent);
        await interrupted;
      }
    }
  } finally {
    process.stdout.write(isTerminal ? '\r' : '');
    tell('Removing the lab ...');
    await lab.stop();
    tell('Nothing of it is left.');
  }
  return code;
}

/** Answers how many attacks were missed, and the agent to ask further. */
async function story(lab: Lab): Promise<{ missed: number; agent: LabAgent }> {
  await startInternet(lab);
  await startHostResolver(lab);
  const influx = await startInflux(lab);
  tell(
    `A real dockerd ${await lab.docker(['version', '--format', '{{.Server.Version}}'])} and a real InfluxDB run in it.`,
  );
  tell(`The host has a resolver of its own: its resolv.conf names ${LOOPBACK_RESOLVER}.`);

  chapter('A shop opens');
  tell(
    'proxy (public network, port 8080 published), api (public and data), database (internal data network only).',
  );
  await startShop(lab);
  tell('Customers buy twice a second.');

  chapter('Bridgewatch starts on the host');
  tell(`$ bridgewatch run --config ...`);
  const agent = await startAgent(lab, {
    influxUrl: influx.url,
    onLine: (line) => say('bridgewatch', readable(line)),
  });

  await whoIsWho(lab, agent);

  chapter('The database is taken over');
  let missed = 0;
  let closed = 0;
  for (const [i, attack] of ATTACKS.entries()) {
    tell(`\n${i + 1}. ${attack.title[0]?.toUpperCase()}${attack.title.slice(1)}.`);
    tell(indent(attack.story.replaceAll('\n', ' ')));
    const startedAt = new Date();
    const outcome = await attack.run(lab);
    say('intruder', `${outcome.answered ? 'through' : 'stopped'}: ${outcome.saw}`);
    if (outcome.closed) closed++;
    else if (!(await awaitFindings(agent, attack, startedAt))) {
      missed++;
      say(
        'lab',
        `*** Bridgewatch said nothing of ${attack.expect.map(({ analyzer, message }) => message ?? analyzer).join(' and ')}`,
      );
    }
  }
  await closing(agent, influx, { tried: ATTACKS.length - closed, missed });

  chapter('What let it happen');
  tell(
    'What the agent saw was possible because of how this host is set up. The gravest first, each with what mends it.',
  );
  await show(agent, 'audit');
  return { missed, agent };
}

/** Names on both ends, before anything happens: of flows, and of one address. */
async function whoIsWho(lab: Lab, agent: LabAgent): Promise<void> {
  chapter('Who is who');
  tell('The api asks its payment service every five seconds ...');
  await waitFor('the payment service to be known by its name', async () =>
    (await agent.ask('map', '--edges')).includes(`internet ${WEB_NAME}:80`),
  );
  await show(agent, 'map', '--edges');
  tell('\nA customer at the published port: who asked, what he asked for, and which container that was.');
  await show(agent, 'flows', 'network:public direction:ingress', '--limit', '1');
  tell('\nThe outside has the name that this container resolved.');
  await show(agent, 'flows', 'src:shop/api dst.scope:internet', '--limit', '1');
  tell(
    "\nIt asked Docker's own resolver, and that asked on from the host: no bridge carried the question. It is read in the container.",
  );
  await show(agent, 'dns', `client:shop/api query:${WEB_NAME}`, '--limit', '2');
  tell('\nAnd an address from an old log, whose is it?');
  const format = `{{(index .NetworkSettings.Networks "${SHOP.dataNetwork.name}").IPAddress}}`;
  await show(agent, 'who', await lab.docker(['inspect', '--format', format, SHOP.database]));
}

/** A finding that was open already is only counted on: the agent does not repeat itself, its database does. */
async function awaitFindings(agent: LabAgent, attack: Attack, since: Date): Promise<boolean> {
  const has = (findings: readonly PublicFinding[]): boolean =>
    attack.expect.every(({ analyzer, message, about = '' }) =>
      findings.some(
        (finding) =>
          finding.analyzer === analyzer &&
          (message === undefined || finding.message === message) &&
          finding.explanation.includes(about) &&
          new Date(finding.lastSeen) >= since,
      ),
    );
  try {
    await waitFor('the finding', async () => has(await agent.findings()), {
      timeoutMs: FINDING_TIMEOUT_MS,
      everyMs: 300,
    });
    return true;
  } catch {
    if (agent.process.running()) return false;
    throw new Error(`the agent ended: ${agent.process.output().trim()}`);
  }
}

async function closing(
  agent: LabAgent,
  influx: InfluxServer,
  { tried, missed }: { readonly tried: number; readonly missed: number },
): Promise<void> {
  chapter('What is known now');
  await show(agent, 'events');
  tell('');
  // A closed connection becomes a record some seconds later.
  await waitFor('the breakout among the flows', async () =>
    (await agent.ask('map', '--edges', '--since', '5m')).includes(`internet ${INTERNET.web.v4}:80`),
  );
  await show(agent, 'map', '--edges', '--since', '5m');
  const influxql =
    'SELECT "severity", "analyzer", "message", "count", "id" FROM "bridgewatch"."bridgewatch_finding" ORDER BY time';
  tell(`\n$ influx -database bridgewatch -execute '${influxql}'`);
  for (const row of await influx.query(influxql, 'bridgewatch')) tell(indent(Object.values(row).join('  ')));
  tell(`\n${await namesOnBothEnds(agent)}`);
  tell(`${tried - missed} of ${tried} attacks were seen.`);
}

/** Ambiguous is not named either. */
async function namesOnBothEnds(agent: LabAgent): Promise<string> {
  const answer = await agent.ask('flows', '--limit', '100000', '--json');
  const flows = answer
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as PublicFlow);
  const isNamed = ({ attribution }: PublicEndpoint): boolean =>
    attribution.confidence === 'certain' || attribution.confidence === 'likely';
  const nameless = flows.filter(({ orig, resp }) => !isNamed(orig) || !isNamed(resp));
  if (nameless.length === 0) return `Both ends of all ${flows.length} flows are named.`;
  const told = nameless.slice(0, 10).map(({ uid, start, orig, resp }) => {
    const why = [orig, resp]
      .filter((end) => !isNamed(end))
      .map(({ ip, attribution }) => `${ip} ${attribution.reason}`);
    return `\n    ${uid} of ${start}, ${orig.ip} -> ${resp.ip}: ${why.join('; ')}`;
  });
  return `*** ${nameless.length} of ${flows.length} flows have an end without a name:${told.join('')}`;
}

/** As a user would type it, with what it answers. */
async function show(agent: LabAgent, ...args: readonly string[]): Promise<void> {
  tell(`$ bridgewatch ${args.map((arg) => (/[^\w./:-]/.test(arg) ? `'${arg}'` : arg)).join(' ')}`);
  tell(indent((await agent.ask(...args)).trimEnd()));
}

function lookAround(lab: Lab, agent: LabAgent): void {
  const enter = (...args: readonly string[]): string =>
    lab.enter('host', agentCommand(...args, '--config', agent.configFile)).join(' ');
  chapter('Look around');
  tell(`The shop goes on selling, the agent goes on watching. From another terminal, as root:
  export DOCKER_HOST=${lab.dockerHost}
  docker ps
  docker exec ${SHOP.database} wget -q -O- http://${SHOP.dataNetwork.gateway}:${SHOP.hostServicePort}/metrics
  ${enter('map', '--watch')}
Ctrl-C removes everything.`);
}

function chapter(title: string): void {
  console.log(isTerminal ? `\n\u001b[1m== ${title}\u001b[0m` : `\n== ${title}`);
}

function tell(text: string): void {
  console.log(text);
}

function say(who: string, line: string): void {
  console.log(`${isTerminal ? `\u001b[2m${who} |\u001b[0m` : `${who} |`} ${line}`);
}

/** The agent's log is NDJSON when it goes to a pipe; here a person reads it. */
function readable(line: string): string {
  if (!line.startsWith('{')) return line;
  const { level, time, msg, ...fields } = JSON.parse(line) as { level: number; time: string; msg: string };
  const rest = Object.entries(fields).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return [time.slice(11, 19), level >= 40 ? 'WARN' : 'info', msg, ...rest].join('  ');
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '   ');
}
