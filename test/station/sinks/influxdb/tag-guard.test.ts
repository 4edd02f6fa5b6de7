import { describe, expect, it } from 'vitest';
import { parseRecord, serializeRecord } from '../../../../src/model/serialize.ts';
import { pointShapes } from '../../../../src/station/sinks/influxdb/points.ts';
import { TagGuard } from '../../../../src/station/sinks/influxdb/tag-guard.ts';
import { memoryLogger } from '../../support/harness.ts';
import { coverage, finding, T0, traffic } from '../../support/records.ts';

const DAY = 86_400_000_000;

function shapeOf(record: Parameters<typeof serializeRecord>[0]) {
  return pointShapes(parseRecord(serializeRecord(record)), 'host1')[0]!;
}

describe('TagGuard', () => {
  it('lets values pass up to the bound, folds further ones, and says so once', () => {
    const { logger, lines } = memoryLogger();
    const guard = new TagGuard({ maxTagValues: 10, maxSeries: 1000 }, logger, () => T0);

    const seen = Array.from(
      { length: 13 },
      (_, i) => guard.fold(shapeOf(traffic(1, { orig: `job-${i}` })))['orig'],
    );

    expect(seen.slice(0, 10)).toEqual(Array.from({ length: 10 }, (_, i) => `job-${i}`));
    expect(seen.slice(10)).toEqual(['other', 'other', 'other']);
    expect(guard.fold(shapeOf(traffic(1, { orig: 'job-3' })))['orig']).toBe('job-3');
    expect(lines).toMatchObject([{ measurement: 'bridgewatch_traffic', tag: 'orig', limit: 10 }]);
  });

  it('stands a port scan: ports are few, whatever the bound of other tags', () => {
    const guard = new TagGuard(
      { maxTagValues: 100_000, maxSeries: 100_000 },
      memoryLogger().logger,
      () => T0,
    );

    const ports = new Set<string | undefined>();
    for (let port = 1; port <= 65_535; port++) {
      ports.add(guard.fold(shapeOf(traffic(1, { respPort: port })))['resp_port']);
    }

    expect(ports.size).toBe(257);
    expect(ports).toContain('other');
  });

  it('stands containers with random names', () => {
    const { logger } = memoryLogger();
    const guard = new TagGuard({ maxTagValues: 2, maxSeries: 100 }, logger, () => T0);
    const containers = ['a', 'b', 'c'].map(
      (container) => guard.fold(shapeOf(coverage(1, { container })))['container'],
    );

    expect(containers).toEqual(['a', 'b', 'other']);
  });

  it('bounds the number of series when each tag alone is within its bound', () => {
    const guard = new TagGuard({ maxTagValues: 100, maxSeries: 100 }, memoryLogger().logger, () => T0);

    const series = new Set<string>();
    for (let a = 0; a < 50; a++) {
      for (let b = 0; b < 50; b++) {
        series.add(JSON.stringify(guard.fold(shapeOf(traffic(1, { orig: `a${a}`, resp: `b${b}` })))));
      }
    }

    expect(series.size).toBe(101);
  });

  it('counts anew each day, so that a busy host is not folded for ever', () => {
    let now = T0;
    const guard = new TagGuard({ maxTagValues: 10, maxSeries: 1000 }, memoryLogger().logger, () => now);
    for (let i = 0; i < 20; i++) guard.fold(shapeOf(traffic(1, { orig: `job-${i}` })));

    now = T0 + DAY - 1;
    expect(guard.fold(shapeOf(traffic(1, { orig: 'tomorrow' })))['orig']).toBe('other');
    now = T0 + DAY;
    expect(guard.fold(shapeOf(traffic(1, { orig: 'tomorrow' })))['orig']).toBe('tomorrow');
  });
});

describe('points', () => {
  it('of one measurement always have the same tags', () => {
    const { network: _, ...homeless } = finding(2);
    const { workload: __, ...nobody } = finding(2).subject;
    const { respPort: ___, ...portless } = traffic(1);

    expect(Object.keys(shapeOf({ ...homeless, subject: nobody }).tags)).toEqual(
      Object.keys(shapeOf(finding(1)).tags),
    );
    expect(Object.keys(shapeOf(portless).tags)).toEqual(Object.keys(shapeOf(traffic(1)).tags));
  });

  it('of a finding hold what Grafana reads as an annotation, and who it was', () => {
    const { measurement, tags, fields } = shapeOf(finding(1));

    expect(measurement).toBe('bridgewatch_finding');
    expect(tags).toEqual({
      analyzer: 'internal-egress',
      host: 'host1',
      network: 'shop_data',
      service: 'shop/db',
      severity: 'high',
      status: 'open',
    });
    expect(fields).toMatchObject({
      title: 'Egress from an internal network',
      text: 'shop/db tried to reach 198.51.100.7:443 from the internal network shop_data',
      tags: 'high,internal-egress,T1048',
      count: 1n,
      subject_ip: '172.30.1.5',
      subject_container: 'shop-db-1',
      peer: 'internet 198.51.100.7',
      peer_port: 443n,
      evidence: '{"attempts":3,"ports":[443,8443]}',
    });
  });
});
