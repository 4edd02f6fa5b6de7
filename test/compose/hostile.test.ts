/** No text makes the loader throw anything but its own error, hang, or read what it must not. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEnvFile } from '../../src/compose/env-file.ts';
import { interpolate } from '../../src/compose/interpolate.ts';
import { loadCompose } from '../../src/compose/load.ts';
import { ComposeError } from '../../src/compose/problem.ts';
import { ProjectFiles } from '../../src/compose/project-files.ts';
import { readYaml } from '../../src/compose/yaml-file.ts';
import { folderOf, load, problemOf } from './support.ts';

const PLACE = { file: 'x', line: 1, column: 1 };

/** Pieces of Compose files and of YAML, put together anyhow: nearer to the code than letters are. */
const PIECES =
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Compose's own variables.
  'services: networks: include: extends: a b x- << *a &a !reset !override !x : - ? | > \n \n   {} [] { } [ ] , "80:80" 99999 ${A} ${A:-${B}} $$ $ ${ null true 1e9 ports: volumes: ports volumes privileged: file: service: ~ --- ... # \t % @ ` name: /var/run ../ .. \\ \' "'.split(
    ' ',
  );
const text = fc.oneof(
  fc.array(fc.constantFrom(...PIECES), { maxLength: 60 }).map((pieces) => pieces.join(' ')),
  fc
    .array(fc.constantFrom(...PIECES), { maxLength: 60 })
    .map((pieces) => `services:\n  a:\n    ${pieces.join(' ')}`),
  fc.string({ maxLength: 200 }),
);
/** A service of any values whatever. */
const value = fc.jsonValue({ maxDepth: 3 });
const service = fc.dictionary(
  fc.constantFrom(
    ...'image ports volumes networks network_mode privileged cap_add cap_drop pid sysctls dns expose profiles labels scale deploy extends volumes_from post_start'.split(
      ' ',
    ),
    '__proto__',
    'constructor',
  ),
  value,
);

function onlyOwnErrors(read: () => void): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof ComposeError)) throw error;
  }
}

describe('any text', () => {
  it('is a project, or a ComposeError', () => {
    const folder = folderOf({});
    const file = join(folder, 'compose.yaml');
    const read = (content: string): void => {
      writeFileSync(file, content);
      onlyOwnErrors(() => loadCompose({ files: [file], shell: { A: '1' }, isStrict: true }));
    };

    fc.assert(fc.property(text, read), { numRuns: 300 });
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('a', 'b', 'constructor'), service),
        value,
        (services, networks) => read(JSON.stringify({ services, networks })),
      ),
      { numRuns: 200 },
    );
  });

  it('is an environment, or a ComposeError; interpolated, a text or one', () => {
    fc.assert(
      fc.property(fc.string(), (content) =>
        onlyOwnErrors(() => parseEnvFile(content, '.env', () => undefined)),
      ),
    );
    fc.assert(fc.property(text, (content) => onlyOwnErrors(() => interpolate(content, () => 'x', PLACE))));
  });
});

describe('what is made to cost much', () => {
  const within = (secs: number, run: () => void): void => {
    const from = performance.now();
    run();
    expect((performance.now() - from) / 1000).toBeLessThan(secs);
  };

  it.each([
    ['aliases of aliases', bomb()],
    ['merge keys of merge keys', bomb('<<: ')],
    ['brackets in brackets', `services: ${'['.repeat(100_000)}`],
    ['mappings in mappings', `services: ${'{a: '.repeat(100)}${'}'.repeat(100)}`],
    ['keys without end', Array.from({ length: 30_000 }, (_, i) => `k${i}: `).join('\n')],
    ['lists without end', `services: {a: {cap_add: [${'a,'.repeat(110_000)}]}}`],
    ['a file that is too long', `x: ${'a'.repeat(257 * 1024)}`],
    ['ports without end', `services: {a: {image: x, ports: ["1-60000:1-60000", "1-60000:1-60000/udp"]}}`],
    [
      'services that extend much',
      `services:\n  a: {image: x, labels: {${Array.from({ length: 8000 }, (_, i) => `l${i}: x`)}}}\n${Array.from({ length: 1900 }, (_, i) => `  s${i}: {extends: a}`).join('\n')}`,
    ],
    ['variables in variables', `services: {a: {image: "${'${A:-'.repeat(40)}${'}'.repeat(40)}"}}`],
  ])('%s is refused soon', (_what, content) => {
    within(10, () =>
      expect(problemOf(content)).toMatch(/more than|deeper|larger|too much|no services|not valid/),
    );
  });

  it('variables that hold each other are refused before they fill the memory', () => {
    const env = ['A=aaaaaaaa', ...Array.from({ length: 40 }, (_, i) => `A${i}=$A${i - 1}$A${i - 1}`)]
      .join('\n')
      .replaceAll('A-1', 'A');

    within(2, () =>
      expect(problemOf({ 'compose.yaml': 'services: {a: {image: $A39}}', '.env': env })).toContain(
        'a text of more than',
      ),
    );
  });

  it('files without end are refused', () => {
    const files = Object.fromEntries(
      Array.from({ length: 70 }, (_, i) => [
        `f${i}.yaml`,
        `include: [f${i + 1}.yaml]\nservices: {s${i}: {image: x}}`,
      ]),
    );

    expect(problemOf({ 'compose.yaml': 'include: [f0.yaml]', ...files })).toContain(
      'include each other, more than 32 deep',
    );
    expect(
      problemOf({
        'compose.yaml': `include: [${Object.keys(files).map((name) => `{path: ${name}}`)}]`,
        ...Object.fromEntries(Object.keys(files).map((name, i) => [name, `services: {s${i}: {image: x}}`])),
      }),
    ).toContain('more than 64 files');
  });
});

