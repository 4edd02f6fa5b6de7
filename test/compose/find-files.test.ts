import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findComposeFiles } from '../../src/compose/find-files.ts';
import { folderOf } from './support.ts';

const found = (files: readonly string[], at = '', shell: Readonly<Record<string, string>> = {}): string[] => {
  const folder = folderOf(
    Object.fromEntries(files.map((name) => [name, name === '.env' ? 'COMPOSE_FILE=a.yaml:b.yaml' : ''])),
  );
  return findComposeFiles(join(folder, at), shell).map((path) => path.slice(folder.length + 1));
};

describe('the files that Compose finds', () => {
  it('are those of the newest name, with what overrides them', () => {
    expect(found(['compose.yaml', 'docker-compose.yml'])).toEqual(['compose.yaml']);
    expect(found(['docker-compose.yml', 'docker-compose.override.yml'])).toEqual([
      'docker-compose.yml',
      'docker-compose.override.yml',
    ]);
  });

  it('are of the first folder above that has any', () => {
    expect(found(['compose.yaml', 'sub/deep/x'], 'sub/deep')).toEqual(['compose.yaml']);
  });

  it('are those of COMPOSE_FILE, of the shell before .env', () => {
    expect(found(['compose.yaml', '.env'])).toEqual(['a.yaml', 'b.yaml']);
    expect(
      found(['compose.yaml', '.env'], '', { COMPOSE_FILE: 'c.yaml;d.yaml', COMPOSE_PATH_SEPARATOR: ';' }),
    ).toEqual(['c.yaml', 'd.yaml']);
  });

  it('are missed with the names that were looked for', () => {
    expect(() => findComposeFiles('/nowhere/at/all', {})).toThrow(
      /no Compose file in \/nowhere\/at\/all, nor above it: looked for compose\.yaml/,
    );
  });
});
