import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PublicFinding, parseRecord } from '../../../../src/model/serialize.ts';
import { PLACEHOLDERS, render, templateProblem } from '../../../../src/station/sinks/webhook/template.ts';
import { entryOf } from '../../support/harness.ts';
import { hostileText } from '../../support/hostile.ts';
import { finding } from '../../support/records.ts';

const publicOf = (over: Parameters<typeof finding>[1]) =>
  parseRecord(entryOf(finding(1, over)).text) as PublicFinding;

describe('a template', () => {
  it('names what it is filled with', () => {
    const template = '{severity}|{subject}|{peer}|{peer_port}|{count}|{evidence}|{attack}|{host}';

    expect(render(template, publicOf({}), 'host1', false)).toBe(
      'high|shop/db|internet 198.51.100.7|443|1|attempts=3, ports=443 8443|T1048|host1',
    );
  });

  it('leaves braces that are not names as they are', () => {
    expect(render('{"a": {"b": "{id}"}, "c": {}}', publicOf({}), 'h', true)).toBe(
      '{"a": {"b": "f-1"}, "c": {}}',
    );
  });

  it('does not look again at what it put in', () => {
    expect(render('{explanation}', publicOf({ explanation: '{host} $& $1' }), 'h', false)).toBe(
      '{host} $& $1',
    );
  });

  it('says nothing of what is not known', () => {
    expect(render('[{peer}{peer_ip}{peer_port}]', publicOf({ peers: [] }), 'h', false)).toBe('[]');
  });

  it('stays the JSON that it is, whatever a name is', () => {
    fc.assert(
      fc.property(hostileText, (name) => {
        const text = render(
          '{"a": "x {explanation}", "n": {count}}',
          publicOf({ explanation: name }),
          'h',
          true,
        );
        expect(Object.keys(JSON.parse(text))).toEqual(['a', 'n']);
      }),
    );
  });

  it('as text has no line that a name began', () => {
    expect(render('{explanation}\n', publicOf({ explanation: 'a\nb\r\u001b[0m' }), 'h', false)).toBe(
      'a\\u000ab\\u000d\\u001b[0m\n',
    );
  });

  it.each([
    ['{"a": "{id}", "n": {count}}', true, undefined],
    ['{severity}: {title}', false, undefined],
    ['{"a": {title}}', true, /not JSON/],
    ['{"a": "{titel}"}', true, /there is no \{titel\}; there are id, /],
    ['{constructor}', false, /there is no \{constructor\}/],
  ])('%s (JSON: %s) is judged before it is used', (template, isJson, problem) => {
    const found = templateProblem(template, isJson);

    if (problem === undefined) expect(found).toBeUndefined();
    else expect(found).toMatch(problem);
  });

  it('has a value for each of its names', () => {
    const text = render(PLACEHOLDERS.map((name) => `{${name}}`).join('\n'), publicOf({}), 'h', false);

    expect(text.split('\n').every((line) => line !== '' && !line.startsWith('{'))).toBe(true);
  });
});
