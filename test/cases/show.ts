/** Prints the records of a case, as `bridgewatch analyze --json --flows --dns` does: `npx tsx test/cases/show.ts NAME`. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

const name = process.argv[2] ?? '';
const here = fileURLToPath(new URL('./', import.meta.url));
const { networks } = parse(readFileSync(join(here, name, 'case.yaml'), 'utf8')) as { networks?: string[] };
const folder = mkdtempSync(join(tmpdir(), 'bridgewatch-case-'));
try {
  const ready = join(here, name, 'input.pcap');
  const input = existsSync(ready) ? ready : join(folder, `${name}.pcap`);
  if (input !== ready) {
    const { make } = (await import(join(here, name, 'make.ts'))) as { make: () => Uint8Array };
    writeFileSync(input, make());
  }
  const inventory =
    networks === undefined
      ? ['--inventory', join(here, 'shop.ndjson')]
      : networks.flatMap((network) => ['--network', network]);
  const main = join(here, '../../src/cli/main.ts');
  const args = ['--import', 'tsx', main, 'analyze', input, '--json', '--flows', '--dns', ...inventory];
  execFileSync(process.execPath, args, { stdio: 'inherit' });
} finally {
  rmSync(folder, { recursive: true });
}
