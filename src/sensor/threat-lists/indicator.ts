/**
 * From one value of a list to what can be seen of it in traffic. Strict: what is not surely understood is not taken,
 * because somebody would be accused by it. Values are hostile text.
 */
import { domainToASCII } from 'node:url';
import { type IpWords, parseCidr, parseIp } from '../../model/ip.ts';
import { hostname } from '../names/hostname.ts';

export type Indicator =
  | { readonly kind: 'address'; readonly base: IpWords; readonly prefixBits: number; readonly port?: number }
  | {
      readonly kind: 'name';
      readonly name: string;
      /** It itself, what is below it, or both. */
      readonly self: boolean;
      readonly below: boolean;
      /** The list names a page on that host; only the host can be seen. */
      readonly isUrl: boolean;
      readonly port?: number;
    };

/** What the list says about the value; `any` where it says nothing. A `host` means itself only. */
export type ValueType = 'any' | 'address' | 'domain' | 'host' | 'url';

/** RFC 1035 3.1, and a port, and a path that is not looked at. */
const MAX_CHARS = 8192;
const ALL_BITS = 128;

/** Undefined when it is not understood. */
export function parseIndicator(text: string, type: ValueType = 'any'): Indicator | undefined {
  const value = refanged(text.trim());
  if (value === '' || value.length > MAX_CHARS) return undefined;
  if (value.includes('://')) return type === 'any' || type === 'url' ? urlIndicator(value) : undefined;
  if (type === 'url') return urlIndicator(`http://${value}`);
  const address = addressIndicator(value);
  if (address !== undefined || type === 'address') return address;
  return nameIndicator(value, type);
}

/** Lists for reading write `hxxp` and `198.51.100[.]7`, so that nobody clicks. */
function refanged(text: string): string {
  const dotted = text.includes('[.]') ? text.replaceAll('[.]', '.') : text;
  return /^hxxps?:/.test(dotted) ? `http${dotted.slice(4)}` : dotted;
}

function addressIndicator(value: string): Indicator | undefined {
  if (value.includes('/')) {
    const cidr = parseCidr(value);
    return cidr === undefined ? undefined : { kind: 'address', base: cidr.base, prefixBits: cidr.prefixBits };
  }
  const base = parseIp(value);
  if (base !== undefined) return { kind: 'address', base, prefixBits: ALL_BITS };
  const split = hostAndPort(value);
  if (split?.port === undefined) return undefined;
  const words = parseIp(split.host);
  return words === undefined
    ? undefined
    : { kind: 'address', base: words, prefixBits: ALL_BITS, port: split.port };
}

function nameIndicator(value: string, type: ValueType): Indicator | undefined {
  // As filters for browsers write a domain: `||bad.example^`.
  const plain = value.startsWith('||') && value.endsWith('^') ? value.slice(2, -1) : value;
  const split = hostAndPort(plain);
  const host = split?.host ?? plain;
  const port = split?.port === undefined ? {} : { port: split.port };
  if (host.startsWith('*.')) return named(host.slice(2), { self: false, below: true, isUrl: false, ...port });
  const bare = host.startsWith('.') ? host.slice(1) : host;
  return named(bare, { self: true, below: type !== 'host', isUrl: false, ...port });
}

function urlIndicator(value: string): Indicator | undefined {
  const begin = value.indexOf('://') + 3;
  const rest = value.slice(begin);
  const end = rest.search(/[/?#\\]/);
  const authority = end < 0 ? rest : rest.slice(0, end);
  const isPage = end >= 0 && !/^\/?$/.test(rest.slice(end));
  const split = hostAndPort(authority.slice(authority.lastIndexOf('@') + 1));
  if (split === undefined) return undefined;
  const port = split.port === undefined ? {} : { port: split.port };
  const base = parseIp(split.host);
  if (base !== undefined) return { kind: 'address', base, prefixBits: ALL_BITS, ...port };
  return named(split.host, { self: true, below: false, isUrl: isPage, ...port });
}

function named(
  text: string,
  facts: { self: boolean; below: boolean; isUrl: boolean; port?: number },
): Indicator | undefined {
  const bare = text.endsWith('.') ? text.slice(0, -1) : text;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is meant.
  const ascii = /^[\x00-\x7f]*$/.test(bare) ? bare : domainToASCII(bare);
  const name = hostname(ascii);
  return name?.includes('.') === true ? { kind: 'name', name, ...facts } : undefined;
}

/** `[2001:db8::7]:443`, `198.51.100.7:443`, `bad.example`; undefined where it is none of them. */
function hostAndPort(text: string): { readonly host: string; readonly port?: number } | undefined {
  if (text.startsWith('[')) {
    const close = text.indexOf(']');
    if (close < 0) return undefined;
    const host = text.slice(1, close);
    if (!host.includes(':')) return undefined;
    if (close === text.length - 1) return { host };
    const port = text[close + 1] === ':' ? portOf(text.slice(close + 2)) : undefined;
    return port === undefined ? undefined : { host, port };
  }
  const colon = text.indexOf(':');
  if (colon < 0) return { host: text };
  const port = portOf(text.slice(colon + 1));
  return port === undefined ? undefined : { host: text.slice(0, colon), port };
}

export function portOf(text: string): number | undefined {
  if (!/^[1-9]\d{0,4}$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 0xffff ? port : undefined;
}
