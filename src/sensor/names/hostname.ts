/**
 * Whether a name from the wire may stand for an address. DNS names may hold any byte; host names may not (RFC 952, RFC
 * 1123 2.1), and resolver libraries refuse the rest. So a name can never look like `shop/db`, an address, or two words.
 */

/** Underscores are no letters of a host name, but are asked for and connected to in practice. */
const LABELS = /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
/** RFC 1123 2.1: the highest label has a letter, or the whole would be read as an address. */
const ADDRESS_LIKE = /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/;
/** RFC 1035 3.1: 255 octets on the wire. */
const MAX_LENGTH = 253;

/** In lower case, because clients mix cases on purpose (0x20 encoding); undefined when it is no host name. */
export function hostname(name: string): string | undefined {
  const text = name.toLowerCase();
  return text.length <= MAX_LENGTH && LABELS.test(text) && !ADDRESS_LIKE.test(text) ? text : undefined;
}
