/** How Compose names a project: it stands before the names of its networks and containers. */
import { basename, resolve } from 'node:path';
import { invalid, type Place } from './problem.ts';

export interface NameSources {
  /** `--project-name`, `-p`. */
  readonly asked?: string | undefined;
  /** COMPOSE_PROJECT_NAME, of the shell or of `.env`. */
  readonly variable?: string | undefined;
  /** `name:` of the last file that has one. */
  readonly inFile?: { readonly name: string; readonly place: Place } | undefined;
  readonly folder: string;
}

export function projectName({ asked, variable, inFile, folder }: NameSources): string {
  if (asked !== undefined && asked !== '') return checked(asked, '--project-name');
  if (variable !== undefined && variable !== '') return checked(variable, 'COMPOSE_PROJECT_NAME');
  if (inFile !== undefined && inFile.name !== '') return checked(inFile.name, 'name', inFile.place);
  const name = normal(basename(resolve(folder)));
  if (name === '') {
    throw invalid(
      `the folder ${resolve(folder)} gives no name for the project; give one with --project-name`,
    );
  }
  return name;
}

function checked(name: string, source: string, place?: Place): string {
  if (/^[a-z0-9][a-z0-9_-]*$/.test(name)) return name;
  const better = normal(name);
  const hint = better === '' ? '' : `; ${better} would do`;
  throw invalid(
    `${source}: ${JSON.stringify(name)} is no name of a project: small letters, digits, - and _ only, a letter or digit first${hint}`,
    place,
  );
}

function normal(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]/g, '')
    .replace(/^[_-]+/, '');
}
