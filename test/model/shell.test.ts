import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { shellWord } from '../../src/model/shell.ts';

describe('shellWord', () => {
  it.each(['shop_db', 'ip:10.0.0.1', 'ghcr.io/acme/api@sha256', '--name=x', '2026-11-24T04:00:00Z'])(
    'leaves %s as it is',
    (word) => {
      expect(shellWord(word)).toBe(word);
    },
  );

  it.each(['', 'x; reboot', '$(reboot)', "it's", '~root', '=ls', '#1', '!', 'a b', 'a\nb', '`id`', '*'])(
    'quotes %j',
    (word) => {
      expect(shellWord(word)).toMatch(/^'.*'$/s);
    },
  );

  it('gives sh back any words, each as one', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 20 }), (texts) => {
        const words = texts.map((text) => text.replaceAll('\0', ''));
        const told = execFileSync('sh', ['-c', `printf '%s\\0' ${words.map(shellWord).join(' ')}`, 'sh'], {
          encoding: 'utf8',
        });
        expect(told).toBe(words.length === 0 ? '\0' : words.map((word) => `${word}\0`).join(''));
      }),
      { numRuns: 50 },
    );
  });
});
