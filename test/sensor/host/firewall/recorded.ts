/** The recorded outputs beside this file, parsed. What they are: recorded/README.md. */
import { readFileSync } from 'node:fs';
import { backendOf, parseIptablesSave } from '../../../../src/sensor/host/firewall/iptables-save.ts';
import { parseNftJson } from '../../../../src/sensor/host/firewall/nft-json.ts';
import type { Family, Rule, Ruleset } from '../../../../src/sensor/host/firewall/ruleset.ts';

export function recordedText(name: string): string {
  return readFileSync(new URL(`recorded/${name}`, import.meta.url), 'utf8');
}

export function recordedSave(name: string, family: Family = 'ipv4'): Ruleset {
  const text = recordedText(name);
  return parseIptablesSave(text, family, backendOf(text));
}

export function recordedNft(): Ruleset[] {
  return parseNftJson(recordedText('engine-29-written.json'));
}

export function rulesOf(ruleset: Ruleset, table: string, chain: string): readonly Rule[] {
  const found = ruleset.tables.find(({ name }) => name === table)?.chains.find(({ name }) => name === chain);
  if (found === undefined) throw new Error(`no chain ${chain} in ${table}`);
  return found.rules;
}
