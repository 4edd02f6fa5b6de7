import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The version in package.json, found from the sources and from dist alike. */
export function version(): string {
  for (let dir = dirname(fileURLToPath(import.meta.url)); ; dir = dirname(dir)) {
    try {
      const manifest = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as {
        name?: string;
        version?: string;
      };
      if (manifest.name === 'bridgewatch') return manifest.version ?? 'unknown';
    } catch {
      // Not this folder; the next one up.
    }
    if (dir === dirname(dir)) return 'unknown';
  }
}
