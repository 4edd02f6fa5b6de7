import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { diffStates } from '../../../../src/sensor/audit/drift/diff.ts';
import {
  assertSavable,
  parseState,
  readSavedState,
  type SavedState,
  stateText,
  writeSavedState,
} from '../../../../src/sensor/audit/drift/saved-state.ts';
import { stateOf } from '../../../../src/sensor/audit/drift/state.ts';
import { DOCKER0, network, port, service, T0 } from '../support.ts';

const SAVED: SavedState = {
  savedAt: T0,
  host: 'vps1',
  engineVersion: '28.5.0',
  state: stateOf(
    [DOCKER0, network('mesh', { driver: 'overlay', options: { encrypted: '', constructor: 'x' } })],
    [
      service('shop', 'db', {
        networks: ['mesh'],
        published: [port('::', 5432)],
        pidMode: 'host',
        sysctls: { 'net.ipv4.ip_forward': '1' },
      }),
    ],
  ),
};

interface StateFile {
  readonly networks: readonly [object, { readonly name: string }];
  readonly services: readonly [{ readonly ports: readonly [object] }];
}

/** The file with something else in it. */
function edited(change: (file: StateFile) => void): string {
  const file = JSON.parse(stateText(SAVED)) as StateFile;
  change(file);
  return JSON.stringify(file);
}

describe('a saved state', () => {
  it('is read back as it was, with time, host and engine', () => {
    expect(parseState(stateText(SAVED), 'f')).toEqual(SAVED);
    const { engineVersion: _, ...rest } = SAVED;
    expect(parseState(stateText(rest), 'f')).toEqual(rest);
  });

  it('is lines that a person can compare: the same state is the same text', () => {
    expect(stateText(SAVED)).toBe(stateText(structuredClone(SAVED)));
    expect(stateText(SAVED).split('\n').slice(0, 4)).toEqual([
      '{',
      '  "format": "bridgewatch-state",',
      '  "version": 1,',
      '  "savedAt": "2026-11-23T14:00:00.000000Z",',
    ]);
  });

  it('keeps names that act on a terminal from acting there', () => {
    const hostile = { ...SAVED, host: 'x\u001b[2J\u009b31m\u202egnp' };

    expect(stateText(hostile)).toMatch(/^[\n -~]+$/);
    expect(parseState(stateText(hostile), 'f')).toEqual(hostile);
  });

  it.each([
    ['nothing', ''],
    ['what is no JSON', 'services:\n  db:'],
    ['a list', '[]'],
    ['null', 'null'],
    ['other JSON', '{"version":1}'],
  ])('is not %s, and the error says how to get one', (_, json) => {
    expect(() => parseState(json, 'f.json')).toThrow(
      'f.json is no saved state of bridgewatch, keep one with `bridgewatch audit --save FILE`',
    );
  });

  it.each([2, 0, '1', null, undefined])('of version %j is refused by its version', (version) => {
    const json = edited((file) => Object.assign(file, { version }));

    expect(() => parseState(json, 'f')).toThrow(/has version .+, and this bridgewatch reads version 1/);
  });

  it.each<[string, (file: StateFile) => void, RegExp]>([
    ['a field too many', (file) => Object.assign(file, { mood: 'good' }), /mood/],
    ['no services', (file) => Reflect.deleteProperty(file, 'services'), /at services/],
    [
      'a time that is none',
      (file) => Object.assign(file, { savedAt: 'yesterday' }),
      /at savedAt: is no time/,
    ],
    [
      'a port that is none',
      (file) => Object.assign(file.services[0].ports[0], { hostPort: 65_536 }),
      /at services\.0\.ports\.0\.hostPort/,
    ],
    [
      'a word for a switch',
      (file) => Object.assign(file.networks[0], { isInternal: 'yes' }),
      /at networks\.0\.isInternal/,
    ],
    [
      'a name without end',
      (file) => Object.assign(file.networks[0], { name: 'x'.repeat(4097) }),
      /at networks\.0\.name/,
    ],
    [
      'an option that is no text',
      (file) => Object.assign(file.networks[0], { options: { a: {} } }),
      /at networks\.0\.options\.a/,
    ],
  ])('with %s is damaged, and the error says where', (_, change, place) => {
    expect(() => parseState(edited(change), 'f.json')).toThrow(/^f\.json is a damaged state/);
    expect(() => parseState(edited(change), 'f.json')).toThrow(place);
  });

  it('cannot reach beyond itself by its names', () => {
    const json = stateText(SAVED).replace('"encrypted": ""', '"__proto__": "polluted"');

    const { state } = parseState(json, 'f');

    expect({}.constructor).toBe(Object);
    expect(() => diffStates(state, SAVED.state)).not.toThrow();
  });
});

describe('a file of a saved state', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bw-state-'));
    path = join(folder, 'state.json');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is written for its owner alone, whole, and nothing is left beside it', async () => {
    await writeSavedState(path, SAVED);

    expect(await readSavedState(path)).toEqual(SAVED);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['state.json']);
  });

  it('is replaced by a newer one, of another version too, and keeps its rights', async () => {
    writeFileSync(path, '{"format":"bridgewatch-state","version":7}');
    chmodSync(path, 0o640);

    await writeSavedState(path, SAVED);

    expect(await readSavedState(path)).toEqual(SAVED);
    expect(statSync(path).mode & 0o777).toBe(0o640);
  });

  it.each(['services: {}', '', '{}'])('is not written over what is none: %j', async (text) => {
    writeFileSync(path, text);

    await expect(assertSavable(path)).rejects.toThrow(
      'is no saved state of bridgewatch, and is not written over',
    );
    await expect(writeSavedState(path, SAVED)).rejects.toThrow('and is not written over');
    expect(readFileSync(path, 'utf8')).toBe(text);
    expect(readdirSync(folder)).toEqual(['state.json']);
  });

  it('is written where a link leads, and the link stays', async () => {
    mkdirSync(join(folder, 'real'));
    writeFileSync(join(folder, 'real/s.json'), stateText(SAVED));
    symlinkSync('real/s.json', path);

    await writeSavedState(path, { ...SAVED, host: 'vps2' });

    expect((await readSavedState(join(folder, 'real/s.json'))).host).toBe('vps2');
    expect(existsSync(path)).toBe(true);
    expect(readdirSync(join(folder, 'real'))).toEqual(['s.json']);
  });

  it('says what is wrong with its place', async () => {
    await expect(readSavedState(path)).rejects.toThrow(/^cannot read .*state\.json: it does not exist/);
    await expect(readSavedState(folder)).rejects.toThrow('it is no file');
    await expect(writeSavedState(folder, SAVED)).rejects.toThrow('it is no file');
    await expect(assertSavable(join(folder, 'none/state.json'))).rejects.toThrow('does not exist');
    await expect(assertSavable(join(folder, 'new.json'))).resolves.toBeUndefined();
  });
});
