/**
 * Who the station runs as. Its process handles what the network sends back and, later, what browsers send; it must not
 * be able to undo what the sensor's privileges protect. Root's child becomes a user of its own, without groups, without
 * capabilities now or by exec. Where that user could not reach the program or the database, it says so and stays root
 * without capabilities.
 */
import {
  chownSync,
  closeSync,
  constants,
  existsSync,
  fchownSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
} from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { StationCommand } from './station-process.ts';

export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

export interface UnprivilegedOptions {
  /** As it would be called by this process. */
  readonly file: string;
  readonly args: readonly string[];
  /** The first that exists in `passwd` is taken. */
  readonly users: readonly string[];
  readonly storePath: string;
  /** Of this process; 0 is root. */
  readonly uid: number | undefined;
  readonly passwd?: string;
  /** Where setpriv(1) is looked for. */
  readonly setprivPaths?: readonly string[];
}

export interface UnprivilegedCommand extends StationCommand {
  /** Absent where the station is what this process is. */
  readonly user?: User;
  /** What a person should know, when it is less than it could be. */
  readonly notice?: string;
}

const SETPRIV_PATHS = ['/usr/bin/setpriv', '/bin/setpriv'];
const NO_CAPABILITIES = ['--no-new-privs', '--inh-caps=-all', '--ambient-caps=-all'];

export function unprivilegedCommand(options: UnprivilegedOptions): UnprivilegedCommand {
  const { file, args, uid } = options;
  const setpriv = (options.setprivPaths ?? SETPRIV_PATHS).find((path) => existsSync(path));
  const withSetpriv = (...more: readonly string[]): StationCommand =>
    setpriv === undefined
      ? { file, args }
      : { file: setpriv, args: [...NO_CAPABILITIES, ...more, '--', file, ...args] };
  if (uid !== 0) return withSetpriv();
  const user = findUser(options.users, options.passwd ?? '/etc/passwd');
  const obstacle = user === undefined ? `no user ${options.users.join(' or ')}` : obstacleFor(user, options);
  if (user === undefined || obstacle !== undefined) {
    const notice = `the station keeps the user root, without capabilities: ${obstacle}; install the program and the database where ${options.users[0]} can reach them`;
    return { ...withSetpriv('--bounding-set=-all'), notice };
  }
  const ids = [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', '--bounding-set=-all'];
  if (setpriv !== undefined) return { ...withSetpriv(...ids), user };
  // The kernel takes the capabilities away with the user; only what exec could give back stays possible.
  return { file, args, uid: user.uid, gid: user.gid, user };
}

/**
 * Files that another user left, the directory too where it holds nothing else, go to that user. What cannot be given is
 * left: the station will say that it cannot write there.
 */
export function giveStore(storePath: string, { uid, gid }: User): void {
  const path = resolve(storePath);
  const dir = dirname(path);
  try {
    mkdirSync(dir, { recursive: true, mode: 0o750 });
    const ours = readdirSync(dir).filter((name) => isOurs(name, path));
    for (const name of ours) giveFile(`${dir}/${name}`, uid, gid);
    if (ownsDirectory(path)) chownSync(dir, uid, gid);
  } catch {
    // A read-only file system, a file where a directory should be: the station tells it in its own words.
  }
}

/**
 * The folder is that user's already after the first start, so what lies in it may be meant to trick root: neither what a
 * symbolic link leads to is given, nor a file that has another name elsewhere.
 */
function giveFile(path: string, uid: number, gid: number): void {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return;
  }
  try {
    const found = fstatSync(file);
    if (found.isFile() && found.nlink === 1) fchownSync(file, uid, gid);
  } finally {
    closeSync(file);
  }
}

/** Why the user could not keep a file there; a directory that is missing is made for it. By mode bits. */
export function obstacleToWriting(path: string, user: User): string | undefined {
  const dir = dirname(path);
  const closed = closedDirectory(dir, user);
  if (closed !== undefined) return `${user.name} may not enter ${closed}, where ${path} is`;
  if (existsSync(dir) && !mayWrite(dir, user)) return `${user.name} may not write to ${dir}`;
  return existsSync(path) && !may(path, user, 2) ? `${user.name} may not write to ${path}` : undefined;
}

function obstacleFor(user: User, { file, args, storePath }: UnprivilegedOptions): string | undefined {
  const path = resolve(storePath);
  for (const program of [file, ...args.filter((arg) => arg.startsWith('/'))]) {
    const closed = closedDirectory(dirname(program), user);
    if (closed !== undefined) return `${user.name} may not enter ${closed}, where ${program} is`;
  }
  const closed = closedDirectory(dirname(dirname(path)), user);
  if (closed !== undefined) return `${user.name} may not enter ${closed}, where the database is`;
  const dir = dirname(path);
  if (!existsSync(dir) || ownsDirectory(path) || mayWrite(dir, user)) return undefined;
  return `${user.name} may not write to ${dir}, and other files are there`;
}

/** Nothing is in it but the database and what belongs to it. */
function ownsDirectory(path: string): boolean {
  if (!statSync(dirname(path)).isDirectory()) return false;
  return readdirSync(dirname(path)).every((name) => isOurs(name, path));
}

/** The database and what SQLite puts beside it, the API's socket; its token (src/station/api/token.ts). */
function isOurs(name: string, storePath: string): boolean {
  return name.startsWith(basename(storePath)) || name === 'api-token';
}

/** The first directory on the way that the user may not enter. One that does not exist will be made by us. */
function closedDirectory(dir: string, user: User): string | undefined {
  const parent = dirname(dir);
  const above = parent === dir ? undefined : closedDirectory(parent, user);
  if (above !== undefined || !existsSync(dir)) return above;
  return may(dir, user, 1) ? undefined : dir;
}

function mayWrite(dir: string, user: User): boolean {
  return may(dir, user, 3);
}

/** By the mode bits; what an ACL gives or takes is not seen. */
function may(path: string, user: User, bits: number): boolean {
  const { mode, uid, gid } = statSync(path);
  const shift = uid === user.uid ? 6 : gid === user.gid ? 3 : 0;
  return ((mode >> shift) & bits) === bits;
}

/** passwd(5). */
function findUser(names: readonly string[], passwd: string): User | undefined {
  const users = new Map<string, User>();
  for (const line of existsSync(passwd) ? readFileSync(passwd, 'utf8').split('\n') : []) {
    const [name, , uid, gid] = line.split(':');
    if (name === undefined || uid === undefined || gid === undefined) continue;
    users.set(name, { name, uid: Number(uid), gid: Number(gid) });
  }
  return names.map((name) => users.get(name)).find((user) => user !== undefined && user.uid !== 0);
}
