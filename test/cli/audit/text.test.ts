/** The report for a person, as far as it depends on what was asked for and what is not known. */
import { describe, expect, it } from 'vitest';
import { auditText } from '../../../src/cli/audit/text.ts';
import { auditFacts } from '../../../src/sensor/audit/audit.ts';
import { checks } from '../../../src/sensor/audit/checks.ts';
import * as some from '../../sensor/audit/support.ts';
import { talk } from '../../sensor/audit/talks.ts';

const web = some.container('web', { networks: ['front'], published: [some.port('0.0.0.0', 8080, 80)] });
const other = some.container('other', { networks: ['front'], capDrop: ['ALL'] });

function report(facts: some.SomeFacts, ...ids: readonly string[]): string {
  const chosen = ids.length === 0 ? checks : checks.filter(({ id }) => ids.includes(id));
  const all = { containers: [web, other], networks: [some.network('front')], ...facts };
  return auditText(auditFacts(some.auditFacts(all), chosen), chosen);
}

describe('the report of an audit', () => {
  it('says what is right in a line, and spells it out for whoever asks for a check by name', () => {
    const traffic = some.history({ talks: [talk()] });

    expect(report({ traffic })).toMatch(/\n== right: \d+\n\n[^=]*published-reached/);
    expect(report({ traffic }, 'published-reached')).toContain(
      '\n== right\n\npublished-reached\n    web was reached from the Internet by 198.51.100.7 (3 flows, 2.0 KiB)',
    );
    expect(report({}, 'published-reached')).toContain(
      '\n== nothing here that they are about\n\npublished-reached\n',
    );
  });

  it('names whom a sentence is about that names nobody', () => {
    expect(report({}, 'net-raw')).toMatch(/\n== right\n\nnet-raw\n {4}.*\n {7}other/);
  });

  it('names whom a reason keeps from an answer, once, and no more than a few', () => {
    const many = Array.from({ length: 9 }, (_, i) => ({
      ...web,
      id: `id-${i}`,
      name: `w${i}`,
      label: `w${i}`,
    }));
    const told = report({ containers: many, traffic: some.history({ watchedSecs: 60 }) }, 'published-unused');

    expect(told).toContain('\n       w0, w1, w2, w3, w4 and 4 more\n    -> Let the agent run');
  });

  it('tells once why all checks that read flows do not know, where no agent ever ran', () => {
    const told = report({ traffic: undefined });
    const because = `the flows that the agent has stored: ${some.REASON}.`;

    expect(told.split(because)).toHaveLength(2);
    expect(told).toContain('\npublished-unused, unused-membership, published-reached\n    Not known: ');
  });
});
