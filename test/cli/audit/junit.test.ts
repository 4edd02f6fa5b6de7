import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditJunit } from '../../../src/cli/audit/junit.ts';
import { auditFacts } from '../../../src/sensor/audit/audit.ts';
import { auditFacts as factsOf } from '../../sensor/audit/support.ts';
import { CHECKS, HOSTILE, sampleAudit, saying } from '../support/sample-audit.ts';

const XMLLINT = spawnSync('xmllint', ['--version']).status === 0;
if (!XMLLINT) console.warn('SKIPPED: JUnit XML read by a real parser: no xmllint (`make setup` installs it)');

describe('an audit as JUnit XML', () => {
  const xml = auditJunit(sampleAudit(), CHECKS);

  it('counts a case for each check, in a suite for each group that has some', () => {
    const lines = xml.split('\n').map((line) => line.trim());

    expect(lines[0]).toBe('<?xml version="1.0" encoding="UTF-8"?>');
    expect(lines[1]).toBe(
      '<testsuites name="bridgewatch audit" tests="5" failures="2" errors="1" skipped="1">',
    );
    expect(lines.filter((line) => line.startsWith('<testsuite '))).toEqual([
      '<testsuite name="exposure" tests="2" failures="1" errors="0" skipped="0">',
      '<testsuite name="dns" tests="2" failures="1" errors="1" skipped="0">',
      '<testsuite name="drift" tests="1" failures="0" errors="0" skipped="1">',
    ]);
  });

  it('is text that holds no character but printable ASCII', () => {
    expect(xml).toMatch(/^[\n -~]+$/);
  });

  it('leaves out no check that has no answer on the chosen network', () => {
    const none = { ...sampleAudit(), results: [] };

    expect(auditJunit(none, CHECKS).match(/<skipped/g)).toHaveLength(CHECKS.length);
  });

  describe.skipIf(!XMLLINT)('as a real parser reads it', () => {
    let folder: string;
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'bw-junit-'));
      writeFileSync(join(folder, 'audit.xml'), xml);
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    const parse = (file: string, ...options: string[]) => {
      const { status, stdout, stderr } = spawnSync('xmllint', [...options, file], { encoding: 'utf8' });
      if (status !== 0) throw new Error(stderr);
      return stdout.trim();
    };
    const xpath = (expression: string) => parse(join(folder, 'audit.xml'), '--xpath', expression);

    it('is well-formed, and nothing of a name became an element', () => {
      expect(parse(join(folder, 'audit.xml'), '--noout')).toBe('');
      expect(xpath('count(//testcase)')).toBe('5');
      expect(xpath('count(//failure)')).toBe('2');
    });

    it('says a failure with its gravest severity, whom it is about, and how to mend it', () => {
      expect(xpath('string(//testcase[starts-with(@name, "open-door: ")]/failure/@type)')).toBe('high');
      const text = xpath('string(//testcase[starts-with(@name, "open-door: ")]/failure)');
      expect(text).toMatch(/^HIGH: x\\x1b\[2J\\x00/);
      expect(text).toContain('"><failure/>]]>&amp;[go](http://evil.example){0}');
      expect(text).toContain('deploy/a file.yaml:7');
      expect(text).toMatch(/\nLOW: Ajar\.\nUNKNOWN: Dark\.\n {2}-> Make light\.$/);
      expect(text).toContain('\n  compose.yaml:\n    services:\n');
    });

    it('says unknown as an error, and nothing to look at as skipped, each with its words', () => {
      expect(xpath('string(//testcase[starts-with(@name, "blind")]/error/@message)')).toContain('Not known');
      expect(xpath('string(//skipped/@message)')).toBe('Nothing <here>.');
      expect(xpath('count(//testcase[starts-with(@name, "fine")]/*)')).toBe('0');
    });

    it('is well-formed whatever a name is made of', () => {
      const units = Array.from({ length: 0x250 }, (_, i) => String.fromCharCode(i)).join('');
      const odd = '\ud800\udc00\udfff\ufffe\uffff\u{10ffff}';
      for (const name of [HOSTILE, units, odd]) {
        const check = saying('x', {}, { outcome: 'fail', objects: [], explanation: name });
        const file = join(folder, 'hostile.xml');
        writeFileSync(file, auditJunit(auditFacts(factsOf(), [check]), [check]));

        expect(parse(file, '--noout')).toBe('');
      }
    });
  });
});
