import { describe, expect, it } from 'vitest';
import type { AgentRecord, LossRecord } from '../../src/model/record.ts';
import { CountedSender } from '../../src/sensor/record-counts.ts';
import { finding } from '../station/support/records.ts';

const loss: LossRecord = {
  kind: 'loss',
  time: 0,
  source: 'flow-table',
  where: 'flows.max_flows',
  count: 12,
  first: 0,
  last: 0,
};

function counted() {
  const sent: AgentRecord[] = [];
  const losses: LossRecord[] = [];
  const sender = new CountedSender(
    {
      send: (record) => sent.push(record),
      remember: () => {},
      sendEvidence: () => {},
      evidenceRoomBytes: 0,
      evidenceListener: 0,
    },
    (each) => {
      losses.push(each);
    },
  );
  const samples = (name: string) => sender.metrics().find((family) => family.name === name)!.samples;
  return { sender, sent, losses, samples };
}

describe('records on their way out', () => {
  it('are handed on, and losses are told to the detectors after that', () => {
    const { sender, sent, losses } = counted();
    sender.send(loss);

    expect(sent).toEqual([loss]);
    expect(losses).toEqual([loss]);
  });

  it('are counted by kind, losses by what was lost', () => {
    const { sender, samples } = counted();
    sender.send(loss);
    sender.send(loss);

    expect(samples('bridgewatch_records_total')).toEqual([{ labels: { kind: 'loss' }, value: 2 }]);
    expect(samples('bridgewatch_losses_total')).toEqual([{ labels: { source: 'flow-table' }, value: 24 }]);
  });

  it('count a finding once, when it opens', () => {
    const { sender, samples } = counted();
    sender.send(finding(1, { status: 'open', analyzer: 'beacon', severity: 'high' }));
    sender.send(finding(1, { status: 'update', analyzer: 'beacon', severity: 'critical' }));
    sender.send(finding(1, { status: 'closed', analyzer: 'beacon', severity: 'critical' }));

    expect(samples('bridgewatch_findings_total')).toEqual([
      { labels: { analyzer: 'beacon', severity: 'high' }, value: 1 },
    ]);
  });
});
