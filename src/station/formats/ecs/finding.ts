/** A finding as an ECS alert. Who did it is `source`, the first it was done with is `destination`. */
import { namedTag } from '../../../model/attack.ts';
import type { PublicFinding } from '../../../model/serialize.ts';
import { microsBetween, readableTime, SEVERITY_NUMBERS, uidOf } from '../facts.ts';
import { beyondEnd, ecsEnd, ecsRelated, ecsWorkload } from './objects.ts';

export function ecsFinding(record: PublicFinding) {
  const {
    kind: _,
    analyzer,
    title,
    explanation,
    attack,
    firstSeen,
    lastSeen,
    reason,
    network,
    ...told
  } = record;
  const { subject, peers, communityIds, evidence, ...rest } = told;
  const [peer, ...otherPeers] = peers;
  const durationMicros = microsBetween(firstSeen, lastSeen);
  return {
    message: explanation,
    event: {
      // What is over or muted is told, but nobody is to be called for it.
      kind: record.status === 'closed' || record.muted !== undefined ? 'event' : 'alert',
      category: ['network', 'intrusion_detection'],
      type: ['info'],
      action: record.message,
      code: `${analyzer}/${record.message}`,
      id: uidOf(record),
      start: readableTime(firstSeen),
      end: lastSeen,
      duration: durationMicros === undefined ? undefined : durationMicros * 1000,
      severity: SEVERITY_NUMBERS[record.severity],
      reason,
    },
    rule: { id: analyzer, name: title, ruleset: 'bridgewatch' },
    threat: ecsThreat(attack),
    source: ecsEnd(subject),
    destination: peer && ecsEnd(peer),
    ...ecsWorkload(subject.workload ?? peer?.workload),
    network:
      network === undefined && communityIds.length === 0
        ? undefined
        : { name: network, community_id: communityIds[0] },
    related: ecsRelated([subject, ...peers]),
    bridgewatch: {
      finding: {
        ...rest,
        communityIds,
        // One text: its names differ by analyzer, and an index gives each name one type for ever.
        evidence: JSON.stringify(evidence),
        subject: beyondEnd(subject),
        peer: peer && beyondEnd(peer),
        otherPeers: otherPeers.length === 0 ? undefined : otherPeers,
      },
    },
  };
}

function ecsThreat(attack: PublicFinding['attack']) {
  if (attack.length === 0) return undefined;
  const tags = attack.map(({ technique, tactic }) => namedTag(technique, tactic));
  const subtechniques = tags.flatMap(({ subtechnique }) => subtechnique ?? []);
  return {
    framework: 'MITRE ATT&CK',
    tactic: {
      id: distinct(tags.map((tag) => tag.tacticId)),
      name: distinct(tags.map((tag) => tag.tacticName)),
    },
    technique: {
      id: distinct(tags.map((tag) => tag.techniqueId)),
      name: distinct(tags.map((tag) => tag.techniqueName)),
      subtechnique:
        subtechniques.length === 0
          ? undefined
          : {
              id: distinct(subtechniques.map(({ id }) => id)),
              name: distinct(subtechniques.map(({ name }) => name)),
            },
    },
  };
}

function distinct(texts: readonly (string | undefined)[]): string[] {
  return [...new Set(texts.filter((text) => text !== undefined))];
}
