/** Ten thousand findings in a minute, through the life of a finding and a real station to what people look at. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FINDING_STORM, type Finding } from '../../../src/model/finding.ts';
import type { PublicFinding } from '../../../src/model/serialize.ts';
import { Station } from '../../../src/station/station.ts';
import { secs } from '../../support/records.ts';
import { stormOf } from '../../support/storm.ts';
import { memoryLogger, QUICK_RETRY, stationConfig, temporaryDirectory, until } from '../support/harness.ts';
import { startWebhookPeer, type WebhookPeer } from '../support/webhook-peer.ts';

const COUNT = 10_000;
/** `findings.storm_per_minute`. */
const TOLD = 30;

let directory: ReturnType<typeof temporaryDirectory>;
let peer: WebhookPeer;
let station: Station | undefined;

beforeEach(async () => {
  directory = temporaryDirectory();
  peer = await startWebhookPeer();
});

afterEach(async () => {
  await station?.stop();
  await peer.close();
  directory.remove();
});

const openedBy = (findings: readonly PublicFinding[]) => findings.filter(({ status }) => status === 'open');
const isStorm = ({ analyzer }: PublicFinding) => analyzer === FINDING_STORM;

it('ten thousand findings a minute are few messages to a webhook and to Alertmanager, and all in a file', async () => {
  const path = join(directory.path, 'all.ndjson');
  const sinks = [
    { type: 'file', path, kinds: ['finding'] },
    { type: 'webhook', url: `${peer.url}/hook` },
    { type: 'webhook', name: 'another', url: `${peer.url}/another`, filter: 'analyzer:dns-tunnel' },
    { type: 'webhook', name: 'greedy', url: `${peer.url}/greedy`, include_muted: true, body: 'array' },
    { type: 'alertmanager', url: peer.url },
  ];
  station = new Station(stationConfig(directory.path, {}, {}, sinks), {
    logger: memoryLogger().logger,
    retry: QUICK_RETRY,
  });
  await station.start();
  const { manager, report } = stormOf({ onFinding: (finding: Finding) => station?.receive(finding) });

  for (let i = 0; i < COUNT; i++) {
    report((i * 60) / COUNT, i);
    if (i % 200 === 0) {
      manager.tick(secs((i * 60) / COUNT));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  for (let second = 60; second < 125; second++) manager.tick(secs(second));
  const statusOf = (name: string) => station?.status()?.sinks.find(({ sink }) => sink === name);
  for (const name of ['file', 'webhook', 'another', 'greedy', 'alertmanager'])
    await until(
      `all of ${name}`,
      () => statusOf(name)?.queued === 0 && statusOf(name)!.accepted > COUNT,
      60_000,
    );

  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  const all = lines.map((line) => JSON.parse(line) as PublicFinding);
  const storm = all.find(isStorm)!;
  expect(openedBy(all)).toHaveLength(COUNT + 1);
  expect(openedBy(all).filter(({ foldedInto }) => foldedInto === storm.id)).toHaveLength(COUNT - TOLD);

  const postsTo = (end: string) => peer.taken.filter((posted) => posted.path === end);
  const messages = postsTo('/hook').map(({ body }) => JSON.parse(body) as PublicFinding);
  expect(openedBy(messages).filter((finding) => !isStorm(finding))).toHaveLength(TOLD);
  expect(messages.filter(isStorm).at(-1)?.evidence).toMatchObject({ folded: COUNT - TOLD, goesOn: false });
  expect(messages.length).toBeLessThan(TOLD + 10);
  // Whose filter would have taken none of these is told that there is a storm, not what is in it.
  const others = postsTo('/another').map(({ body }) => JSON.parse(body) as PublicFinding);
  expect(new Set(others.map(({ id }) => id))).toEqual(new Set([storm.id]));
  const greedy = postsTo('/greedy').flatMap(({ body }) => JSON.parse(body) as PublicFinding[]);
  expect(new Set(openedBy(greedy).map(({ id }) => id)).size).toBe(COUNT + 1);

  const alerts = postsTo('/api/v2/alerts').flatMap(({ body }) => JSON.parse(body) as { labels: object }[]);
  expect(new Set(alerts.map(({ labels }) => JSON.stringify(labels))).size).toBe(TOLD + 1);
}, 90_000);
