/** Ends of flows and findings as a report names them: never more surely than the record does. */
import { addressLabel } from '../model/endpoint.ts';
import { escapedText, escapeText } from '../model/escape.ts';
import { workloadLabel } from '../model/network.ts';
import type { PublicEndpoint } from '../model/serialize.ts';
import type { CaseEnd, Listed } from './case.ts';

const MAX_NAME_CHARS = 200;

export function caseEnd(end: PublicEndpoint): CaseEnd {
  const { ip, port, workload, attribution } = end;
  const place = placeOf(end);
  return {
    label: endLabel(end),
    ip: escapeText(ip),
    ...(port === undefined ? {} : { port }),
    ...(workload === undefined
      ? {}
      : {
          container: escapeText(workload.name, MAX_NAME_CHARS),
          image: escapeText(workload.image, MAX_NAME_CHARS),
        }),
    surety: attribution.confidence,
    how: escapeText(
      attribution.reason === undefined ? attribution.method : `${attribution.method}: ${attribution.reason}`,
      MAX_NAME_CHARS,
    ),
    ...(place === undefined ? {} : { place }),
  };
}

/** `shop/db`; `a|b?` where several fit; else the scope's word and the address, with the name it is known by. */
export function endLabel(end: PublicEndpoint): string {
  const { workload, attribution, scope } = end;
  if (workload !== undefined) return escapeText(workloadLabel(workload), MAX_NAME_CHARS);
  const { candidates } = attribution;
  if (scope === 'container' && candidates !== undefined && candidates.length > 0)
    return escapeText(`${candidates.slice(0, 4).join('|')}? ${end.ip}`, MAX_NAME_CHARS);
  // Names of the wire are in escaped form already.
  return escapedText(`${scope} ${addressLabel(end)}`, 300);
}

/** `DE, AS64500 Example Hosting`. */
function placeOf({ geo }: PublicEndpoint): string | undefined {
  if (geo === undefined) return undefined;
  const system = geo.asn === undefined ? undefined : `AS${geo.asn} ${geo.asOrganization ?? ''}`.trimEnd();
  const parts = [geo.country, system ?? geo.asOrganization].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : escapeText(parts.join(', '), 100);
}

/** The first so many. `hidden` are others that are not in `items` at all. */
export function listed<Item>(
  items: readonly Item[],
  max: number,
  hidden = 0,
  moreIsLeast = false,
): Listed<Item> {
  return { items: items.slice(0, max), more: Math.max(0, items.length - max) + hidden, moreIsLeast };
}
