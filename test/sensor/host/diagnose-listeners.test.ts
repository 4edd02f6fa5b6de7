import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { ContainerState } from '../../../src/sensor/docker/inventory-event.ts';
import { diagnoseListeners } from '../../../src/sensor/host/diagnose-listeners.ts';

function containerOf(fields: Partial<ContainerState>, networkMode = 'back'): ContainerState {
  const workload = {
    containerId: 'none',
    name: 'web',
    networkMode,
    networks: [],
    labels: {},
    image: 'i',
  };
  return { workload, endpoints: [], ...fields };
}

describe('diagnoseListeners', () => {
  it('is content where there is nobody to look at', async () => {
    expect(await diagnoseListeners([containerOf({ pid: 1 }, 'host'), containerOf({})])).toMatchObject({
      check: 'listeners',
      outcome: 'ok',
      detail: 'no container runs whose ports could be tried',
    });
  });

  it('says why a container cannot be looked into, and what to do', async () => {
    const found = await diagnoseListeners([containerOf({ pid: 2 ** 30 })]);

    expect(found).toMatchObject({ outcome: 'warn', advice: expect.stringContaining('pid: host') });
    expect(found.detail).toMatch(/^web: pid \d+ is not visible here/);
  });
});

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn('SKIPPED: what doctor says of a real network namespace: needs root');

describe.skipIf(!isRoot)('diagnoseListeners of a real network namespace', () => {
  it('says how long it took, and that the process is not known where its control group is not the container', async () => {
    const program = "require('node:net').createServer().listen(8080, '0.0.0.0', () => console.log('ready'))";
    const child = spawn('unshare', ['-n', process.execPath, '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await once(child.stdout!, 'data');
      const found = await diagnoseListeners([
        containerOf({ pid: child.pid!, sandboxKey: `/proc/${child.pid}/ns/net` }),
      ]);

      expect(found.outcome).toBe('warn');
      expect(found.detail).toMatch(
        /^what web listens on was read in \d+ ms \(sockets: 1\), but not by which process/,
      );
    } finally {
      child.kill('SIGKILL');
    }
  });
});
