/** Addresses of whoever knocks, and the `Host` header that they send: who is this machine, and who is meant. */

/** Without the prefix by which IPv4 shows on a socket that takes both. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d{1,3}\.)/i, '').replace(/%.*$/, '');
}

export function isLoopback(address: string): boolean {
  const plain = plainAddress(address);
  return plain === '::1' || /^127(?:\.\d{1,3}){3}$/.test(plain);
}

const HOST = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9_](?:[a-z0-9._-]{0,252}))(?::\d{1,5})?$/;

/** The name or address in a `Host` header, lower case, without brackets and port; undefined when it is malformed. */
export function hostName(header: string): string | undefined {
  const name = HOST.exec(header.toLowerCase())?.[1];
  return name?.replace(/^\[|\]$|\.$/g, '');
}

/** Whose limits: an IPv6 network counts as one, because each of its hosts has 2^64 addresses. */
export function limitKey(address: string): string {
  const plain = plainAddress(address);
  if (!plain.includes(':')) return plain;
  const [head = '', tail = ''] = plain.split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail === '' ? [] : tail.split(':');
  const zeros = plain.includes('::')
    ? Array<string>(Math.max(0, 8 - front.length - back.length)).fill('0')
    : [];
  return `${[...front, ...zeros, ...back].slice(0, 4).join(':')}::/64`;
}
