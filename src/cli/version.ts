import { nativeStatus } from '../../capture/open.ts';
import { escapeText } from '../model/escape.ts';
import { printableJson } from '../model/serialize.ts';
import { version } from '../version.ts';
import { printLine } from './lib/output.ts';
import type { VersionRecord } from './lib/records.ts';

/** Never fails: where there is no libpcap it says so instead. */
export function versionCommand(options: { readonly json?: boolean }): void {
  const native = nativeStatus();
  const facts: VersionRecord = {
    kind: 'version',
    bridgewatch: version(),
    node: process.versions.node,
    ...(native.available ? { libpcap: native.libpcap } : { problem: native.reason }),
  };
  if (options.json === true) {
    printLine(printableJson(facts));
    return;
  }
  printLine(`bridgewatch ${facts.bridgewatch}\nnode ${facts.node}`);
  printLine(facts.libpcap ?? `no native capture: ${escapeText(facts.problem ?? '', 1000)}`);
}
