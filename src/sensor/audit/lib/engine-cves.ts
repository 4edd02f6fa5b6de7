/**
 * Published vulnerabilities of the engine's networking, with the releases that have them. Kept by hand: whoever adds one
 * names its advisory, and moves AS_OF to the day of the look. A release that is newer than the table is not thereby safe.
 */
import type { Severity } from '../../../model/finding.ts';
import { isAtLeast } from './engine-version.ts';

/** The day when the advisories of moby/moby were last looked through. */
export const CVES_AS_OF = '2026-11-23';

/** What of a host a vulnerability needs, beside the version. */
export type CveSubject =
  | 'firewalld'
  | 'internal networks'
  | 'encrypted overlays'
  | 'macvlan or ipvlan'
  | 'IPv6';

export interface EngineCve {
  readonly id: string;
  readonly advisory: string;
  readonly published: string;
  readonly what: string;
  readonly severity: Severity;
  /** From (absent: from the first release) up to, and without, the release that mends it. */
  readonly affected: readonly { readonly from?: string; readonly below: string }[];
  readonly needs: CveSubject;
}

const GHSA = 'https://github.com/moby/moby/security/advisories/';

export const ENGINE_CVES: readonly EngineCve[] = [
  {
    id: 'CVE-2025-54410',
    advisory: `${GHSA}GHSA-4vq8-7jfc-9cvp`,
    published: '2025-07-30',
    what: 'after a reload of firewalld bridge networks are no longer kept apart',
    severity: 'medium',
    affected: [{ below: '25.0.13' }, { from: '26.0.0', below: '28.0.0' }],
    needs: 'firewalld',
  },
  {
    id: 'CVE-2025-54388',
    advisory: `${GHSA}GHSA-x4rx-4gw3-53p4`,
    published: '2025-07-30',
    what: 'after a reload of firewalld ports published on loopback are open to the link',
    severity: 'medium',
    affected: [{ from: '28.2.0', below: '28.3.3' }],
    needs: 'firewalld',
  },
  {
    id: 'CVE-2024-32473',
    advisory: `${GHSA}GHSA-x84c-p2g9-rqv9`,
    published: '2024-04-18',
    what: 'containers have IPv6 on networks without it, and speak it with the LAN',
    severity: 'medium',
    affected: [{ from: '26.0.0', below: '26.0.2' }],
    needs: 'macvlan or ipvlan',
  },
  {
    id: 'CVE-2024-29018',
    advisory: `${GHSA}GHSA-mq39-4gv4-mvpx`,
    published: '2024-03-20',
    what: "containers on internal networks get outside names resolved, where the host's resolver is on loopback: data leaves by DNS",
    severity: 'medium',
    affected: [{ below: '23.0.11' }, { from: '24.0.0', below: '25.0.5' }],
    needs: 'internal networks',
  },
  {
    id: 'CVE-2023-28840',
    advisory: `${GHSA}GHSA-232p-vwff-86mp`,
    published: '2023-04-04',
    what: 'encrypted overlays take frames in clear from anybody who reaches the node',
    severity: 'high',
    affected: [
      { from: '1.12.0', below: '20.10.24' },
      { from: '23.0.0', below: '23.0.3' },
    ],
    needs: 'encrypted overlays',
  },
  {
    id: 'CVE-2023-28841',
    advisory: `${GHSA}GHSA-33pg-m6jh-5237`,
    published: '2023-04-04',
    what: 'encrypted overlays send in clear where the kernel lacks xt_u32',
    severity: 'high',
    affected: [
      { from: '1.12.0', below: '20.10.24' },
      { from: '23.0.0', below: '23.0.3' },
    ],
    needs: 'encrypted overlays',
  },
  {
    id: 'CVE-2023-28842',
    advisory: `${GHSA}GHSA-6wrf-mxfj-pf5p`,
    published: '2023-04-04',
    what: 'a node that joins an encrypted overlay late takes frames in clear',
    severity: 'medium',
    affected: [
      { from: '1.12.0', below: '20.10.24' },
      { from: '23.0.0', below: '23.0.3' },
    ],
    needs: 'encrypted overlays',
  },
  {
    id: 'CVE-2020-13401',
    advisory: 'https://nvd.nist.gov/vuln/detail/CVE-2020-13401',
    published: '2020-06-02',
    what: 'a container with NET_RAW becomes the IPv6 router of the host by router advertisements',
    severity: 'medium',
    affected: [{ below: '19.03.11' }],
    needs: 'IPv6',
  },
];

/** Those that this release has; undefined where the version cannot be read. */
export function cvesOf(version: string): readonly EngineCve[] | undefined {
  if (isAtLeast(version, '0.0.0') === undefined) return undefined;
  return ENGINE_CVES.filter(({ affected }) =>
    affected.some(
      ({ from, below }) =>
        isAtLeast(version, below) === false && (from === undefined || isAtLeast(version, from) === true),
    ),
  );
}
