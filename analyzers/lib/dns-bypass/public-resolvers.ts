/**
 * Names and addresses of public resolvers that speak DNS over HTTPS, TLS or QUIC, as their operators publish them on
 * their set-up pages. A small core of what programs have built in or suggest; no list is ever whole, and the page says so.
 */
import { formatIp, type IpWords, parseIp } from '../../../src/model/ip.ts';

/** A name below one of these counts too: providers put profiles and variants there. */
const NAMES =
  // Cloudflare, Google, Quad9
  'cloudflare-dns.com one.one.one.one dns.google 8888.google dns64.dns.google dns.quad9.net dns9.quad9.net ' +
  'dns10.quad9.net dns11.quad9.net dns12.quad9.net ' +
  // OpenDNS and Umbrella, NextDNS, Control D, AdGuard, CleanBrowsing
  'doh.opendns.com dns.opendns.com doh.familyshield.opendns.com doh.umbrella.com dns.umbrella.com dns.nextdns.io ' +
  'dns.controld.com freedns.controld.com adguard-dns.com dns.adguard.com dns-family.adguard.com ' +
  'dns-unfiltered.adguard.com doh.cleanbrowsing.org ' +
  // Mullvad, DNS0, CIRA, Apple, Comcast, Cox
  'dns.mullvad.net doh.mullvad.net dns0.eu private.canadianshield.cira.ca protected.canadianshield.cira.ca ' +
  'family.canadianshield.cira.ca doh.dns.apple.com doh.xfinity.com dot.xfinity.com dot.cox.net doh.cox.net ' +
  // Associations and registries
  'dns.switch.ch odvr.nic.cz dns.digitale-gesellschaft.ch doh.libredns.gr dot.libredns.gr doh.applied-privacy.net ' +
  'dot1.applied-privacy.net doh.ffmuc.net dot.ffmuc.net dnsforge.de anycast.uncensoreddns.org ' +
  'unicast.uncensoreddns.org dns.twnic.tw public.dns.iij.jp dns.njal.la ordns.he.net ' +
  // AliDNS, DNSPod, 360, DNS.SB, Yandex
  'dns.alidns.com doh.pub dot.pub doh.360.cn dot.360.cn doh.dns.sb doh.sb dot.sb common.dot.dns.yandex.net ' +
  'safe.dot.dns.yandex.net family.dot.dns.yandex.net';

/** Addresses that serve DNS and next to nothing else. */
const ADDRESSES =
  '1.1.1.1 1.0.0.1 1.1.1.2 1.0.0.2 1.1.1.3 1.0.0.3 2606:4700:4700::1111 2606:4700:4700::1001 2606:4700:4700::1112 ' +
  '2606:4700:4700::1002 2606:4700:4700::1113 2606:4700:4700::1003 ' +
  '8.8.8.8 8.8.4.4 2001:4860:4860::8888 2001:4860:4860::8844 2001:4860:4860::6464 2001:4860:4860::64 ' +
  '9.9.9.9 149.112.112.112 9.9.9.10 149.112.112.10 9.9.9.11 149.112.112.11 2620:fe::fe 2620:fe::9 2620:fe::10 ' +
  '2620:fe::fe:10 2620:fe::11 2620:fe::fe:11 ' +
  '208.67.222.222 208.67.220.220 208.67.222.123 208.67.220.123 2620:119:35::35 2620:119:53::53 ' +
  '94.140.14.14 94.140.15.15 94.140.14.15 94.140.15.16 94.140.14.140 94.140.14.141 2a10:50c0::ad1:ff ' +
  '2a10:50c0::ad2:ff 2a10:50c0::bad1:ff 2a10:50c0::bad2:ff 2a10:50c0::1:ff 2a10:50c0::2:ff ' +
  '185.228.168.9 185.228.169.9 185.228.168.10 185.228.169.11 185.228.168.168 185.228.169.168 ' +
  '76.76.2.0 76.76.10.0 76.76.2.1 76.76.10.1 76.76.2.2 76.76.10.2 76.76.2.3 76.76.10.3 ' +
  '194.242.2.2 194.242.2.3 194.242.2.4 194.242.2.5 194.242.2.6 194.242.2.9 ' +
  '223.5.5.5 223.6.6.6 2400:3200::1 2400:3200:baba::1 1.12.12.12 120.53.53.53 185.222.222.222 45.11.45.11';

export const RESOLVER_NAMES: readonly string[] = NAMES.split(' ');
const NAME_SET: ReadonlySet<string> = new Set(RESOLVER_NAMES);
const WORDS: readonly IpWords[] = ADDRESSES.split(' ').map((text) => parseIp(text)!);
const ADDRESS_SET: ReadonlySet<string> = new Set(WORDS.map((words) => formatIp(...words)));
/** For IPv4 the whole address. */
const LAST_WORDS: ReadonlySet<number> = new Set(WORDS.map((words) => words[3]));

/** In lower case, without the last dot. */
export function isResolverName(name: string, own: ReadonlySet<string> = new Set()): boolean {
  for (let rest = name.toLowerCase(); rest.includes('.'); rest = rest.slice(rest.indexOf('.') + 1)) {
    if (NAME_SET.has(rest) || own.has(rest)) return true;
  }
  return false;
}

/** In RFC 5952 form. */
export function isResolverAddress(ip: string): boolean {
  return ADDRESS_SET.has(ip);
}

export function isResolverWords([w0, w1, w2, w3]: IpWords): boolean {
  if (!LAST_WORDS.has(w3)) return false;
  return WORDS.some((words) => words[3] === w3 && words[2] === w2 && words[1] === w1 && words[0] === w0);
}
