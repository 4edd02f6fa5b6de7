/** Findings in the agent's database that tell of a way out of an internal network which no stored flow tells of. */
import { workloadLabel } from '../../model/network.ts';
import { type PublicFinding, parseRecord } from '../../model/serialize.ts';
import { type Micros, parseMicros } from '../../model/time.ts';
import type { FindingSign } from '../../model/traffic-history.ts';
import { SIGN_ANALYZERS } from '../../sensor/audit/assurance/signs.ts';
import type { StoreReader } from '../../station/store/reader.ts';

/** Of each analyzer, the latest; about 2 KB each. */
const MAX_SIGNS = 1000;

/** `since`: flows are known from then on, and what is told of a way is told of one and the same time. */
export function readSigns(reader: Pick<StoreReader, 'queryFindings'>, since: Micros): FindingSign[] {
  return SIGN_ANALYZERS.flatMap((analyzer) =>
    reader.queryFindings({ analyzer, limit: MAX_SIGNS }).flatMap(({ text }) => {
      const { id, message, subject, network, evidence, lastSeen } = parseRecord(text) as PublicFinding;
      const last = parseMicros(lastSeen);
      if (subject.workload === undefined || last === undefined || last < since) return [];
      const service = workloadLabel(subject.workload);
      return [
        { id, analyzer, message, service, evidence, last, ...(network === undefined ? {} : { network }) },
      ];
    }),
  );
}
