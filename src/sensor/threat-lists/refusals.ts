/**
 * What must not stand in a list, because it would accuse everybody: this site itself, half of the Internet, a whole
 * top-level domain. Feeds do carry such lines by mistake, and lists of unroutable ranges carry them on purpose.
 */
import { getPublicSuffix } from 'tldts';
import { type Cidr, cidrContains, type IpWords, isIpv4Words, parseCidr } from '../../model/ip.ts';
import type { Indicator } from './indicator.ts';

/** Of 128: /8 of IPv4. */
const LEAST_V4_BITS = 96 + 8;
/** The largest that a registry gives to one operator; /16 holds 65,536 of what a provider has. */
const LEAST_V6_BITS = 16;

type Refused = readonly [cidr: Cidr, why: string, allowed: boolean];

/** `allowed`: by allow_private. */
const RANGES: readonly Refused[] = (
  [
    ['10.0.0.0/8', 'private addresses', true],
    ['172.16.0.0/12', 'private addresses', true],
    ['192.168.0.0/16', 'private addresses', true],
    ['100.64.0.0/10', 'private addresses', true],
    ['169.254.0.0/16', 'link-local addresses', true],
    ['127.0.0.0/8', 'loopback addresses', true],
    ['0.0.0.0/8', 'addresses that mean nobody', false],
    ['224.0.0.0/3', 'multicast, broadcast and reserved addresses', false],
    ['fc00::/7', 'private addresses', true],
    ['fe80::/10', 'link-local addresses', true],
    ['::1/128', 'loopback addresses', true],
    ['::/128', 'addresses that mean nobody', false],
    ['ff00::/8', 'multicast addresses', false],
  ] as const
).map(([text, why, allowed]) => [parseCidr(text)!, why, allowed]);

const NAME_OPTIONS = { allowPrivateDomains: true, validateHostname: false, extractHostname: false } as const;

/**
 * Where everybody keeps files, the honest and the others. A list of pages there says nothing about who visits the host.
 */
const SHARED_HOSTS: ReadonlySet<string> = new Set(
  [
    'github.com raw.githubusercontent.com objects.githubusercontent.com codeload.github.com gist.github.com gitlab.com',
    'bitbucket.org codeberg.org sourceforge.net dropbox.com www.dropbox.com dl.dropboxusercontent.com drive.google.com',
    'docs.google.com sites.google.com storage.googleapis.com drive.usercontent.google.com onedrive.live.com 1drv.ms',
    'cdn.discordapp.com media.discordapp.net discord.com pastebin.com paste.ee transfer.sh archive.org web.archive.org',
    'mediafire.com www.mediafire.com mega.nz t.me telegra.ph api.telegram.org s3.amazonaws.com www.google.com bit.ly',
    'cdn.jsdelivr.net unpkg.com registry.npmjs.org files.pythonhosted.org ipfs.io firebasestorage.googleapis.com',
  ].flatMap((line) => line.split(' ')),
);

/** Why it is refused; undefined when it may be taken. */
export function refusalOf(indicator: Indicator, allowPrivate: boolean): string | undefined {
  return indicator.kind === 'address'
    ? refusedAddress(indicator.base, indicator.prefixBits, allowPrivate)
    : refusedName(indicator.name, indicator.isUrl);
}

function refusedAddress(base: IpWords, prefixBits: number, allowPrivate: boolean): string | undefined {
  const isV4 = prefixBits >= 96 && isIpv4Words(base[0], base[1], base[2]);
  if (isV4 ? prefixBits < LEAST_V4_BITS : prefixBits < LEAST_V6_BITS)
    return 'a prefix so short accuses everybody';
  const range = RANGES.find(
    ([cidr, , allowed]) =>
      (cidr.family === 4) === isV4 && !(allowed && allowPrivate) && overlaps(cidr, base, prefixBits),
  );
  return range?.[1];
}

function overlaps(cidr: Cidr, base: IpWords, prefixBits: number): boolean {
  if (prefixBits >= cidr.prefixBits) return cidrContains(cidr, base);
  return cidrContains({ family: cidr.family, base, prefixBits }, cidr.base);
}

function refusedName(name: string, isUrl: boolean): string | undefined {
  if (isUrl && SHARED_HOSTS.has(name)) return 'a page on a host that everybody uses';
  return getPublicSuffix(name, NAME_OPTIONS) === name
    ? 'a public suffix, under which anybody may have a name'
    : undefined;
}
