/** Where variables come from: the shell first, then `.env` of the project. `env_file` of a service is only for its container. */
import { join } from 'node:path';
import { parseEnvFile } from './env-file.ts';
import type { Lookup } from './interpolate.ts';
import type { ProjectFiles } from './project-files.ts';

export type ShellVariables = Readonly<Record<string, string | undefined>>;

export interface EnvironmentOptions {
  readonly shell: ShellVariables;
  readonly folder: string;
  /** Those that were named, from where we are; else `.env` of the folder, where there is one. */
  readonly envFiles?: readonly string[] | undefined;
}

export function environmentOf({ shell, folder, envFiles }: EnvironmentOptions, files: ProjectFiles): Lookup {
  return withEnvFiles((name) => shell[name], folder, envFiles, files);
}

/** What `outer` has wins; of several files the later one. */
export function withEnvFiles(
  outer: Lookup,
  folder: string,
  envFiles: readonly string[] | undefined,
  files: ProjectFiles,
): Lookup {
  const usual = join(folder, '.env');
  const paths = envFiles ?? (files.isThere(usual) ? [usual] : []);
  const values = new Map<string, string>();
  for (const path of paths) {
    const lookup: Lookup = (name) => outer(name) ?? values.get(name);
    for (const [name, value] of parseEnvFile(files.read(path), path, lookup)) values.set(name, value);
  }
  return (name) => outer(name) ?? values.get(name);
}
