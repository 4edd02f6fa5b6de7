/** Rules in DOCKER-USER that no packet ever meets: an operator believes in them all the same. */

import { shellWord } from '../../../model/shell.ts';
import { ruleWords } from '../../host/firewall/iptables-save.ts';
import type { Family } from '../../host/firewall/ruleset.ts';
import { defineCheck, type Verdict } from '../check.ts';
import { bridgesOf, outside } from '../lib/firewall/networks.ts';
import { isNftables, ruledFamilies } from '../lib/firewall/scope.ts';
import {
  isUserChainAsked,
  judgeUserRules,
  type Never,
  type UserRule,
  userRules,
} from '../lib/firewall/user-rules.ts';
import { FAMILY_WORDS, shown } from '../lib/firewall/words.ts';
import { HOST } from '../lib/verdicts.ts';

export default defineCheck({
  id: 'docker-user-rules',
  title: "The operator's rules in DOCKER-USER are met",
  group: 'engine',
  severity: 'medium',
  argument:
    'DOCKER-USER is where the engine asks the operator first, and who writes there relies on it. A rule that drops and is never met leaves open what somebody shut: medium. One that accepts or returns and is never met opens nothing: low.',
  needs: ['engine', 'networks', 'containers', 'firewall'],
  wants: ['settings', 'host'],
  run: ({ engine, networks, containers, firewall }, { settings, host }) => {
    const written = firewall.filter((ruleset) => userRules(ruleset).length > 0);
    if (written.length === 0) {
      return [{ outcome: 'not-applicable', objects: [], explanation: 'No rule is in DOCKER-USER.' }];
    }
    const ruled = ruledFamilies(engine, settings, firewall);
    const places = bridgesOf(networks);
    const published = containers.flatMap((container) => container.published ?? []);
    const known = host.ok ? host.value : undefined;
    const side = {
      ...{ places, published, ways: outside(networks, known), interfaces: known?.interfaces },
      addresses: [
        ...(known?.addresses ?? []),
        ...networks.flatMap(({ driver, gateways }) => (driver === 'bridge' ? gateways : [])),
      ],
    };
    return written.flatMap((ruleset): Verdict[] => {
      const family = FAMILY_WORDS[ruleset.family];
      if (!isUserChainAsked(ruleset)) {
        const rules = userRules(ruleset).map(({ rule }) => rule.text);
        const why = isNftables(engine, firewall)
          ? 'the engine speaks to nftables itself, which knows no DOCKER-USER'
          : ruled.has(ruleset.family)
            ? 'FORWARD does not lead there'
            : `the engine makes no rules for ${family}`;
        return [
          {
            outcome: 'fail',
            objects: [HOST],
            explanation: `Rules in DOCKER-USER (${family}) are ignored: ${why}.`,
            evidence: { rules: shown(rules), family },
            remedy: isNftables(engine, firewall)
              ? {
                  what: 'Write them anew in a table of your own with the hook forward, at a priority before 0 (docs.docker.com/engine/network/firewall-nftables); or set the backend back.',
                  daemonJson: JSON.stringify({ 'firewall-backend': 'iptables' }, undefined, 2),
                }
              : {
                  what: 'Start the engine again: it leads FORWARD there.',
                  commands: ['systemctl restart docker'],
                },
          },
        ];
      }
      const judged = judgeUserRules(ruleset, side);
      const dead = judged.flatMap(({ never, ...rest }) => (never === undefined ? [] : [{ ...rest, never }]));
      const alive = judged.filter(({ never }) => never === undefined);
      return [
        ...dead.map((each) => unmet(each, ruleset.family)),
        ...(alive.length === 0
          ? []
          : [
              {
                outcome: 'pass' as const,
                objects: [HOST],
                explanation: `Rules in DOCKER-USER can be met (${family}).`,
                evidence: { rules: shown(alive.map(({ rule }) => rule.text)) },
              },
            ]),
      ];
    });
  },
});

function unmet({ rule, chain, never }: UserRule & { readonly never: Never }, family: Family): Verdict {
  const { text, verdict } = rule;
  const { why, mend, meant } = never;
  const holdsBack = verdict === 'drop' || verdict === 'reject' || verdict === 'jump';
  const tool = family === 'ipv4' ? 'iptables' : 'ip6tables';
  return {
    outcome: 'fail',
    severity: holdsBack ? 'medium' : 'low',
    objects: [HOST],
    explanation: `A rule in ${chain} is never met (${FAMILY_WORDS[family]}), because ${why}: ${text}.`,
    evidence: { rule: text, because: why, family: FAMILY_WORDS[family] },
    remedy: {
      what: mend,
      // What only nft could be read from is told in nft's words, which these tools do not take.
      ...(meant === undefined || !text.startsWith('-A ')
        ? {}
        : { commands: [commandOf(tool, '-I', meant), commandOf(tool, '-D', text)] }),
    },
  };
}

/** A rule as iptables-save writes it, `-A CHAIN ...`, as a command that sh takes: comments in double quotes may hold `$(...)`. */
function commandOf(tool: string, operation: '-I' | '-D', rule: string): string {
  const [, ...words] = ruleWords(rule);
  return [tool, operation, ...words.map((word) => (word === '!' ? word : shellWord(word)))].join(' ');
}
