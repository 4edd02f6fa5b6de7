import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { configPage } from '../../src/config/docs.ts';
import { ConfigError } from '../../src/config/error.ts';
import { loadConfig } from '../../src/config/load.ts';
import { configSchema } from '../../src/config/schema.ts';

const ANALYZERS = [
  {
    id: 'port-scan',
    config: z.strictObject({ distinct_ports: z.number().int().min(2).default(10).describe('How many.') }),
  },
];

describe('loadConfig', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bridgewatch-config-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const write = (text: string): string => {
    const file = join(folder, 'config.yaml');
    writeFileSync(file, text);
    return file;
  };
  const problems = (text: string, env: Record<string, string> = {}): string => {
    try {
      loadConfig({ file: write(text), env, analyzers: ANALYZERS });
    } catch (error) {
      // The file is named as it was given; here only its last part matters.
      if (error instanceof ConfigError) return error.message.replaceAll(`${folder}/`, '');
      throw error;
    }
    return 'no problem';
  };

  it('has a default for everything', () => {
    const config = loadConfig({ analyzers: ANALYZERS });

    expect(config.capture.snaplen_bytes).toBe(65_535);
    expect(config.analyzers['port-scan']).toEqual({ enabled: true, options: { distinct_ports: 10 } });
  });

  it('lets the environment win over the file, and flags over both', () => {
    const file = write('capture:\n  snaplen_bytes: 100\n  buffer_bytes: 300000\n  read_timeout_ms: 7\n');
    const env = { BRIDGEWATCH_CAPTURE_SNAPLEN_BYTES: '200', BRIDGEWATCH_CAPTURE_BUFFER_BYTES: '400000' };
    const flags = { capture: { snaplen_bytes: 300, filter: undefined } };

    const config = loadConfig({ file, env, flags, analyzers: ANALYZERS });

    expect(config.capture).toMatchObject({ snaplen_bytes: 300, buffer_bytes: 400_000, read_timeout_ms: 7 });
  });

  it('refuses an unknown key with its place and the nearest valid one', () => {
    expect(problems('capture:\n  snaplen_byte: 100\n')).toBe(
      'config.yaml:2:3: capture: unknown key "snaplen_byte"; did you mean "snaplen_bytes"?',
    );
  });

  it('refuses an unknown section and lists the valid ones when none is near', () => {
    expect(problems('kubernetes: {}\n')).toMatch(
      /^config\.yaml:1:1: unknown key "kubernetes"; valid here: docker, capture/,
    );
  });

  it('names the value that is out of bounds by its place', () => {
    expect(problems('# a comment\ncapture: { snaplen_bytes: 3 }\n')).toMatch(
      /^config\.yaml:2:27: capture\.snaplen_bytes: .*64/,
    );
  });

  it('checks the options of analyzers the same way', () => {
    expect(problems('analyzers:\n  port-scan:\n    distinct_ports: 1\n')).toMatch(
      /^config\.yaml:3:21: analyzers\.port-scan\.distinct_ports: /,
    );
    expect(problems('analyzers:\n  port-scn: {}\n')).toContain('did you mean "port-scan"?');
    expect(problems('analyzers:\n  port-scan:\n    distinct_prts: 1\n')).toContain('config.yaml:3:5');
  });

  it('refuses a file or a section that holds something else than options', () => {
    expect(problems('hello\n')).toMatch(/^config\.yaml:1:1: .*expected object, received string/);
    expect(problems('- a\n- b\n')).toMatch(/^config\.yaml:1:1: .*expected object, received array/);
    expect(problems('# none\ncapture: [1]\n')).toMatch(/^config\.yaml:2:10: capture: .*received array/);
  });

  it('says so too where a flag sets an option of that section', () => {
    const flags = { capture: { backend: 'portable', filter: undefined } };
    const load = () => loadConfig({ file: write('capture: all\n'), flags, analyzers: ANALYZERS });

    expect(load).toThrow(/config\.yaml:1:10: capture: .*received string/);
  });

  it('takes a key without a value for an absent one', () => {
    expect(problems('capture:\n  filter:\n  # snaplen_bytes: 100\nflows:\n')).toBe('no problem');
  });

  it('tells the value and the nearest choice', () => {
    expect(problems('capture: { backend: nativ }\n')).toMatch(
      /^config\.yaml:1:21: capture\.backend: .*"native".* \(it is "nativ"; did you mean "native"\?\)$/,
    );
    expect(problems('capture: { snaplen_bytes: 63 }\n')).toMatch(/>=64 \(it is 63\)$/);
    expect(problems('capture: { snaplen_bytes: 64 }\n')).toBe('no problem');
  });

  it('never repeats a text that may be a secret', () => {
    const text = problems('influxdb:\n  url: "http://me:hunter2@db:8086"\n  password: [hunter2]\n');

    expect(text).toMatch(/config\.yaml:2:8: influxdb\.url/);
    expect(text).toMatch(/config\.yaml:3:13: influxdb\.password/);
    expect(text).not.toContain('hunter2');
  });

  it('is not fooled by keys that mean something to JavaScript', () => {
    expect(problems('__proto__: { capture: {} }\n')).toMatch(/^config\.yaml:1:1: unknown key "__proto__"/);
    expect(problems('capture: { constructor: 1 }\n')).toMatch(/^config\.yaml:1:12: .*"constructor"/);
  });

  it('reports every problem, not only the first', () => {
    expect(problems('capture: { snaplen_bytes: 3, backend: magic }\nflow: {}\n').split('\n')).toHaveLength(3);
  });

  it('refuses an unknown variable of its own prefix', () => {
    expect(problems('', { BRIDGEWATCH_INFLUXDB_ULR: 'http://localhost:8086' })).toBe(
      'environment BRIDGEWATCH_INFLUXDB_ULR: no such option; did you mean BRIDGEWATCH_INFLUXDB_URL?',
    );
  });

  it('names the variable whose value is wrong', () => {
    expect(problems('', { BRIDGEWATCH_CAPTURE_SNAPLEN_BYTES: 'many' })).toMatch(
      /^environment BRIDGEWATCH_CAPTURE_SNAPLEN_BYTES: capture\.snaplen_bytes: /,
    );
  });

  it('reads lists and booleans from the environment', () => {
    const env = {
      BRIDGEWATCH_CAPTURE_EXCLUDE_NETWORKS: 'lan, iot',
      BRIDGEWATCH_CAPTURE_PROMISCUOUS: 'false',
    };

    const { capture } = loadConfig({ env, analyzers: ANALYZERS });

    expect(capture.exclude_networks).toEqual(['lan', 'iot']);
    expect(capture.promiscuous).toBe(false);
  });

  it('reads a choice between numbers and words from the environment', () => {
    const flavor = (text: string) =>
      loadConfig({ env: { BRIDGEWATCH_INFLUXDB_FLAVOR: text }, analyzers: ANALYZERS }).influxdb.flavor;

    expect(flavor('2')).toBe(2);
    expect(flavor('victoriametrics')).toBe('victoriametrics');
    expect(problems('', { BRIDGEWATCH_INFLUXDB_FLAVOR: '4' })).toMatch(
      /FLAVOR: influxdb\.flavor: .*expected one of 1\|2\|3\|"victoriametrics"/,
    );
  });

  it('names the place of what is wrong in a list of sections, and of what is missing there', () => {
    const exceptions =
      'findings:\n  exceptions:\n    - where: severity>\n      reason: known\n    - where: id:1\n';

    expect(problems(exceptions)).toMatch(/^config.yaml:3:14: findings.exceptions.0.where: expected a value/);
    expect(problems(exceptions)).toMatch(/\nconfig.yaml:5:\d+: findings.exceptions.1.reason: /);
  });

  it('takes no list of sections from the environment', () => {
    expect(problems('', { BRIDGEWATCH_FINDINGS_EXCEPTIONS: 'x' })).toMatch(/no such option/);
  });

  it('reads the example of the documentation', () => {
    const [, example] = /```yaml\n(.*?)```/s.exec(configPage(configSchema([])))!;
    const text = example!.replace(/^analyzers:.*/ms, '').replace(/password_file: .*/, '');

    expect(loadConfig({ file: write(text), analyzers: [] }).findings.exceptions).toHaveLength(1);
  });

  it('says where YAML is broken', () => {
    expect(problems('capture: [1, 2\n')).toMatch(/^config\.yaml:\d+:\d+: not valid YAML: /);
    expect(problems('capture: {}\ncapture: {}\n')).toMatch(/^config\.yaml:2:1: not valid YAML: /);
    expect(problems('capture: !magic {}\n')).toMatch(/^config\.yaml:1:10: not valid YAML: .*!magic/);
    expect(problems('a: 1\n---\nb: 2\n')).toMatch(/^config\.yaml:2:1: not valid YAML: a second document/);
    expect(problems('? [a, b]\n: 1\n')).toMatch(/^config\.yaml:1:3: not valid YAML: a key must be/);
  });

  it('does not expand aliases without bound', () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 8; i++)
      bomb.push(
        `${'abcdefgh'[i]}: &${'abcdefgh'[i]} [${`*${'abcdefgh'[i - 1]}, `.repeat(9)}*${'abcdefgh'[i - 1]}]`,
      );

    expect(problems(bomb.join('\n'))).toMatch(/^config\.yaml:1:1: not valid YAML: .*alias/i);
  });

  it('says what to do when the file is not there', () => {
    expect(() => loadConfig({ file: join(folder, 'none.yaml'), analyzers: [] })).toThrow(
      /no such file; give an existing file with --config/,
    );
  });
});
