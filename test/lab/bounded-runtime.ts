/**
 * `--privileged` on a machine that is itself restricted. An engine of 20.10 asks runc for every capability the
 * kernel knows, and runc fails if the machine's own bounding set lacks one (as in many virtual machines and CI
 * containers). This runtime is runc, with those taken out of what it is asked: privileged then means all there is.
 */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** linux/capability.h, in the order of their numbers. */
const CAPABILITIES = (
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE ' +
  'NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN ' +
  'SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE ' +
  'MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE'
).split(' ');

/** Capabilities the kernel has and this process, and all it starts, can never get. */
export function lackingCapabilities(): string[] {
  const last = Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8'));
  const bounding = /^CapBnd:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  const mask = BigInt(`0x${bounding}`);
  return CAPABILITIES.slice(0, last + 1).filter((_, bit) => (mask & (1n << BigInt(bit))) === 0n);
}

/** What daemon.json needs for it; nothing where the machine lacks nothing. */
export function runtimeOptions(dir: string): object {
  const lacking = lackingCapabilities();
  if (lacking.length === 0) return {};
  mkdirSync(join(dir, 'bin'));
  const path = join(dir, 'bin/runc-bounded');
  const edits = lacking.map((name) => `-e 's/"CAP_${name}",//g; s/,"CAP_${name}"//g'`).join(' ');
  writeFileSync(
    path,
    `#!/bin/sh
# runc, without asking for: ${lacking.join(' ')}
before= spec=
for argument; do
  case $before in
    --bundle) spec=$argument/config.json ;;
    --process) spec=$argument ;;
  esac
  before=$argument
done
if [ -f "$spec" ]; then sed -i ${edits} "$spec"; fi
exec runc "$@"
`,
  );
  chmodSync(path, 0o755);
  return { runtimes: { bounded: { path } }, 'default-runtime': 'bounded' };
}
