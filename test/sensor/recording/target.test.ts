import { describe, expect, it } from 'vitest';
import type { Network, Workload } from '../../../src/model/network.ts';
import type { ContainerState } from '../../../src/sensor/docker/inventory-event.ts';
import { type KnownWorld, TargetError, targetOf } from '../../../src/sensor/recording/target.ts';

const network = (name: string, id: string, more: Partial<Network> = {}): Network => ({
  id: id.padEnd(64, '0'),
  name,
  driver: 'bridge',
  scope: 'local',
  internal: false,
  subnets: [],
  gateways: [],
  options: {},
  labels: {},
  ...more,
});

const container = (name: string, id: string, more: Partial<Workload> = {}): ContainerState => ({
  workload: {
    containerId: id.padEnd(64, '0'),
    name,
    image: 'x',
    labels: {},
    networkMode: 'bridge',
    networks: [],
    ...more,
  },
  endpoints: [],
});

const compose = (project: string, service: string, number: number, id: string) =>
  container(`${project}-${service}-${number}`, id, { composeProject: project, composeService: service });

const WORLD: KnownWorld = {
  networks: [
    network('shop_data', 'aaaa1111', { composeProject: 'shop' }),
    network('data', 'bbbb2222'),
    network('proxy', 'cccc3333'),
  ],
  containers: [
    compose('shop', 'db', 1, 'dddd1111'),
    compose('shop', 'db', 2, 'dddd2222'),
    compose('blog', 'web', 1, 'eeee1111'),
    compose('shop', 'web', 1, 'eeee2222'),
    container('proxy', 'ffff1111'),
  ],
};

/** Which containers of the world it means. */
function named(word: string): string[] {
  const target = targetOf(word, WORLD);
  if (target.kind === 'network') return [`network ${target.name}`];
  return WORLD.containers
    .filter(({ workload }) => target.includes(workload))
    .map(({ workload }) => workload.name);
}

describe('targetOf', () => {
  it.each([
    ['a network by its whole name, also where another has it as its short one', 'data', ['network data']],
    ['a network by its Compose name', 'shop_data', ['network shop_data']],
    ['a network by the beginning of its id', 'aaaa1', ['network shop_data']],
    ['one container by its name', 'shop-db-2', ['shop-db-2']],
    ['all containers of a service by its label', 'shop/db', ['shop-db-1', 'shop-db-2']],
    ['a service of one project by its name alone', 'db', ['shop-db-1', 'shop-db-2']],
    ['a container by the beginning of its id', 'dddd2', ['shop-db-2']],
    ['what is said to be a network', 'network:proxy', ['network proxy']],
    ['what is said to be a container', 'container:proxy', ['proxy']],
  ])('%s', (_what, word, expected) => {
    expect(named(word)).toEqual(expected);
  });

  it.each([
    ['a network and a container of one name', 'proxy', /network:proxy or container:proxy/],
    ['a service of two projects', 'web', /container:blog\/web or container:shop\/web/],
    ['an id that two containers begin with', 'dddd', /container:shop-db-1 or container:shop-db-2/],
  ])('refuses %s, and says both', (_what, word, message) => {
    const problem = failureOf(word);

    expect(problem.code).toBe('TARGET_AMBIGUOUS');
    expect(problem.message).toMatch(message);
  });

  it('takes what it offers for an ambiguous service', () => {
    expect(named('container:blog/web')).toEqual(['blog-web-1']);
  });

  it('takes three digits for a name, not for an id', () => {
    expect(failureOf('ddd').code).toBe('TARGET_UNKNOWN');
  });

  it('says what there is when nothing is called so', () => {
    expect(failureOf('shop/cache').message).toBe(
      'no network, container or service is called "shop/cache"; networks: data, proxy, shop_data; running containers: blog/web, proxy, shop/db, shop/web',
    );
  });

  it('includes a replica that starts later', () => {
    const target = targetOf('shop/db', WORLD);

    const later = compose('shop', 'db', 3, 'dddd3333').workload;
    const other = compose('blog', 'db', 1, 'dddd4444').workload;

    expect(target.kind === 'containers' && [target.includes(later), target.includes(other)]).toEqual([
      true,
      false,
    ]);
  });
});

function failureOf(word: string): TargetError {
  try {
    targetOf(word, WORLD);
  } catch (error) {
    if (error instanceof TargetError) return error;
    throw error;
  }
  throw new Error(`${word} was taken`);
}
