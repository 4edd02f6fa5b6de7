import { describe, expect, it } from 'vitest';
import { parseEnvFile } from '../../src/compose/env-file.ts';

const parsed = (text: string, shell: Readonly<Record<string, string>> = {}) =>
  Object.fromEntries(parseEnvFile(text, '.env', (name) => shell[name]));

describe('.env', () => {
  it('has a value a line, with comments, export and quotes', () => {
    expect(
      parsed(`
# a comment
A=1
export B = two words   # and a comment
C="a # b"
D='$A "x"'
E=
F=a#b
G: yaml
`),
    ).toEqual({ A: '1', B: 'two words', C: 'a # b', D: '$A "x"', E: '', F: 'a#b', G: 'yaml' });
  });

  it('has values over several lines, and what stands behind a backslash', () => {
    expect(parsed('KEY="-----\nline\n-----"\nNEXT="a\\nb\\"c\\$A"')).toEqual({
      KEY: '-----\nline\n-----',
      NEXT: 'a\nb"c$A',
    });
  });

  it('has variables, of the shell before those above', () => {
    expect(parsed(`A=1\nB=$A-\${C:-none}\nC=2`, { A: '9' })).toEqual({ A: '1', B: '9-none', C: '2' });
  });

  it('leaves a dollar that begins no variable, as passwords have it', () => {
    expect(parsed('A=pa$.word\nB="${"')).toEqual({ A: 'pa$.word', B: '${' });
  });

  it('passes a name alone on from the shell', () => {
    expect(parsed('A\nB', { A: '1' })).toEqual({ A: '1' });
  });

  it('says on which line it is none, and not what stands there', () => {
    expect(() => parsed('A=1\n= secret')).toThrow(/^\.env:2:1: no NAME=value$/);
    expect(() => parsed('A=1\nB="secret')).toThrow(
      /^\.env:2:1: the value of B begins with ", which nothing closes$/,
    );
  });
});
