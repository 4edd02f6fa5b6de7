/** `audit --compose FILE --format ...`: what CI sees of a Compose file. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { auditCommand } from '../../../src/cli/audit.ts';
import { sarifProblems } from '../../support/sarif-schema.ts';

const COMPOSE = `name: shop
services:
  web:
    image: nginx:1
    privileged: true
`;

describe('a Compose file, audited for CI', () => {
  let folder: string;
  let file: string;
  let stdout: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bw-audit-formats-'));
    file = join(folder, 'compose.yaml');
    writeFileSync(file, COMPOSE);
    stdout = '';
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      stdout += text;
      return true;
    });
  });
  afterEach(() => {
    vi.restoreAllMocks();
    rmSync(folder, { recursive: true });
  });

  it('is SARIF with file and line, of the project and not of the host it runs on', async () => {
    await auditCommand({ compose: [file], format: 'sarif' });
    const log = JSON.parse(stdout);
    const [run] = log.runs;
    const found = run.results.find(({ ruleId }: { ruleId: string }) => ruleId === 'privileged');

    expect(sarifProblems(log)).toEqual([]);
    expect(run.automationDetails.id).toBe('bridgewatch-audit/compose/shop/');
    expect(found.locations[0]).toEqual({
      physicalLocation: { artifactLocation: { uri: `file://${file}` }, region: { startLine: 3 } },
      logicalLocations: [{ name: 'shop/web', fullyQualifiedName: 'container/shop/web', kind: 'container' }],
    });
  });

  it('has no case for what only an engine can tell', async () => {
    await auditCommand({ compose: [file], format: 'junit' });

    expect(stdout).toContain('name="privileged: ');
    expect(stdout).toContain(`shop/web: ${file}:3`);
    expect(stdout).not.toContain('engine-tcp');
  });
});
