/** That no option which lets somebody in leaves with a configuration: found by the schema, not by a list. */
import { describe, expect, it } from 'vitest';
import { type JsonSchema, jsonSchemaOf } from '../../src/config/json-schema.ts';
import { loadConfig } from '../../src/config/load.ts';
import { configSchema } from '../../src/config/schema.ts';
import { withoutSecrets } from '../../src/config/without-secrets.ts';
import { ANALYZERS } from '../../src/sensor/detectors.ts';
import { Secret } from '../../src/station/secret.ts';

const MARKER = 'MARKER5ecret';

/** By their name: these hold what lets somebody in, and not where that lies. */
const LETS_IN = /(?:password|passphrase|token|secret|headers|credential|api_?key|(?:^|\.)url)$/;
const NO_SECRET = new Set([
  // An address whose schema refuses credentials; that is held below.
  'influxdb.url',
  // Whether a token is asked for.
  'api.require_token',
]);

interface Option {
  readonly path: string;
  readonly schema: JsonSchema;
}

/** Every option that can be written, those of each type of sink as `sinks.TYPE.option`. */
function optionsOf(schema: JsonSchema, path: string): Option[] {
  const below = (name: string) => (path === '' ? name : `${path}.${name}`);
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, child]) =>
    optionsOf(child, below(name)),
  );
  const items = schema.items === undefined ? [] : optionsOf(schema.items, path);
  const types = (schema.oneOf ?? []).flatMap((one) =>
    one.properties === undefined ? [] : optionsOf(one, below(String(one.properties['type']?.const))),
  );
  const nested = [...own, ...items, ...types];
  return nested.length > 0 ? nested : [{ path, schema }];
}

const options = optionsOf(jsonSchemaOf(configSchema(ANALYZERS)), '');
const letIn = options.map(({ path }) => path).filter((path) => LETS_IN.test(path) && !NO_SECRET.has(path));

/** A value for each of them that its schema takes. */
function written(path: string): unknown {
  if (path.endsWith('headers')) return { 'X-Api-Key': MARKER, Authorization: `Bearer ${MARKER}` };
  return path.endsWith('url')
    ? `https://user:${MARKER}@hooks.example/services/${MARKER}?token=${MARKER}`
    : MARKER;
}

/** One configuration that has all that can stand together, and each sink beside it. */
function configurationWith(path: string): Record<string, unknown> {
  const [section, ...rest] = path.split('.') as [string, ...string[]];
  const name = rest.at(-1)!;
  const value = written(path);
  if (section === 'influxdb')
    return {
      influxdb: {
        url: 'http://127.0.0.1:8086',
        ...(name === 'token' ? { flavor: 3 } : { username: 'alice' }),
        [name]: value,
      },
    };
  if (section !== 'sinks') throw new Error(`a new place for secrets, ${path}: write here what goes with it`);
  const type = rest[0]!;
  const beside: Readonly<Record<string, object>> = {
    webhook: { url: 'https://hooks.example/x' },
    alertmanager: { url: 'http://127.0.0.1:9093' },
    nats: { servers: ['nats://127.0.0.1:4222'], ...(name === 'password' ? { username: 'alice' } : {}) },
  };
  return { sinks: [{ type, ...beside[type], [name]: value }] };
}

function secretsIn(value: unknown): number {
  if (value instanceof Secret) return 1;
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce<number>((sum, part) => sum + secretsIn(part), 0);
}

describe('withoutSecrets', () => {
  it('is held against every option that can let somebody in, among them those that are known', () => {
    expect(options.length).toBeGreaterThan(200);
    expect(letIn).toEqual(
      expect.arrayContaining([
        'influxdb.password',
        'influxdb.token',
        'sinks.webhook.url',
        'sinks.webhook.headers',
        'sinks.webhook.hmac_secret',
        'sinks.alertmanager.url',
        'sinks.nats.token',
        'sinks.nats.password',
      ]),
    );
  });

  it.each(letIn)('leaves out %s', (path) => {
    const config = loadConfig({ flags: configurationWith(path), analyzers: ANALYZERS });

    const text = JSON.stringify(withoutSecrets(config));

    // It was there, and its schema knows it for a secret.
    expect(secretsIn(config)).toBeGreaterThan(0);
    expect(text).not.toContain(MARKER);
    expect(text).toContain('(left out)');
  });

  it('is not asked to hide what an address of InfluxDB cannot hold', () => {
    const flags = { influxdb: { url: `http://user:${MARKER}@127.0.0.1:8086` } };

    expect(() => loadConfig({ flags, analyzers: ANALYZERS })).toThrow(/username and password_file/);
  });

  it.each([
    [`http://alice:${MARKER}@db.example:8086/write?token=${MARKER}`, 'http://db.example:8086/write'],
    [`tcp://${MARKER}@10.0.0.1:2375`, 'tcp://10.0.0.1:2375'],
    [`see https://h.example/a#${MARKER} and http://b:${MARKER}@c`, 'see https://h.example/a and http://c'],
    ['/var/run/docker.sock', '/var/run/docker.sock'],
    ['severity>=high and peer.ip:198.51.100.0/24', 'severity>=high and peer.ip:198.51.100.0/24'],
  ])('makes %s %s in any text', (text, shown) => {
    expect(withoutSecrets({ a: [text] })).toEqual({ a: [shown] });
  });

  it('keeps what is no secret as it is', () => {
    const plain = { a: 1, b: [true, null, 'x'], c: { d: 'y' } };

    expect(withoutSecrets(plain)).toEqual(plain);
  });
});
