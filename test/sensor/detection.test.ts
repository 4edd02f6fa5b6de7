import { describe, expect, it } from 'vitest';
import internalEgress from '../../analyzers/internal-egress.ts';
import type { AnalyzerOptions } from '../../src/config/schema.ts';
import type { AgentRecord } from '../../src/model/record.ts';
import type { AnalyzerDefinition } from '../../src/sensor/analysis/analyzer.ts';
import { createDetection } from '../../src/sensor/detection.ts';
import { findingsConfig } from '../../src/sensor/findings/config.ts';
import { memoryLogger } from '../station/support/harness.ts';
import { address, container, flow, network } from '../support/records.ts';
import { listener } from './pipeline-run.ts';

const ERROR = 50;
const leaving = flow({
  network: network({ name: 'data', internal: true }),
  orig: container('db', '172.30.0.10'),
  resp: address('198.51.100.7', 'internet', { port: 443 }),
});

function detect(
  analyzers: readonly AnalyzerDefinition[],
  options: Readonly<Record<string, AnalyzerOptions>> = {},
) {
  const records: AgentRecord[] = [];
  const log = memoryLogger();
  const detection = createDetection({
    analyzers,
    options,
    findings: findingsConfig.parse({}),
    emit: (record) => void records.push(record),
    log: log.logger,
  });
  return { ...detection, records, log };
}

describe('detection', () => {
  it('emits the findings of its analyzers', () => {
    const { runner, findings, records } = detect([internalEgress]);

    runner.flowStart(leaving);

    expect(records).toMatchObject([{ kind: 'finding', analyzer: 'internal-egress', status: 'open' }]);
    expect(findings.openNow).toBe(1);
  });

  it('leaves out an analyzer that is switched off', () => {
    const { runner, records } = detect([internalEgress], {
      'internal-egress': { enabled: false, options: internalEgress.config.parse({}) },
    });

    runner.flowStart(leaving);

    expect(records).toEqual([]);
    expect(runner.wants.flowStart).toBe('none');
  });

  it('gives an analyzer its options', () => {
    const options = internalEgress.config.parse({ ignore_destinations: ['198.51.100.0/24'] });
    const { runner, records } = detect([internalEgress], { 'internal-egress': { enabled: true, options } });

    runner.flowStart(leaving);

    expect(records).toEqual([]);
  });

  it('logs the bug of an analyzer once, and the others go on', () => {
    const broken = listener('all', {
      onFlowStart() {
        throw new Error('off by one');
      },
    });
    const { runner, records, log } = detect([broken, internalEgress]);

    runner.flowStart(leaving);
    runner.flowStart(leaving);

    expect(log.lines).toMatchObject([
      { level: ERROR, analyzer: 'listener', handler: 'onFlowStart', err: { message: 'off by one' } },
    ]);
    expect(records).toHaveLength(1);
  });
});
