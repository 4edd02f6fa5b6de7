/**
 * Names for which NXDOMAIN is the ordinary answer and says nothing about who asks: look-ups whose answer is "not
 * listed", reverse names, records of a protocol that most zones do not have.
 */
import type { ZoneOfName } from '../../../src/model/dns-zone.ts';
import { knownZone } from '../known-zones.ts';

/** RFC 5782: the octets (or, for IPv6, the 32 nibbles) of an address backwards, below the list's zone. */
const REVERSED_IPV4 = /^(\d{1,3}\.){4}(?=[^.])/;
const REVERSED_IPV6 = /^([0-9a-f]\.){32}/;
/** A hash as the only label left of the zone (antivirus, reputation): MD5, SHA-1, SHA-256 in hexadecimal. */
const HASH = /^([0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{56,64})\./;

/** `query` in lower case. */
export function isExpectedMissing(query: string, zone: ZoneOfName, declared: ReadonlySet<string>): boolean {
  if (zone.kind === 'reverse') return true;
  // `_dmarc`, `_domainkey`, `_acme-challenge`, `_ldap._tcp`, `_ta-4f66` (RFC 8552).
  if (query.startsWith('_') || query.includes('._')) return true;
  if (REVERSED_IPV4.test(query) || REVERSED_IPV6.test(query) || HASH.test(query)) return true;
  return declared.has(zone.zone) || knownZone(zone.zone) === 'look-up service';
}
