/** The example in the documentation is what the code makes. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { reportPages } from '../../docs/generate-report.ts';

describe('docs/examples', () => {
  it('have the report as it is made now: else run `npm run docs`', async () => {
    const pages = await reportPages();

    expect(pages).toHaveLength(3);
    for (const { path, text } of pages)
      expect(readFileSync(path, 'utf8') === text, `${path.pathname} is stale`).toBe(true);
  });
});
