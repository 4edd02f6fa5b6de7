import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { processUse } from './process-use.ts';

describe('what a process holds', () => {
  it('is more with children than without, also while they come and go', async () => {
    const alone = processUse(process.pid);
    const child = spawn('sleep', ['60']);
    const brief = Array.from({ length: 20 }, () => spawn('true'));
    expect(processUse(process.pid).openFiles).toBeGreaterThan(alone.openFiles);
    await Promise.all(brief.map((each) => once(each, 'exit')));
    expect(processUse(child.pid!).residentBytes).toBeGreaterThan(0);
    child.kill();
    await once(child, 'exit');
    expect(() => processUse(child.pid!)).toThrow(`process ${child.pid} has ended`);
  });
});
