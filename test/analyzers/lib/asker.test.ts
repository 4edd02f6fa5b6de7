import { describe, expect, it } from 'vitest';
import { answererOf, clientKey, isItself, networkOf } from '../../../analyzers/lib/asker.ts';
import type { Attribution } from '../../../src/model/endpoint.ts';
import { address, container, network, question, unattributed } from '../../support/records.ts';

const front = network({ name: 'front' });
const back = network({ name: 'back' });

describe('the key of a client', () => {
  it('is the container, wherever and from whatever address it asks', () => {
    expect(clientKey(container('app', '127.0.0.1'), undefined)).toBe(
      clientKey(container('app', '172.30.0.10'), front),
    );
    expect(clientKey(container('app', '172.30.0.10'), front)).not.toBe(
      clientKey(container('db', '172.30.0.10'), front),
    );
  });

  it('is an address on its network for everybody else: two networks may have the same', () => {
    const client = unattributed('172.30.0.10');

    expect(clientKey(client, front)).toBe(clientKey({ ...client, port: 4000 }, front));
    expect(clientKey(client, front)).not.toBe(clientKey(client, back));
    expect(clientKey(client, front)).not.toBe(clientKey(unattributed('172.30.0.11'), front));
  });
});

describe('the network of a finding', () => {
  const networks = [
    { name: 'front', internal: false },
    { name: 'back', internal: true },
  ];

  it('is the one that carried the question', () => {
    expect(networkOf({ network: front, networks })).toEqual({ network: 'front' });
  });

  it('is each that the container is on, where the question crossed none', () => {
    expect(networkOf({ network: undefined, networks })).toEqual({ network: 'front, back' });
  });

  it('is absent where none is known', () => {
    expect(networkOf({ network: undefined, networks: [] })).toEqual({});
    expect(networkOf({ network: undefined, networks: undefined })).toEqual({});
  });
});

describe('a client is itself', () => {
  const seen = (attribution: Attribution, mac?: string) =>
    isItself(container('app', '172.30.0.10', { attribution, ...(mac === undefined ? {} : { mac }) }));
  const mac = '02:42:ac:1e:00:0a';

  it.each([
    ['by MAC and address', { method: 'mac+ip', confidence: 'certain' }, mac, true],
    ['in its own namespace', { method: 'netns', confidence: 'certain' }, undefined, true],
    [
      'by its address alone where no MAC was seen',
      { method: 'ip@time', confidence: 'likely' },
      undefined,
      true,
    ],
    [
      'not by its address with a MAC that is another’s',
      { method: 'ip@time', confidence: 'likely' },
      mac,
      false,
    ],
    ['not where two could be meant', { method: 'mac+ip', confidence: 'ambiguous' }, mac, false],
  ] as const)('%s', (_, attribution, from, expected) => {
    expect(seen(attribution as Attribution, from)).toBe(expected);
  });

  it('as an address that nobody could name', () => {
    expect(isItself(unattributed('172.30.0.10', { mac }))).toBe(true);
  });
});

describe('who answered', () => {
  const server = address('127.0.0.11', 'engine', { port: 53 });

  it('is the server asked, or whom it asked, where that was seen', () => {
    const upstream = { server: container('forwarder', '172.30.0.53'), interface: 'eth0', rtt: 100 };

    expect(answererOf(question({ labels: ['a'], server })).ip).toBe('127.0.0.11');
    expect(answererOf(question({ labels: ['a'], server, upstream })).ip).toBe('172.30.0.53');
  });
});
