/**
 * Files that sinks write to, where the station is not the user who starts it: directories that do not exist are made for it,
 * and `doctor` says what it may not write, though who asks may.
 */
import { chownSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { obstacleToWriting, type User } from '../../channel/unprivileged.ts';
import type { Config } from '../../config/schema.ts';
import type { Diagnosis } from '../../model/diagnosis.ts';
import { sinkName } from '../../station/sinks/definition.ts';

type Sinks = Pick<Config, 'sinks'>;

interface SinkFile {
  readonly check: string;
  readonly path: string;
}

/** One that exists belongs to whom it belongs. What cannot be made, the station says in its own words. */
export function makeSinkFolders(config: Sinks, { uid, gid }: User): void {
  for (const { path } of sinkFiles(config)) {
    const folder = dirname(path);
    if (existsSync(folder)) continue;
    try {
      const first = mkdirSync(folder, { recursive: true, mode: 0o750 });
      // Those on the way too, else nobody could enter them.
      for (let made = folder; first !== undefined && made.length >= first.length; made = dirname(made))
        chownSync(made, uid, gid);
    } catch {
      // A read-only file system, a file where a directory should be.
    }
  }
}

/** Of what the sinks say for themselves, what does not hold for that user. */
export function asSinkUser(
  found: readonly Diagnosis[],
  config: Sinks,
  user: User | undefined,
): readonly Diagnosis[] {
  if (user === undefined) return found;
  const files = sinkFiles(config);
  return found.map((diagnosis) => {
    const file = files.find(({ check }) => check === diagnosis.check);
    const detail = file === undefined ? undefined : obstacleToWriting(file.path, user);
    if (detail === undefined || diagnosis.outcome !== 'ok') return diagnosis;
    const advice = `make a directory for it: install -d -o ${user.name} -m 0750 ${dirname(file!.path)}`;
    return { check: diagnosis.check, outcome: 'fail', detail, advice };
  });
}

function sinkFiles({ sinks }: Sinks): readonly SinkFile[] {
  return sinks.flatMap((sink) => {
    const path = sink.type === 'file' && 'path' in sink ? String(sink.path) : '-';
    return path === '-' ? [] : [{ check: `sink ${sinkName(sink)}`, path: resolve(path) }];
  });
}
