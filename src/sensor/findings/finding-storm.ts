/**
 * What tells of a storm: a finding like any other, with a page, but of the sensor itself, which alone knows what it folds.
 * Its options stand under `findings`.
 */
import { z } from 'zod';
import { FINDING_STORM } from '../../model/finding.ts';
import { type AnalyzerDefinition, defineAnalyzer } from '../analysis/analyzer.ts';

export const STORM_MESSAGES = { begins: 'begins', one: 'one-subject', many: 'many-subjects' } as const;

const evidence = z.object({
  kind: z.string().describe('Same as the message.'),
  goesOn: z.boolean().describe('Whether what opens now is folded too; else it is told by itself again.'),
  analyzers: z
    .array(z.string())
    .describe('Of the folded findings: the most frequent, with how many of each.'),
  folded: z.number().describe('Findings folded into this one.'),
  stillOpen: z.number().describe('Of these, open now.'),
  limitPerMinute: z.number().describe('So many may open within a minute.'),
  critical: z.number().describe('Of the folded.'),
  high: z.number(),
  medium: z.number(),
  low: z.number(),
  informational: z.number(),
  severities: z.array(z.string()).describe('The same in words.'),
  subjectCount: z.number(),
  peerCount: z.number(),
  networkCount: z.number(),
  countsAreMinimum: z.boolean().optional().describe('Present when counting stopped, at 256 of each.'),
  topSubjects: z.array(z.string()).describe('Those of most of the folded findings, five at most.'),
  topPeers: z.array(z.string()),
  topNetworks: z.array(z.string()),
  firstIds: z.array(z.string()).describe('Ids of the first folded findings, ten at most.'),
});

export type StormEvidence = z.infer<typeof evidence>;

export const findingStorm = defineAnalyzer({
  id: FINDING_STORM,
  title: 'Storm of findings, told as one',
  // Those of what it tells of.
  attack: [],
  severity: 'medium',
  confidence: 'certain',
  maturity: 'incubating',
  flows: 'none',
  config: z.strictObject({}),
  evidence,
  messages: {
    [STORM_MESSAGES.begins]:
      '{subject} stands for whoever is behind it: more than {limitPerMinute} findings opened within a minute ({analyzers}). What opens from now on is told as this one, and is recorded with its id in foldedInto; who it is follows. Look first at what is told beside it: a storm can be meant to hide something.',
    [STORM_MESSAGES.one]:
      '{subject} is in most of {folded} findings ({analyzers}) that opened faster than {limitPerMinute} a minute and are told as this one: {severities}; {stillOpen} open; subjects: {topSubjects}; peers: {topPeers}; networks: {networkCount}. Each is recorded with this id in foldedInto. Look first at what is told beside it: a storm can be meant to hide something.',
    [STORM_MESSAGES.many]:
      '{subject} stands for {subjectCount} subjects with {folded} findings ({analyzers}) that opened faster than {limitPerMinute} a minute and are told as this one: {severities}; {stillOpen} open; most: {topSubjects}; peers: {topPeers}; networks: {networkCount}. Each is recorded with this id in foldedInto. Look first at what is told beside it: a storm can be meant to hide something.',
  },
  create: () => ({}),
}) as AnalyzerDefinition;
