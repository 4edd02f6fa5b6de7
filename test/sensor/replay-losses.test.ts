import { describe, expect, it } from 'vitest';
import captureLoss from '../../analyzers/capture-loss.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { AgentRecord } from '../../src/model/record.ts';
import { replay } from '../../src/sensor/replay.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { scratchFolder } from '../support/frames.ts';
import { PcapngBlocks } from '../support/pcap-writer.ts';
import { connection, IP, inventory } from './pipeline-run.ts';

const write = scratchFolder();
const ISB_IFDROP = 5;
const ISB_OSDROP = 7;

/** Ten connections, and what the capturing program says that it lost. */
async function replayed(byKernel: number, byInterface: number) {
  const blocks = new PcapngBlocks(true);
  const frames = Array.from({ length: 10 }, (_, i) =>
    connection(1 + i, { src: IP.api, dst: IP.db, sport: 40_000 + i }),
  ).flat();
  const path = write(
    `${byKernel}-${byInterface}.pcapng`,
    Buffer.concat([
      blocks.section(),
      blocks.interface(1),
      ...frames.map(({ data, time }) => blocks.enhancedPacket(0, BigInt(time), data)),
      blocks.statistics(0, [
        [ISB_IFDROP, blocks.u64(BigInt(byInterface))],
        [ISB_OSDROP, blocks.u64(BigInt(byKernel))],
      ]),
    ]),
  );
  const records: AgentRecord[] = [];
  const { summary } = await replay({
    path,
    backend: 'auto',
    config: loadConfig({ env: {}, analyzers: [captureLoss] }),
    analyzers: [captureLoss],
    inventory: { state: inventory(), hostAddresses: [] },
    wants: { flows: false, dns: false },
    emit: (record) => void records.push(record),
    log: createLogger('silent'),
  });
  return {
    summary,
    losses: records.filter(({ kind }) => kind === 'loss'),
    findings: records.flatMap((record) => (record.kind === 'finding' ? [record] : [])),
    first: frames[0]!.time,
    last: frames.at(-1)!.time,
  };
}

describe('drops that a file tells of', () => {
  it('are losses and a finding, when there are many', async () => {
    const { summary, losses, findings, first, last } = await replayed(500, 3);

    expect(losses).toMatchObject([
      { source: 'kernel-ring', where: '500-3.pcapng', count: 500, first, last },
      { source: 'interface', count: 3 },
    ]);
    expect(summary.losses).toEqual({ 'kernel-ring': 500, interface: 3 });
    expect(findings).toMatchObject([
      // Packets may have been cut out of it since: the share says less than that of a live tap.
      {
        analyzer: 'capture-loss',
        severity: 'low',
        confidence: 'medium',
        evidence: { lost: 500, place: 'this capture' },
      },
    ]);
  });

  it('are losses and no finding, when there are few', async () => {
    const { losses, findings } = await replayed(99, 0);

    expect(losses).toMatchObject([{ source: 'kernel-ring', count: 99 }]);
    expect(findings).toEqual([]);
  });

  it('that are none are not told', async () => {
    const { summary, losses, findings } = await replayed(0, 0);

    expect(summary.losses).toEqual({});
    expect([...losses, ...findings]).toEqual([]);
  });
});
