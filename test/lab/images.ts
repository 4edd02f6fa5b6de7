/**
 * Images for the lab, made from what is installed on this machine and imported with `docker import`: no registry.
 * A program is brought with the shared libraries that ldd names, at the paths it expects them.
 */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Lab } from './lab.ts';
import { run } from './run.ts';

export const BUSYBOX_IMAGE = 'bwlab/busybox:1';
export const TOOLS_IMAGE = 'bwlab/tools:1';

/** A root with a static busybox: sh, wget, httpd, nc, ping, ip, nslookup ... About 2 MB. */
export async function importBusybox(lab: Lab): Promise<string> {
  const root = makeRoot(lab, 'busybox-root');
  await importRoot(lab, root, BUSYBOX_IMAGE);
  return BUSYBOX_IMAGE;
}

/** Busybox and, of the real tools an intruder would bring, those installed on this machine; with the files they read. */
export async function importTools(
  lab: Lab,
  programs: readonly string[],
  files: readonly string[] = [],
): Promise<string> {
  const root = makeRoot(lab, 'tools-root');
  for (const program of programs) await addProgram(root, program);
  for (const file of files) copyInto(root, file);
  await importRoot(lab, root, TOOLS_IMAGE);
  return TOOLS_IMAGE;
}

/** Imports a directory as an image of one layer, streaming it: nothing is written twice. */
export async function importRoot(
  lab: Lab,
  root: string,
  tag: string,
  changes: readonly string[] = [],
): Promise<void> {
  const all = ['ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...changes];
  await importTar(lab, ['tar', '-C', root, '-c', '.'], tag, all);
  rmSync(root, { recursive: true, force: true });
}

/** Imports what a `tar -c` writes to its stdout. */
export async function importTar(
  lab: Lab,
  tar: readonly string[],
  tag: string,
  changes: readonly string[],
): Promise<void> {
  const client = ['docker', 'import', ...changes.flatMap((change) => ['--change', change]), '-', tag];
  const pipe = `set -o pipefail; "\${@:2:$1}" | "\${@:$1+2}"`;
  await run(['bash', '-c', pipe, 'bash', String(tar.length), ...tar, ...client], {
    env: { ...lab.env, DOCKER_HOST: lab.dockerHost },
    timeoutMs: 300_000,
  });
}

function makeRoot(lab: Lab, name: string): string {
  const root = join(lab.dir, name);
  for (const dir of 'usr/bin usr/sbin usr/lib usr/lib64 etc tmp var run root proc sys dev'.split(' ')) {
    mkdirSync(join(root, dir), { recursive: true });
  }
  for (const dir of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${dir}`, join(root, dir));
  const busybox = join(root, 'usr/bin/busybox');
  copyFileSync(findProgram('busybox'), busybox);
  chmodSync(busybox, 0o755);
  for (const applet of BUSYBOX_APPLETS) symlinkSync('busybox', join(root, 'usr/bin', applet));
  writeFileSync(
    join(root, 'etc/passwd'),
    'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
  );
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
  return root;
}

const BUSYBOX_APPLETS = (
  'sh ash cat echo ls sleep true false test env id ps kill grep sed awk head tail wc cut tr dd seq date mkdir rm cp mv ' +
  'chmod mknod hostname timeout pidof wget httpd nc netstat ping ping6 ip ifconfig route nslookup traceroute arp arping telnet'
).split(' ');

function findProgram(name: string): string {
  for (const dir of ['/usr/sbin', '/usr/bin', '/sbin', '/bin', '/usr/local/sbin', '/usr/local/bin']) {
    if (existsSync(join(dir, name))) return join(dir, name);
  }
  throw new Error(`${name} is not installed here (\`make setup\` installs what the lab needs)`);
}

/** Puts a program and the libraries it is linked with into an image root. */
export async function addProgram(root: string, name: string): Promise<void> {
  const program = name.startsWith('/') ? name : findProgram(name);
  for (const path of [program, ...(await librariesOf(program))]) copyInto(root, path);
}

/** Paths of the shared libraries a program needs, as ldd finds them; none when it is static. */
export async function librariesOf(program: string): Promise<string[]> {
  const { stdout, code } = await run(['ldd', program], { accept: 'any' });
  if (code !== 0) return [];
  return stdout.split('\n').flatMap((line) => /(?:=> )?(\/\S+) \(0x/.exec(line)?.[1] ?? []);
}

/** Under /usr always: /lib and the like are links there, in the image roots as on every current Debian. */
function copyInto(root: string, path: string): void {
  const target = join(root, path.replace(/^\/(bin|sbin|lib|lib64)\//, '/usr/$1/'));
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(realpathSync(path), target);
}
