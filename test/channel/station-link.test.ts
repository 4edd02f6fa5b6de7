/** What the sensor does for its records while stations come, go, are slow, and die. */
import { type Duplex, duplexPair } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { FrameReader, framed } from '../../src/channel/frames.ts';
import { decodeToStation, encodeToSensor, type ToStation } from '../../src/channel/messages.ts';
import { type LinkBounds, StationLink } from '../../src/channel/station-link.ts';
import { flowRow } from '../../src/model/flow-row.ts';
import type { AgentRecord } from '../../src/model/record.ts';
import type { SentRecord } from '../../src/model/sent-record.ts';
import { dns, finding, flow, inventory } from '../station/support/records.ts';

afterEach(() => vi.useRealTimers());

function newLink(bounds: Partial<LinkBounds> = {}) {
  const heard: string[] = [];
  const link = new StationLink({
    run: 'run-1',
    config: { store: {} },
    json: false,
    onMessage: ({ type }) => heard.push(type),
    onNonsense: () => heard.push('nonsense'),
    bounds,
  });
  return { link, heard };
}

/** The other end, as a station would read it. */
class FarEnd {
  readonly messages: ToStation[] = [];
  readonly near: Duplex;
  readonly #far: Duplex;

  constructor() {
    const reader = new FrameReader(1e9);
    [this.near, this.#far] = duplexPair();
    this.#far.on('data', (chunk: Buffer) => {
      for (const bytes of reader.push(chunk)) this.messages.push(decodeToStation(bytes));
    });
  }

  welcome(): void {
    this.say({ type: 'welcome', leases: { leases: [] }, learned: [], findings: [] });
  }

  say(message: Parameters<typeof encodeToSensor>[0]): void {
    this.sayBytes(encodeToSensor(message));
  }

  sayBytes(bytes: Buffer): void {
    this.#far.write(framed(bytes));
  }

  get findings(): number[] {
    return this.#durable.flatMap(({ findings }) => findings.map(([seq]) => seq));
  }

  get events(): AgentRecord[] {
    return this.#durable.flatMap(({ events }) => events.map(([, record]) => record));
  }

  get bulk(): SentRecord[] {
    return this.messages.flatMap((message) => (message.type === 'bulk' ? message.records : []));
  }

  get lastN(): number {
    return this.#durable.at(-1)!.n;
  }

  get #durable() {
    return this.messages.filter((message) => message.type === 'durable');
  }
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

