import { libpcapVersion, nativeBindingProblem } from '../../capture/native/index.ts';
import { printableJson } from '../model/serialize.ts';
import { version } from '../version.ts';
import { printLine } from './output.ts';

export function versionCommand(options: { readonly json?: boolean }): void {
  const facts = {
    kind: 'version',
    bridgewatch: version(),
    node: process.versions.node,
    libpcap: nativeBindingProblem()?.message ?? libpcapVersion(),
  };
  if (options.json === true) printLine(printableJson(facts));
  else printLine(`bridgewatch ${facts.bridgewatch}\nnode ${facts.node}\n${facts.libpcap}`);
}
