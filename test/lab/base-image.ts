/**
 * A base image for the real Dockerfile, where no registry can be reached: the Debian packages of this machine that
 * the Dockerfile would install (compiler, libpcap), its Node, and an npm cache with what the lock file names.
 * The Dockerfile is built unchanged; only its NODE_IMAGE differs.
 */
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { REPOSITORY } from './agent.ts';
import { importTar, librariesOf } from './images.ts';
import type { Lab } from './lab.ts';
import { run } from './run.ts';

export const NODE_BASE_IMAGE = 'bwlab/node:1';
const PARTS_IMAGE = 'bwlab/node-parts:1';

/** A shell with the usual tools, and what the Dockerfile would install. */
const PACKAGES = [
  ...'bash coreutils dash debianutils findutils grep gzip libc-bin login mawk passwd sed tar util-linux'.split(
    ' ',
  ),
  ...['g++', 'make', 'python3', 'libpcap0.8', 'iptables', 'nftables'],
];
/** What a slim image leaves out too. */
const LEFT_OUT = /^\/usr\/share\/(doc|man|locale|info|lintian|bash-completion)\//;

export async function importNodeBase(lab: Lab): Promise<string> {
  const own = join(lab.dir, 'node-base');
  for (const dir of 'root/.npm/_prebuilds usr/local/bin var/lib run proc sys dev etc'.split(' ')) {
    mkdirSync(join(own, dir), { recursive: true });
  }
  mkdirSync(join(own, 'tmp'));
  chmodSync(join(own, 'tmp'), 0o1777);
  writeFileSync(join(own, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/bash\n');
  writeFileSync(join(own, 'etc/group'), 'root:x:0:\n');
  await placePrebuilt(join(own, 'root/.npm/_prebuilds'));
  const node = nodeParts(own);
  const cache: Part = { dir: await fillNpmCache(), name: '_cacache', as: 'root/.npm/_cacache' };

  const files = [
    ...(await filesOf(PACKAGES)),
    ...(await librariesOf(process.execPath)).map(relativeUnderUsr),
  ];
  const list = join(lab.dir, 'node-base.list');
  // The engine takes no path twice.
  writeFileSync(list, [...new Set(files)].filter((path) => !existsSync(join(own, path))).join('\n'));
  await importTar(lab, tarOf(list, own, [...node, cache]), PARTS_IMAGE, [
    'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'ENV npm_config_offline=true',
  ]);
  await lab.docker(['build', '--quiet', '--tag', NODE_BASE_IMAGE, '-'], {
    input: `FROM ${PARTS_IMAGE}\nRUN ldconfig\n`,
  });
  return NODE_BASE_IMAGE;
}

/** A file or directory that has another path in the image. */
interface Part {
  readonly dir: string;
  readonly name: string;
  readonly as: string;
}

/** Straight from where the files lie into the pipe: copies of half a gigabyte would be written only to be deleted. */
function tarOf(list: string, own: string, parts: readonly Part[]): string[] {
  // r, not s or h: names are changed, what links point to is not.
  const renames = parts.map(({ name, as }) => `--transform=flags=r;s,^${name}\\($\\|/\\),${as}\\1,`);
  return [
    ...['tar', '-c', ...renames, '--no-recursion', '-C', '/', '-T', list],
    ...['--recursion', '-C', own, '.', ...parts.flatMap(({ dir, name }) => ['-C', dir, name])],
  ];
}

/** Files of installed packages and of all they depend on, with the links that update-alternatives made. */
async function filesOf(packages: readonly string[]): Promise<string[]> {
  const kinds = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'].map(
    (kind) => `--no-${kind}`,
  );
  const depends = await run(['apt-cache', 'depends', '--recurse', '--installed', ...kinds, ...packages]);
  const names = [...new Set(depends.stdout.split('\n').filter((line) => /^[a-z0-9]/.test(line)))];
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg's own placeholders.
  const format = '${db:Status-Status} ${binary:Package}\n';
  const known = await run(['dpkg-query', '-W', '-f', format, ...names], { accept: [0, 1] });
  const installed = known.stdout.split('\n').flatMap((line) => /^installed (.+)$/.exec(line)?.[1] ?? []);
  const listed = (await run(['dpkg-query', '-L', ...installed])).stdout.split('\n');
  const links = ['bin', 'sbin', 'lib', 'lib64'].map((dir) => `/${dir}`);
  const alternatives = ['cc', 'c++', 'awk'].flatMap((name) => [
    `/usr/bin/${name}`,
    `/etc/alternatives/${name}`,
  ]);
  const all = [...links, ...listed.map(underUsr), ...alternatives];
  return [...new Set(all)]
    .filter((path) => path.startsWith('/') && path !== '/.' && !LEFT_OUT.test(path))
    .filter((path) => lstatSync(path, { throwIfNoEntry: false }) !== undefined)
    .map((path) => path.slice(1));
}

function relativeUnderUsr(path: string): string {
  return underUsr(path).slice(1);
}

/** dpkg still knows many files by their names from before /bin, /sbin and /lib were links. */
function underUsr(path: string): string {
  return path.replace(/^\/(bin|sbin|lib|lib64)\//, '/usr/$1/');
}

function npmCli(): string {
  const beside = join(dirname(process.execPath), 'npm');
  return realpathSync(existsSync(beside) ? beside : '/usr/bin/npm');
}

/** As in the official images: /usr/local with node, npm and the headers. Not by dpkg: npm often updates itself. */
function nodeParts(own: string): Part[] {
  const node = realpathSync(process.execPath);
  const parts: Part[] = [{ dir: dirname(node), name: basename(node), as: 'usr/local/bin/node' }];
  const npm = npmCli();
  // Debian's own npm is spread over one directory together with all that it uses.
  const spread = '/usr/share/nodejs';
  const from = npm.startsWith(`${spread}/`) ? spread : dirname(dirname(npm));
  const to = from === spread ? spread : '/usr/local/lib/node_modules/npm';
  parts.push({ dir: dirname(from), name: basename(from), as: to.slice(1) });
  symlinkSync(`${to}${npm.slice(from.length)}`, join(own, 'usr/local/bin/npm'));
  const prefix = dirname(dirname(process.execPath));
  if (existsSync(join(prefix, 'include/node'))) {
    parts.push({ dir: prefix, name: 'include/node', as: 'usr/local/include/node' });
  }
  return parts;
}

/** Kept in the repository's .lab directory, so that only the first build on a machine asks the registry. */
async function fillNpmCache(): Promise<string> {
  const cache = join(REPOSITORY, '.lab/npm-cache');
  const scratch = join(REPOSITORY, '.lab/npm-scratch');
  mkdirSync(scratch, { recursive: true });
  // As the Dockerfile installs: with the optional packages, of which the bundler's binary is one.
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
  const contents = `npm ci ${flags.join(' ')}\n${readFileSync(join(REPOSITORY, 'package-lock.json'), 'utf8')}`;
  const filledFor = join(cache, 'filled-for');
  if (existsSync(filledFor) && readFileSync(filledFor, 'utf8') === contents) return cache;
  for (const file of ['package.json', 'package-lock.json'])
    cpSync(join(REPOSITORY, file), join(scratch, file));
  await run([process.execPath, npmCli(), 'ci', ...flags, '--cache', cache], {
    cwd: scratch,
    timeoutMs: 240_000,
  });
  await run(['rm', '-rf', scratch]);
  writeFileSync(filledFor, contents);
  return cache;
}

interface PrebuildInstall {
  getDownloadUrl(options: object): string;
  cachedPrebuild(url: string): string;
}

/**
 * Where prebuild-install keeps what it downloaded, it finds the binary that `npm ci` brought to this machine, under
 * the name of the release it would ask for. The image's Node is this machine's, so it is the same binary.
 */
async function placePrebuilt(cache: string): Promise<void> {
  const require = createRequire(import.meta.url);
  const name = 'better-sqlite3';
  const packageFile = join(REPOSITORY, 'node_modules', name, 'package.json');
  const tool = require('prebuild-install/util') as PrebuildInstall;
  const url = tool.getDownloadUrl({
    pkg: JSON.parse(readFileSync(packageFile, 'utf8')) as object,
    platform: process.platform,
    arch: process.arch,
    'tag-prefix': 'v',
  });
  mkdirSync(cache, { recursive: true });
  const target = join(cache, basename(tool.cachedPrebuild(url)));
  await run(['tar', '-czf', target, '-C', dirname(packageFile), 'build/Release/better_sqlite3.node']);
}
