import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NETNS_DIRS, netnsDirs } from '../../../src/sensor/host/docker-netns.ts';
import { FakeProc } from '../../support/fake-proc.ts';

const isRoot = process.getuid?.() === 0;
if (!isRoot) process.stderr.write('SKIPPED: directories of namespaces: processes that root owns need root\n');

let proc: FakeProc;

beforeEach(() => {
  proc = new FakeProc();
});
afterEach(() => proc.remove());

const dirs = (dataRoot?: string) => netnsDirs(async () => dataRoot, proc.path);

describe.skipIf(!isRoot)('the directories of namespaces', () => {
  it("are the engine's own first, past the link of /var/run that would lead back to ours", async () => {
    proc.engine();

    expect(await dirs()).toEqual([
      `${proc.path}/7/root/run/docker/netns`,
      `${proc.path}/7/root/var/run/docker/netns`,
      ...NETNS_DIRS,
    ]);
  });

  it('lie where the engine was told to keep its run-time state, by the command line before the file', async () => {
    proc.engine({ options: ['--exec-root', '/srv/exec/'] });
    proc.file('7/root/etc/docker/daemon.json', JSON.stringify({ 'exec-root': '/srv/other' }));

    expect((await dirs())[0]).toBe(`${proc.path}/7/root/srv/exec/netns`);
  });

  it('lie where its daemon.json says', async () => {
    proc.engine();
    proc.file('7/root/etc/docker/daemon.json', JSON.stringify({ 'exec-root': '/srv/other' }));

    expect((await dirs())[0]).toBe(`${proc.path}/7/root/srv/other/netns`);
  });

  it('are of the one that we talk with, where several engines run', async () => {
    proc.engine({ pid: 7 });
    proc.engine({ pid: 8, options: ['--data-root=/srv/docker/', '--exec-root=/srv/exec'] });

    expect((await dirs('/srv/docker'))[0]).toBe(`${proc.path}/8/root/srv/exec/netns`);
    expect(await dirs('/srv/third')).toEqual(NETNS_DIRS);
    expect(await dirs(undefined)).toEqual(NETNS_DIRS);
  });

  it('are the usual ones where no engine is visible', async () => {
    expect(await dirs('/var/lib/docker')).toEqual(NETNS_DIRS);
  });
});
