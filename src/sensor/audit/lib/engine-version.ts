/** Versions of the engine: three numbers count. What a distribution adds behind them (`+dfsg1`) may hide a fix. */

type Numbers = readonly [major: number, minor: number, patch: number];

/** Undefined for what is no version, as of a build from a branch. */
export function versionNumbers(version: string): Numbers | undefined {
  const match = /^v?(\d+)\.(\d+)(?:\.(\d+))?/.exec(version);
  return match === null ? undefined : [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
}

/** Undefined where the version cannot be read. A release candidate counts as its release. */
export function isAtLeast(version: string, least: string): boolean | undefined {
  const [a, b] = [versionNumbers(version), versionNumbers(least)];
  if (a === undefined || b === undefined) return undefined;
  for (const i of [0, 1, 2] as const) if (a[i] !== b[i]) return a[i] > b[i];
  return true;
}

/** `20.10.24+dfsg1`: Debian and others mend old versions without a new number. */
export function isDistributions(version: string): boolean {
  return /\+dfsg|[-+~](?:ubuntu|deb|fc|el)\d*/i.test(version);
}
