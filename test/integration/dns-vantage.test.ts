/**
 * Where questions are seen, on a real engine: what each kind of container asks, over which way it went, and that it is
 * told once, with the right name. The engine here is older than 26: it asks a resolver on the internet from the
 * container's namespace, over the bridge, and one on the host's loopback from the host, over none.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PublicDns } from '../../src/model/serialize.ts';
import { REPOSITORY } from '../lab/agent.ts';
import { BUSYBOX_IMAGE, importBusybox } from '../lab/images.ts';
import { type Internet, startHostResolver, startInternet, WEB_NAME } from '../lab/internet.ts';
import { createLab, type Lab, labObstacle } from '../lab/lab.ts';
import { waitFor } from '../lab/run.ts';
import { INTERNET, LOOPBACK_RESOLVER } from '../lab/world.ts';
import { type AgentProcess, complaints, startAgentProcess } from './agent-process.ts';

const built = existsSync(join(REPOSITORY, 'dist/src/cli/main.js'));
const obstacle = labObstacle(['dnsmasq']) ?? (built ? undefined : 'the agent is not built (`make build`)');
if (obstacle !== undefined) console.warn(`SKIPPED: where DNS is seen: ${obstacle}`);

const FRONT = { name: 'front', internal: false };
const BACK = { name: 'back', internal: true };
const ANSWER_TIMEOUT_SECS = '2';

describe.skipIf(obstacle !== undefined)('questions of containers', () => {
  let lab: Lab;
  let internet: Internet;
  let agent: AgentProcess;

  beforeAll(async () => {
    lab = await createLab();
    internet = await startInternet(lab);
    await importBusybox(lab);
    await lab.docker(['network', 'create', FRONT.name]);
    await lab.docker(['network', 'create', '--internal', BACK.name]);
    await runs('before', '--network', FRONT.name);
    agent = await startAgentProcess(lab, 'agent', {
      env: { BRIDGEWATCH_DNS_ANSWER_TIMEOUT_SECS: ANSWER_TIMEOUT_SECS },
    });
    await covered('before');
    await runs('asker', '--network', FRONT.name);
    await covered('asker');
  });

  afterAll(async () => {
    agent?.close();
    await lab?.stop();
  });

  const runs = (name: string, ...options: string[]): Promise<string> =>
    lab.docker(['run', '--detach', '--name', name, ...options, BUSYBOX_IMAGE, 'sleep', '600']);
  const coverage = (container: string) =>
    agent.stored('coverage').filter((record) => record.container === container);
  const covered = (container: string, times = 1) =>
    waitFor(
      `the DNS of ${container} to be covered`,
      () => coverage(container).filter(({ state }) => state === 'covered').length >= times,
      { everyMs: 10 },
    );
  const asks = (container: string, name: string): Promise<string> =>
    lab.docker(['exec', container, 'sh', '-c', `nslookup ${name} || true`]);
  /** Of the questions for an A record. */
  const told = (name: string): PublicDns[] =>
    agent.stored('dns').filter(({ query, qtype }) => query === name && qtype === 'A');
  const record = async (name: string, nth = 1): Promise<PublicDns> => {
    await waitFor(`the question for ${name}`, () => told(name).length >= nth);
    return told(name)[nth - 1]!;
  };
  /** A name that nobody else asks for; all of the zone are the web server's. */
  const outside = (label: string): string => `${label}.${WEB_NAME}`;

  it('for a service are answered by the engine itself, and seen in the namespace alone', async () => {
    await asks('asker', 'before');

    expect(await record('before')).toMatchObject({
      vantage: 'container',
      interface: 'lo@asker',
      client: {
        ip: '127.0.0.1',
        scope: 'container',
        workload: { name: 'asker' },
        attribution: { method: 'netns', confidence: 'certain' },
      },
      server: { ip: '127.0.0.11', port: 53, scope: 'engine' },
      networks: [FRONT],
      transport: 'udp',
      rcode: 'NOERROR',
      answers: [{ type: 'A' }],
    });
    expect(told('before')).toHaveLength(1);
    expect(told('before')[0]).not.toHaveProperty('upstream');
    expect(told('before')[0]).not.toHaveProperty('network');
  });

  it('for an outside name are one record, with the way that the engine asked further', async () => {
    await asks('asker', outside('one'));

    expect(await record(outside('one'))).toMatchObject({
      vantage: 'container',
      client: { workload: { name: 'asker' } },
      rcode: 'NOERROR',
      answers: [{ data: INTERNET.web.v4 }],
      upstream: {
        server: { ip: INTERNET.resolver.v4, port: 53 },
        network: FRONT.name,
        interface: expect.stringMatching(/^br-/),
        rtt: expect.any(Number),
      },
    });
  });

  it('of a container that ran before the agent are seen as well', async () => {
    await asks('before', outside('old'));

    expect(await record(outside('old'))).toMatchObject({ client: { workload: { name: 'before' } } });
  });

  it('are seen from the first on', async () => {
    await lab.docker([
      ...['run', '--name', 'hasty', '--network', FRONT.name, BUSYBOX_IMAGE],
      ...['sh', '-c', `nslookup ${outside('first')}; sleep 1`],
    ]);

    expect(await record(outside('first'))).toMatchObject({
      vantage: 'container',
      interface: 'lo@hasty',
      client: { workload: { name: 'hasty' } },
    });
  });

  it('over TCP are seen too', async () => {
    const name = outside('tcp');
    const labels = name.split('.').map((label) => `\\0${label.length.toString(8).padStart(2, '0')}${label}`);
    // RFC 1035 section 4.2.2: two bytes of length, then the message.
    const length = 12 + name.length + 2 + 4;
    const message = `\\0000\\0${length.toString(8)}\\0022\\0064\\0001\\0000\\0000\\0001\\0000\\0000\\0000\\0000\\0000\\0000${labels.join('')}\\0000\\0000\\0001\\0000\\0001`;
    await lab.docker([
      'exec',
      'asker',
      'sh',
      '-c',
      `(echo -ne '${message}'; sleep 1) | nc -w 2 127.0.0.11 53`,
    ]);

    expect(await record(name)).toMatchObject({
      vantage: 'container',
      transport: 'tcp',
      client: { workload: { name: 'asker' } },
      server: { ip: '127.0.0.11', port: 53, scope: 'engine' },
      rcode: 'NOERROR',
    });
  });

  it('of a container on two networks carry both', async () => {
    await runs('both', '--network', FRONT.name);
    await lab.docker(['network', 'connect', BACK.name, 'both']);
    await covered('both');
    await waitFor('the second network to be known', () =>
      agent
        .stored('inventory')
        .some(({ name, detail }) => name === 'both' && detail['network'] === BACK.name),
    );
    await asks('both', outside('two'));

    const { networks } = await record(outside('two'));
    expect(networks).toHaveLength(2);
    expect(networks).toEqual(expect.arrayContaining([FRONT, BACK]));
    expect(coverage('both')).toHaveLength(1);
  });

  it('of containers that share a namespace name its owner, and the others as candidates', async () => {
    await runs('owner', '--network', FRONT.name);
    await runs('guest', '--network', 'container:owner');
    await covered('owner');
    await waitFor('the guest to be known', () =>
      agent.stored('inventory').some(({ object, name }) => object === 'container' && name === 'guest'),
    );
    await asks('guest', outside('shared'));

    expect(await record(outside('shared'))).toMatchObject({
      client: {
        workload: { name: 'owner' },
        attribution: {
          confidence: 'likely',
          reason: 'shares its network namespace with guest',
          candidates: ['owner', 'guest'],
        },
      },
    });
    expect(coverage('guest')).toEqual([]);
  });

  it('of a container that is killed while it waits for the answer are told without one', async () => {
    await runs('victim', '--network', FRONT.name);
    await covered('victim');
    let killed: Promise<unknown> | undefined;
    process.kill(internet.resolver.pid, 'SIGSTOP');
    try {
      await lab.docker(['exec', '--detach', 'victim', 'nslookup', outside('unheard')]);
      await waitFor('the question to reach the resolver', () => hasQuestionWaiting(lab));
      // The engine answers this only when its own question has timed out, after four seconds.
      killed = lab.docker(['kill', 'victim']);
      await waitFor('its end', () => coverage('victim').at(-1)?.state === 'uncovered', { everyMs: 10 });
    } finally {
      process.kill(internet.resolver.pid, 'SIGCONT');
      await killed;
    }

    // What the engine was answered after all never reached the container, so it is no part of that record.
    await record(outside('unheard'), 2);
    const views = told(outside('unheard')).map(({ vantage, client, rcode }) => [
      vantage,
      client.workload?.name,
      rcode,
    ]);
    expect(views.sort()).toEqual([
      ['bridge', 'victim', 'NOERROR'],
      ['container', 'victim', undefined],
    ]);
    expect(coverage('victim').at(-1)).toMatchObject({ state: 'uncovered', reason: 'the container ended' });
  });

  it('go on after the container was started again', async () => {
    await lab.docker(['restart', '--time', '0', 'asker']);
    await covered('asker', 2);
    await asks('asker', outside('again'));

    expect(await record(outside('again'))).toMatchObject({
      vantage: 'container',
      interface: 'lo@asker',
      client: { workload: { name: 'asker' } },
    });
  });

  it('on the default bridge cross it, until the container is connected to a network with a resolver', async () => {
    await runs('late', '--dns', INTERNET.resolver.v4);
    await waitFor('the container to be known', () =>
      agent.stored('inventory').some(({ name, detail }) => name === 'late' && detail['network'] === 'bridge'),
    );
    await asks('late', outside('direct'));
    expect(await record(outside('direct'))).toMatchObject({
      vantage: 'bridge',
      interface: 'docker0',
      client: { workload: { name: 'late' } },
      server: { ip: INTERNET.resolver.v4 },
    });
    expect(coverage('late')).toEqual([]);

    await lab.docker(['network', 'connect', FRONT.name, 'late']);
    await covered('late');
    await lab.docker(['exec', 'late', 'nslookup', outside('embedded'), '127.0.0.11']);

    const { vantage, networks } = await record(outside('embedded'));
    expect(vantage).toBe('container');
    expect(networks?.map(({ name }) => name).sort()).toEqual(['bridge', FRONT.name]);
  });

  it('that the engine passes to a resolver on the loopback of the host cross no bridge', async () => {
    await startHostResolver(lab);
    writeFileSync(join(lab.dir, 'resolv.conf'), `nameserver ${LOOPBACK_RESOLVER}\n`);
    await runs('local', '--network', BACK.name);
    await covered('local');
    await asks('local', outside('inside'));

    expect(await record(outside('inside'))).toMatchObject({
      vantage: 'container',
      client: { workload: { name: 'local' } },
      networks: [BACK],
      rcode: 'NOERROR',
      answers: [{ data: INTERNET.web.v4 }],
    });
    expect(told(outside('inside'))[0]).not.toHaveProperty('upstream');
  });

  it('are told once each, nothing is lost, and nothing is wrong with the agent', async () => {
    const asked = ['one', 'old', 'first', 'tcp', 'two', 'shared', 'again', 'direct', 'embedded', 'inside'];
    await agent.process.stop();

    expect(Object.fromEntries(asked.map((label) => [label, told(outside(label)).length]))).toEqual(
      Object.fromEntries(asked.map((label) => [label, 1])),
    );
    expect(agent.stored('loss')).toEqual([]);
    expect(complaints(agent.log)).toEqual([]);
    expect(coverage('before').map(({ state }) => state)).toEqual(['covered', 'uncovered']);
  });
});

/** In the socket of a resolver that is stopped. */
async function hasQuestionWaiting(lab: Lab): Promise<boolean> {
  const { stdout } = await lab.exec('wan', ['cat', '/proc/net/udp']);
  return stdout
    .split('\n')
    .some((line) => /:0035 [0-9A-F]{8}:[0-9A-F]{4} \d\d [0-9A-F]{8}:(?!00000000)/.test(line));
}
