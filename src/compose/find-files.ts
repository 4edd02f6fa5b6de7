/**
 * Which files Compose takes when none is named: those of COMPOSE_FILE; else the usual names in a folder, else in the first
 * above it that has one, with what overrides them.
 */
import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { environmentOf, type ShellVariables } from './environment.ts';
import { ComposeError } from './problem.ts';
import { ProjectFiles } from './project-files.ts';

const NAMES = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml'];
const OVERRIDES = [
  'compose.override.yml',
  'compose.override.yaml',
  'docker-compose.override.yml',
  'docker-compose.override.yaml',
];

export function findComposeFiles(folder: string, shell: ShellVariables): string[] {
  const lookup = environmentOf({ shell, folder }, new ProjectFiles());
  const named = lookup('COMPOSE_FILE') ?? '';
  if (named !== '') {
    const paths = named.split(lookup('COMPOSE_PATH_SEPARATOR') ?? ':').filter((path) => path !== '');
    return paths.map((path) => (isAbsolute(path) ? path : join(folder, path)));
  }
  for (let at = folder; ; at = join(at, '..')) {
    const name = NAMES.find((each) => existsSync(join(at, each)));
    if (name !== undefined) {
      const override = OVERRIDES.find((each) => existsSync(join(at, each)));
      return [name, ...(override === undefined ? [] : [override])].map((each) => join(at, each));
    }
    if (dirname(resolve(at)) === resolve(at)) break;
  }
  throw new ComposeError(
    'COMPOSE_UNREADABLE',
    `no Compose file in ${folder}, nor above it: looked for ${NAMES.join(', ')}; name it with --compose FILE`,
  );
}