describe('files of a project that a label named', () => {
  const folder = folderOf({
    'compose.yaml': 'services: {a: {image: x}}',
    'up.yaml': 'include: [../secret.yaml]',
    'notes.txt': 'services: {a: {image: x}}',
  });
  mkdirSync(join(folder, 'dir.yaml'));
  writeFileSync(join(folder, '..', 'secret.yaml'), 'password: hunter2');
  symlinkSync('/etc/passwd', join(folder, 'passwd.yaml'));
  symlinkSync('../secret.yaml', join(folder, 'link.yaml'));
  symlinkSync('/dev/zero', join(folder, 'zero.yaml'));
  execFileSync('mkfifo', [join(folder, 'fifo.yaml')]);
  const reason = (name: string): string => {
    try {
      loadCompose({ files: [join(folder, name)], shell: {}, isStrict: false, within: [folder] });
      return 'read';
    } catch (error) {
      if (!(error instanceof ComposeError)) throw error;
      return error.message.replaceAll(folder, '');
    }
  };

  it('are regular ones in its folder, named as Compose files are', () => {
    expect(reason('compose.yaml')).toBe('read');
    expect(reason('notes.txt')).toBe('cannot read /notes.txt: it is not named as a Compose file is');
    expect(reason('dir.yaml')).toBe('cannot read /dir.yaml: it is no regular file');
    expect(reason('fifo.yaml')).toBe('cannot read /fifo.yaml: it is no regular file');
    for (const name of ['passwd.yaml', 'link.yaml', 'zero.yaml']) {
      expect(reason(name)).toBe(`cannot read /${name}: it leads out of the project's folder`);
    }
    expect(reason('up.yaml')).toMatch(
      /up\.yaml:1:11: cannot read .*secret\.yaml: it leads out of the project's folder$/,
    );
    expect(reason('gone.yaml')).toBe('cannot read /gone.yaml: no such file');
  });

  it('are never opened where they are devices, even of who may name any file', () => {
    expect(() => new ProjectFiles().read('/dev/zero')).toThrow('it is no regular file');
  });

  it('are not quoted where they are something else', () => {
    const secrets = folderOf({
      'a.yaml': 'root:$6$hunter2:0:99999',
      'b.yaml': 'key: [hunter2',
      'c.yaml': 'hunter2: {a: b}',
      'd.yaml': 'services: {a: {privileged: hunter2}}',
      'e.yaml': 'services: {a: {ports: [hunter2]}}',
    });

    for (const name of ['a.yaml', 'b.yaml', 'c.yaml', 'd.yaml', 'e.yaml']) {
      const read = () =>
        loadCompose({ files: [join(secrets, name)], shell: {}, isStrict: false, within: [secrets] });
      expect(read).toThrow(/\.yaml:\d+:\d+: /);
      expect(read).not.toThrow('hunter2');
    }
  });
});

describe('names that objects have already', () => {
  it('are names like others', () => {
    const model = load(
      'services: {constructor: {image: x, networks: [toString], labels: {__proto__: y}}}\nnetworks: {toString: {external: true, name: constructor}}',
    );

    expect(model.networks[0]).toMatchObject({ name: 'constructor', isExternal: true });
    expect(Object.keys(model.service('constructor').labels)).toEqual(['__proto__']);
    expect(
      readYaml('__proto__: {a: 1}', 'x', {
        isStrict: true,
        lookup: () => undefined,
        remark: () => {},
        count: () => {},
      }),
    ).toHaveLength(1);
  });
});

/** Nine of nine of nine: a few hundred bytes that stand for billions of values. */
function bomb(key = ''): string {
  const levels = Array.from({ length: 12 }, (_, i) => {
    const items = Array.from({ length: 9 }, (_each, j) => (key === '' ? `*a${i}` : `k${j}: *a${i}`)).join(
      ', ',
    );
    return key === '' ? `a${i + 1}: &a${i + 1} [${items}]` : `a${i + 1}: &a${i + 1} { ${items} }`;
  });
  return `a0: &a0 ${key === '' ? '[x]' : '{x: y}'}\n${levels.join('\n')}\nservices: {a: {${key}*a12 }}\n`.replace(
    '{*a12 }',
    '*a12',
  );
}
