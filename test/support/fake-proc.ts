/** A /proc of files that a test wrote, with engines in it. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface FakeEngine {
  readonly pid?: number;
  readonly options?: readonly string[];
  /** Null: the host has no /etc/resolv.conf. */
  readonly hostConf?: string | null;
  readonly comm?: string;
  readonly namespace?: string;
  readonly cgroup?: string;
}

export class FakeProc {
  readonly path = mkdtempSync(join(tmpdir(), 'bw-proc-'));

  constructor() {
    this.file('self/cgroup', '0::/user.slice\n');
    this.link('self/ns/pid', 'pid:[1]');
  }

  file(path: string, text: string): void {
    mkdirSync(dirname(join(this.path, path)), { recursive: true });
    writeFileSync(join(this.path, path), text);
  }

  link(path: string, target: string): void {
    mkdirSync(dirname(join(this.path, path)), { recursive: true });
    symlinkSync(target, join(this.path, path));
  }

  engine(fields: FakeEngine = {}): void {
    const { pid = 7, options = [], comm = 'dockerd', hostConf = 'nameserver 198.51.100.1\n' } = fields;
    this.file(`${pid}/comm`, `${comm}\n`);
    this.file(`${pid}/cmdline`, ['/usr/bin/dockerd', ...options, ''].join('\0'));
    this.file(`${pid}/cgroup`, fields.cgroup ?? '0::/system.slice/docker.service\n');
    this.link(`${pid}/ns/pid`, fields.namespace ?? 'pid:[1]');
    if (hostConf !== null) this.file(`${pid}/root/etc/resolv.conf`, hostConf);
  }

  remove(): void {
    rmSync(this.path, { recursive: true });
  }
}
