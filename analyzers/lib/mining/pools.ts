/**
 * Domains under which public mining pools and their kin are reached, as far as they are widely known. Support and no
 * more: a pool's web page has the same domain as its servers.
 */

export const POOL_DOMAINS: ReadonlySet<string> = new Set([
  '2miners.com',
  'antpool.com',
  'binance-pool.com',
  'braiins.com',
  'c3pool.com',
  'c3pool.org',
  'ethermine.org',
  'f2pool.com',
  'flexpool.io',
  'flypool.org',
  'hashvault.pro',
  'herominers.com',
  'k1pool.com',
  'kryptex.network',
  'minergate.com',
  'minexmr.com',
  'mining-dutch.nl',
  'miningpoolhub.com',
  'moneroocean.stream',
  'monerohash.com',
  'nanopool.org',
  'nicehash.com',
  'poolin.com',
  'prohashing.com',
  'ravenminer.com',
  'rplant.xyz',
  'skypool.org',
  'slushpool.com',
  'solopool.org',
  'supportxmr.com',
  'unmineable.com',
  'unmineable.org',
  'viabtc.io',
  'viabtc.top',
  'woolypooly.com',
  'xmrpool.eu',
  'zergpool.com',
  'zpool.ca',
]);

/** The name itself or one below it; in presentation form, in either case. */
export function isPoolName(name: string, extra: ReadonlySet<string>): boolean {
  let rest = name.toLowerCase();
  if (rest.endsWith('.')) rest = rest.slice(0, -1);
  for (;;) {
    if (POOL_DOMAINS.has(rest) || extra.has(rest)) return true;
    const dot = rest.indexOf('.');
    if (dot < 0) return false;
    rest = rest.slice(dot + 1);
  }
}
