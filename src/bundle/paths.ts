/** Which names files may have in a bundle: those that no file system and no shell takes for anything else. */

/** What a ustar header has room for, a NUL behind it. */
export const MAX_PATH_CHARS = 99;

const SAFE = /^[A-Za-z0-9_][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_][A-Za-z0-9._-]*)*$/;

/** Relative, without `..`, hidden files, blanks or anything that a terminal acts on. */
export function isSafePath(path: string): boolean {
  return path.length <= MAX_PATH_CHARS && SAFE.test(path);
}

/** The same, of a single file or folder. */
export function isSafeName(name: string): boolean {
  return isSafePath(name) && !name.includes('/');
}

/** Of a foreign name what a path may hold: `shop/db (1)` becomes `shop-db-1`. */
export function safeName(name: string, maxChars = 60): string {
  const kept = name
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[.-]+/, '')
    .slice(0, maxChars)
    .replace(/[.-]+$/, '');
  return kept === '' ? 'unnamed' : kept;
}
