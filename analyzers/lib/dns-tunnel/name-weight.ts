/**
 * How many bytes a client said with the labels left of the zone. The length, except for labels that are words of a
 * protocol: who writes `_acme-challenge` or an address octet says less than the letters count.
 */
import { latin1Lower, type ZoneOfName } from '../../../src/model/dns-zone.ts';

/** Which of the 120 words of the IANA registry it was: under a byte. */
const SERVICE_LABEL_BYTES = 1;
const ADDRESS_LABELS = 4;

/**
 * Underscored names from the registries of RFC 8552 and RFC 6335, and what mail and certificates ask for.
 * Not complete: a word that is missing here counts its letters.
 */
const SERVICE_LABELS: ReadonlySet<string> = new Set(
  (
    '_tcp _udp _sctp _dccp _tls _http _https _xmpp-client _xmpp-server _ldap _ldaps _kerberos _kerberos-master ' +
    '_kpasswd _kerberos-adm _gc _sites _msdcs dc gc pdc domains forestdnszones domaindnszones ' +
    'default-first-site-name _sip _sips _imap _imaps _pop3 _pop3s _submission _submissions _smtp _smtp-tlsrpt ' +
    '_autodiscover _caldav _caldavs _carddav _carddavs _matrix _matrix-fed _mongodb _etcd-server _etcd-client ' +
    '_domainkey _dmarc _mta-sts _spf _adsp _report _policy _tlsa _smimecert _openpgpkey _acme-challenge ' +
    '_validation-contactemail _dns _dnslink _ta _uri _xmppconnect _dns-sd _services b db r dr lb _workstation _ssh'
  ).split(' '),
);

/** Labels [0, length - zoneLabels), with the dots between them. */
export function weightOf(labels: readonly Uint8Array[], zone: ZoneOfName): number {
  const own = labels.length - zone.zoneLabels;
  if (own < 1) return 0;
  if (zone.kind === 'reverse') return reverseWeight(labels, own, zone);
  const isAddress = startsWithAddress(labels, own);
  let weight = own - 1 - (isAddress ? ADDRESS_LABELS - 1 : 0);
  if (isAddress) weight += ADDRESS_LABELS;
  for (let i = isAddress ? ADDRESS_LABELS : 0; i < own; i++) {
    const label = labels[i]!;
    weight += isServiceLabel(label) ? SERVICE_LABEL_BYTES : label.length;
  }
  return weight;
}

/** `4.3.2.1.bl.example`, as block lists (RFC 5782) and SPF macros (RFC 7208) have it: four octets, whatever their text. */
export function startsWithAddress(labels: readonly Uint8Array[], own: number): boolean {
  if (own < ADDRESS_LABELS) return false;
  for (let i = 0; i < ADDRESS_LABELS; i++) if (!isOctet(labels[i]!)) return false;
  return true;
}

function isOctet(label: Uint8Array): boolean {
  if (label.length < 1 || label.length > 3) return false;
  let value = 0;
  for (let i = 0; i < label.length; i++) {
    const digit = label[i]! - 0x30;
    if (digit < 0 || digit > 9) return false;
    value = value * 10 + digit;
  }
  return value <= 255;
}

/** By first byte and length, because most labels are no such word and a string of each costs more than the rest. */
const MAX_SERVICE_LABEL = Math.max(...[...SERVICE_LABELS].map(({ length }) => length));
const MAY_BE_SERVICE = new Uint8Array(256 * (MAX_SERVICE_LABEL + 1));
for (const word of SERVICE_LABELS) {
  const first = word.charCodeAt(0);
  MAY_BE_SERVICE[first * (MAX_SERVICE_LABEL + 1) + word.length] = 1;
  if (first !== 0x5f) MAY_BE_SERVICE[(first - 0x20) * (MAX_SERVICE_LABEL + 1) + word.length] = 1;
}

export function isServiceLabel(label: Uint8Array): boolean {
  if (label.length === 0 || label.length > MAX_SERVICE_LABEL) return false;
  if (MAY_BE_SERVICE[label[0]! * (MAX_SERVICE_LABEL + 1) + label.length] === 0) return false;
  return SERVICE_LABELS.has(latin1Lower(label));
}

/** An octet is a byte, a nibble half of one, whatever its text; other labels count as anywhere. */
function reverseWeight(labels: readonly Uint8Array[], own: number, zone: ZoneOfName): number {
  // RFC 4193 addresses are answered by the site itself (RFC 6303): the question goes nowhere.
  const isLocal = /\.[cd]\.f\.ip6\.arpa$/.test(zone.zone);
  let weight = 0;
  for (let i = 0; i < own; i++) {
    const text = latin1Lower(labels[i]!);
    if (/^[0-9a-f]$/.test(text) && zone.zone.endsWith('ip6.arpa')) weight += isLocal ? 0 : 0.5;
    else if (/^\d{1,3}$/.test(text)) weight += 1;
    else weight += text.length + 1;
  }
  return Math.ceil(weight);
}
