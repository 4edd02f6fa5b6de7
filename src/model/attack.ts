/**
 * The part of MITRE ATT&CK (Enterprise, v17) that our analyzers use: a technique with its name and all its tactics.
 * A tag that is not here, or that pairs a technique with a tactic it does not have, fails a test: unchecked tags rot.
 */

export interface Technique {
  readonly name: string;
  /** Short names, as in the STIX `kill_chain_phases`. */
  readonly tactics: readonly string[];
}

export const TECHNIQUES: Readonly<Record<string, Technique>> = {
  T1021: { name: 'Remote Services', tactics: ['lateral-movement'] },
  T1018: { name: 'Remote System Discovery', tactics: ['discovery'] },
  T1029: { name: 'Scheduled Transfer', tactics: ['exfiltration'] },
  T1040: { name: 'Network Sniffing', tactics: ['credential-access', 'discovery'] },
  T1046: { name: 'Network Service Discovery', tactics: ['discovery'] },
  T1048: { name: 'Exfiltration Over Alternative Protocol', tactics: ['exfiltration'] },
  T1071: { name: 'Application Layer Protocol', tactics: ['command-and-control'] },
  'T1071.004': { name: 'Application Layer Protocol: DNS', tactics: ['command-and-control'] },
  'T1090.001': { name: 'Proxy: Internal Proxy', tactics: ['command-and-control'] },
  T1095: { name: 'Non-Application Layer Protocol', tactics: ['command-and-control'] },
  T1110: { name: 'Brute Force', tactics: ['credential-access'] },
  T1133: { name: 'External Remote Services', tactics: ['initial-access', 'persistence'] },
  T1190: { name: 'Exploit Public-Facing Application', tactics: ['initial-access'] },
  'T1562.006': { name: 'Impair Defenses: Indicator Blocking', tactics: ['defense-evasion'] },
  T1498: { name: 'Network Denial of Service', tactics: ['impact'] },
  'T1496.001': { name: 'Resource Hijacking: Compute Hijacking', tactics: ['impact'] },
  'T1552.005': {
    name: 'Unsecured Credentials: Cloud Instance Metadata API',
    tactics: ['credential-access'],
  },
  'T1552.007': { name: 'Unsecured Credentials: Container API', tactics: ['credential-access'] },
  T1557: { name: 'Adversary-in-the-Middle', tactics: ['credential-access', 'collection'] },
  'T1557.002': {
    name: 'Adversary-in-the-Middle: ARP Cache Poisoning',
    tactics: ['credential-access', 'collection'],
  },
  'T1557.003': {
    name: 'Adversary-in-the-Middle: DHCP Spoofing',
    tactics: ['credential-access', 'collection'],
  },
  T1567: { name: 'Exfiltration Over Web Service', tactics: ['exfiltration'] },
  'T1568.002': {
    name: 'Dynamic Resolution: Domain Generation Algorithms',
    tactics: ['command-and-control'],
  },
  T1571: { name: 'Non-Standard Port', tactics: ['command-and-control'] },
  T1572: { name: 'Protocol Tunneling', tactics: ['command-and-control'] },
  'T1595.001': { name: 'Active Scanning: Scanning IP Blocks', tactics: ['reconnaissance'] },
  T1599: { name: 'Network Boundary Bridging', tactics: ['defense-evasion'] },
  T1610: { name: 'Deploy Container', tactics: ['defense-evasion', 'execution'] },
  T1611: { name: 'Escape to Host', tactics: ['privilege-escalation'] },
};

/** All tactics of Enterprise v17: the id behind each short name. */
const TACTIC_IDS: Readonly<Record<string, string>> = {
  reconnaissance: 'TA0043',
  'resource-development': 'TA0042',
  'initial-access': 'TA0001',
  execution: 'TA0002',
  persistence: 'TA0003',
  'privilege-escalation': 'TA0004',
  'defense-evasion': 'TA0005',
  'credential-access': 'TA0006',
  discovery: 'TA0007',
  'lateral-movement': 'TA0008',
  collection: 'TA0009',
  'command-and-control': 'TA0011',
  exfiltration: 'TA0010',
  impact: 'TA0040',
};

/** A tag as other products want it told: ids and names apart, a technique and its sub-technique apart. */
export interface NamedTag {
  readonly tacticId: string | undefined;
  /** `Command and Control`. */
  readonly tacticName: string;
  /** The parent's, where the tag is a sub-technique's: `T1071` of `T1071.004`. */
  readonly techniqueId: string;
  /** Absent when the table does not have it: a record may come from a newer sensor. */
  readonly techniqueName: string | undefined;
  readonly subtechnique: { readonly id: string; readonly name: string | undefined } | undefined;
}

export function namedTag(technique: string, tactic: string): NamedTag {
  const [techniqueId = technique, sub] = technique.split('.');
  const name = TECHNIQUES[technique]?.name;
  const [parentName, subName] = name?.split(': ') ?? [];
  return {
    tacticId: TACTIC_IDS[tactic],
    tacticName: titleOf(tactic),
    techniqueId,
    techniqueName: TECHNIQUES[techniqueId]?.name ?? parentName,
    subtechnique: sub === undefined ? undefined : { id: technique, name: subName },
  };
}

/** `command-and-control` to `Command and Control`. */
function titleOf(tactic: string): string {
  return tactic
    .split('-')
    .map((word) => (word === 'and' ? word : word.charAt(0).toUpperCase() + word.slice(1)))
    .join(' ');
}

export function isTagValid(technique: string, tactic: string): boolean {
  return TECHNIQUES[technique]?.tactics.includes(tactic) ?? false;
}
