/**
 * Open Cybersecurity Schema Framework 1.5.0, profiles `host` and `container`: findings, flows and look-ups. What OCSF
 * has no attribute for is under `unmapped`, by its native name.
 */
import { printableJson } from '../../model/serialize.ts';
import { timeOf } from './facts.ts';
import type { Format } from './format.ts';
import { ocsfFinding } from './ocsf/detection-finding.ts';
import { ocsfDns } from './ocsf/dns-activity.ts';
import { ocsfFlow } from './ocsf/network-activity.ts';

export const ocsf: Format = {
  carries: (kind) => kind === 'finding' || kind === 'flow' || kind === 'dns',
  encode(record, emitter) {
    const time = timeOf(record);
    if (time === undefined) return undefined;
    switch (record.kind) {
      case 'finding':
        return printableJson(ocsfFinding(record, time, emitter));
      case 'flow':
        return printableJson(ocsfFlow(record, time, emitter));
      case 'dns':
        return printableJson(ocsfDns(record, time, emitter));
      default:
        return undefined;
    }
  },
};
