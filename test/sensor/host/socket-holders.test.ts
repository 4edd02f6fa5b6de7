import { afterEach, describe, expect, it } from 'vitest';
import { holdersOf } from '../../../src/sensor/host/socket-holders.ts';
import { FakeProc } from '../../support/fake-proc.ts';
import { workload } from '../../support/records.ts';

const web = { workload: workload('web'), pid: 100 };
const sidecar = { workload: workload('sidecar'), pid: 200 };

describe('holdersOf', () => {
  const procs: FakeProc[] = [];
  afterEach(() => {
    for (const proc of procs.splice(0)) proc.remove();
  });

  /** Two containers in one network namespace; the first has a worker that inherited its listener. */
  function world(): { proc: string; cgroup: string } {
    const proc = new FakeProc();
    procs.push(proc);
    const process = (pid: number, id: string, comm: string, exe: string, inodes: readonly number[]) => {
      proc.file(`${pid}/cgroup`, `0::/docker/${id}\n`);
      proc.file(`${pid}/comm`, `${comm}\n`);
      proc.link(`${pid}/exe`, exe);
      proc.file(`${pid}/fd/.keep`, '');
      for (const [fd, inode] of inodes.entries()) proc.link(`${pid}/fd/${fd}`, `socket:[${inode}]`);
    };
    process(100, 'cid-web', 'nginx', '/usr/sbin/nginx', [1, 2]);
    process(101, 'cid-web', 'worker', '/usr/sbin/nginx', [2, 3]);
    process(200, 'cid-sidecar', 'nc', '/tmp/nc (deleted)', [4]);
    proc.file('group/docker/cid-web/cgroup.procs', '100\n101\n');
    proc.file('group/docker/cid-sidecar/cgroup.procs', '200\n');
    return { proc: proc.path, cgroup: `${proc.path}/group` };
  }

  it('names the container, the process and its file, of workers the one that came first', async () => {
    const found = await holdersOf(new Set([2, 3, 4, 5]), [web, sidecar], world());

    expect([...found].map(([inode, holder]) => [inode, holder.workload.name, holder.process])).toEqual([
      [2, 'web', 'nginx'],
      [3, 'web', 'worker'],
      [4, 'sidecar', 'nc'],
    ]);
    expect(found.get(4)?.program).toBe('/tmp/nc (deleted)');
  });

  it('names nobody whose processes are not this container, or not to be seen', async () => {
    const paths = world();
    const other = { workload: workload('other'), pid: 100 };
    const gone = { workload: workload('web'), pid: 999 };

    expect(await holdersOf(new Set([2]), [other, gone, { workload: workload('web') }], paths)).toEqual(
      new Map(),
    );
  });
});
