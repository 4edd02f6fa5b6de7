/**
 * Programs that hand a shell or a relay to whoever connects, by the name of the process and of its file. A name proves
 * nothing, the container chooses it: it makes a listener graver, never harmless.
 */

/** nc and its kin, shells that hold a socket, servers of remote login, tunnels that intruders bring along. */
const REMOTE_SHELLS: ReadonlySet<string> = new Set([
  ...['nc', 'ncat', 'netcat', 'nc.openbsd', 'nc.traditional', 'socat', 'gs-netcat', 'pwncat'],
  ...['sh', 'ash', 'bash', 'dash', 'ksh', 'zsh', 'busybox'],
  ...['telnetd', 'in.telnetd', 'dropbear', 'sshd', 'ttyd', 'gotty'],
  ...['chisel', 'gost', 'frps', 'iox', 'revsocks'],
]);

/** Where a program is written by who may write nowhere else. */
const TEMPORARY = /^\/(tmp|var\/tmp|dev\/shm|run\/shm)\//;
const DELETED = ' (deleted)';

export interface ProgramNames {
  readonly process?: string | undefined;
  readonly program?: string | undefined;
}

/** Why, in a few words; undefined when it is none. */
export function remoteShell({ process, program }: ProgramNames): string | undefined {
  const file = program?.replace(DELETED, '');
  const base = file?.slice(file.lastIndexOf('/') + 1);
  // busybox is many programs; its process is named after the one that it is.
  const names = [process, base === 'busybox' ? undefined : base];
  const found = names.find((name) => name !== undefined && REMOTE_SHELLS.has(name));
  if (found !== undefined) return `it is ${found}, which hands a shell or a relay to whoever connects`;
  if (program?.startsWith('/memfd:') === true) return 'its program was never a file: it runs from memory';
  return undefined;
}

/** The same for what is worth a closer look. */
export function oddProgram({ program }: ProgramNames): string | undefined {
  if (program === undefined) return undefined;
  if (program.endsWith(DELETED)) return 'the file of its program was deleted';
  return TEMPORARY.test(program) ? 'its program lies in a directory for temporary files' : undefined;
}