describe('the link to a station', () => {
  it('tells flows as rows with their text, other bulk as records, all in their order', async () => {
    const { link } = newLink();
    const station = new FarEnd();
    link.attach(station.near);
    station.welcome();
    const flows = [flow(1), flow(2)] as const;
    link.send(flows[0]);
    link.send(dns(1));
    link.send(flows[1]);

    await expect.poll(() => station.bulk).toEqual([flowRow(flows[0]), dns(1), flowRow(flows[1])]);
  });

  it('says who it is at once, and nothing more before it is welcome', async () => {
    const { link, heard } = newLink();
    const station = new FarEnd();
    link.send(finding(1));
    link.attach(station.near);
    await expect.poll(() => station.messages.length).toBe(1);
    expect(station.messages[0]).toEqual({ type: 'hello', run: 'run-1', config: { store: {} }, json: false });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(station.messages).toHaveLength(1);

    station.welcome();
    await expect.poll(() => station.findings).toEqual([1]);
    expect(heard).toEqual(['welcome']);
  });

  it('tells again, in order and with the same numbers, what a station that died did not acknowledge', async () => {
    const { link } = newLink();
    const first = new FarEnd();
    link.attach(first.near);
    first.welcome();
    for (let i = 0; i < 300; i++) link.send(finding(i));
    await expect.poll(() => first.findings.length).toBe(300);
    first.say({ type: 'ack', n: 1 });
    await expect.poll(() => link.waiting).toBe(1);
    link.detach();
    link.send(finding(300));

    const second = new FarEnd();
    link.attach(second.near);
    second.welcome();
    await expect.poll(() => second.findings).toEqual(numbers(251, 301));
    second.say({ type: 'ack', n: second.lastN });
    await expect.poll(() => link.waiting).toBe(0);
  });

  it('hears nothing from a station that it has given up', async () => {
    const { link } = newLink();
    const first = new FarEnd();
    link.attach(first.near);
    first.welcome();
    link.send(finding(1));
    await expect.poll(() => first.findings).toEqual([1]);
    link.detach();
    first.say({ type: 'ack', n: first.lastN });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(link.waiting).toBe(1);
  });

  it('sheds the oldest flows and events beyond its bounds, and says how many when somebody listens', async () => {
    const { link } = newLink({ maxBulk: 10, maxDurable: 5 });
    for (let i = 0; i < 13; i++) link.send(flow(i));
    for (let i = 0; i < 7; i++) link.send(inventory(i));
    for (let i = 0; i < 5; i++) link.send(finding(i));
    expect(link.lost).toBe(5);
    const station = new FarEnd();
    link.attach(station.near);
    station.welcome();
    await expect.poll(() => station.bulk.length).toBe(10);
    expect(station.findings).toEqual(numbers(1, 5));
    link.tellState({ problems: [], metrics: [] });
    const losses = () => station.events.filter((record) => record.kind === 'loss');
    await expect
      .poll(() => losses().map(({ where, count }) => [where, count]))
      .toEqual([
        ['flow', 3],
        ['inventory', 2],
      ]);
    expect(losses()[0]).toMatchObject({ source: 'channel' });
  });

  it('stops telling when too much is not acknowledged, and goes on when it is', async () => {
    const { link } = newLink({ maxUnackedBytes: 1 });
    const station = new FarEnd();
    link.attach(station.near);
    station.welcome();
    link.send(finding(1));
    await expect.poll(() => station.findings).toEqual([1]);
    link.send(finding(2));
    link.send(flow(1));
    await expect.poll(() => station.bulk.length).toBe(1);
    expect(station.findings).toEqual([1]);
    station.say({ type: 'ack', n: 1 });
    await expect.poll(() => station.findings).toEqual([1, 2]);
  });

  it('keeps the latest only of what was learned, and tells it again too', async () => {
    const { link } = newLink();
    const learned = (value: number) =>
      ({ kind: 'learned', time: 1, analyzer: 'a', map: 'm', key: 'k', value }) as const;
    link.remember(learned(1));
    link.remember(learned(2));
    const told = (station: FarEnd) =>
      station.messages.flatMap((message) => (message.type === 'durable' ? message.learned : []));
    const first = new FarEnd();
    link.attach(first.near);
    first.welcome();
    await expect.poll(() => told(first)).toEqual([learned(2)]);
    link.detach();
    const second = new FarEnd();
    link.attach(second.near);
    second.welcome();
    await expect.poll(() => told(second)).toEqual([learned(2)]);
  });

  it('tells all that waits before it says good-bye', async () => {
    const { link } = newLink();
    const station = new FarEnd();
    link.attach(station.near);
    station.welcome();
    await expect.poll(() => station.messages.length).toBe(1);
    for (let i = 0; i < 2000; i++) link.send(finding(i));
    link.close();
    await expect.poll(() => station.messages.at(-1)).toEqual({ type: 'bye' });
    expect(station.findings).toHaveLength(2000);
  });

  it('tells a station that comes after the good-bye all that waits, and then the good-bye', async () => {
    const { link } = newLink();
    link.send(finding(1));
    link.close();
    const station = new FarEnd();
    link.attach(station.near);
    station.welcome();
    await expect.poll(() => station.messages.map(({ type }) => type)).toEqual(['hello', 'durable', 'bye']);
  });

  it('knows how long a station has been silent, and is not answerable for one that is not there', async () => {
    const { link } = newLink();
    expect(link.silentMs).toBe(0);
    const station = new FarEnd();
    link.attach(station.near);
    await expect.poll(() => link.silentMs).toBeGreaterThan(50);
    station.say({ type: 'alive' });
    await expect.poll(() => link.silentMs).toBeLessThan(50);
    link.detach();
    expect(link.silentMs).toBe(0);
  });

  it.each([
    ['no JSON', Buffer.from('{')],
    ['another kind', Buffer.from('{"type":"shutdown"}')],
    ['a number that is none', Buffer.from('{"type":"ack","n":"1"}')],
    ['a lease without a holder', Buffer.from('{"type":"welcome","leases":{"leases":[{}]},"learned":[]}')],
  ])('believes nothing that is no message: %s', async (_, bytes) => {
    const { link, heard } = newLink();
    const station = new FarEnd();
    link.attach(station.near);
    station.sayBytes(bytes);
    await expect.poll(() => heard).toEqual(['nonsense']);
  });
});

describe('packets put aside', () => {
  it('wait for room, and are given up with the station that had them: another one is told apart', async () => {
    const { link } = newLink({ maxEvidenceBytes: 100 });
    const first = new FarEnd();
    link.attach(first.near);
    expect(link.evidenceRoomBytes).toBe(0);
    first.welcome();
    await vi.waitFor(() => expect(link.evidenceRoomBytes).toBe(100));
    const before = link.evidenceListener;
    link.sendEvidence({ type: 'bytes', id: 'one', bytes: new Uint8Array(60) });
    expect(link.evidenceRoomBytes).toBe(40);

    link.detach();
    expect(link.evidenceRoomBytes).toBe(0);
    expect(link.evidenceListener).not.toBe(before);
    const second = new FarEnd();
    link.attach(second.near);
    second.welcome();
    await vi.waitFor(() => expect(link.evidenceRoomBytes).toBe(100));
    link.close();
    await vi.waitFor(() => expect(second.messages.some(({ type }) => type === 'bye')).toBe(true));

    expect(second.messages.some(({ type }) => type === 'evidence')).toBe(false);
  });
});
