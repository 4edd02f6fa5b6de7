/** `README.md` of a bundle: for whoever is handed it, and may never have heard of Bridgewatch. */
import { escapeText } from '../../model/escape.ts';
import { formatMicros } from '../../model/time.ts';
import { clockText } from '../lib/output.ts';
import type { BundleSubject } from './subject.ts';

export interface ReadmeFacts {
  readonly subject: BundleSubject;
  readonly root: string;
  readonly host: string;
  readonly tool: string;
  readonly created: string;
  readonly createdBy: string;
  readonly isSigned: boolean;
}

export function readmeText({ subject, root, host, tool, created, createdBy, isSigned }: ReadmeFacts): string {
  const signed = isSigned
    ? `
It is signed. With the public key of whoever made it, from them and not from here:

    bridgewatch bundle verify ${root}.tar --key public.pem
    openssl pkeyutl -verify -rawin -pubin -inkey public.pem -in SHA256SUMS -sigfile SHA256SUMS.sig
`
    : '';
  return `# Network incident bundle

| | |
|---|---|
| about | ${subject.kind}: ${plain(subject.asked)} |
| time | ${clockText(formatMicros(subject.since))} to ${clockText(formatMicros(subject.until))} (UTC, as all times here) |
| host | ${plain(host)} |
| made | ${created} by ${plain(createdBy)} |
| with | ${plain(tool)} |

What a Bridgewatch agent recorded of this host's container networks: findings, flows, look-ups, packets, and who held which
address then. \`manifest.json\` lists every file with what it is, its size and its SHA-256; \`missing\` in it says what should be
here and is not, and why. Read that before you conclude anything from what is absent.

## Where to begin
\`report.html\` in any browser, where it is there; \`timeline.md\` for what happened in order; \`findings.ndjson\` for what was found.
\`evidence/*.pcapng\` open in Wireshark, with the containers' names in them (Edit, Preferences, Name Resolution: resolve network
addresses). Each of the \`.ndjson\` files has one JSON object a line:

    jq -r 'select(.direction == "egress") | [.start, .orig.ip, .resp.ip, .origBytes] | @tsv' flows.ndjson

\`inventory.ndjson\` has who held which address from when to when, so that an address in the packets can be named.

## Whether it is unchanged
    sha256sum -c SHA256SUMS                      # in this folder
    bridgewatch bundle verify ${root}.tar        # finds every changed byte, missing and added files
    bridgewatch bundle verify ${root}.tar --sha256 HEX

Only the last one rules out that somebody wrote all of it anew: HEX is the SHA-256 of the archive that was printed when it was
made, and must come from whoever noted it down then.
${signed}
## Whom it is for
It holds addresses, names of hosts and people's services, and where there are packets, what was said on the network, perhaps
passwords. Passwords and tokens of Bridgewatch's own configuration are left out of \`config.json\`.
`;
}

/** Names must not become markup. */
function plain(text: string): string {
  return escapeText(text, 300).replaceAll(/[\\`*_{}[\]<>#|~&]/g, (char) => `&#${char.charCodeAt(0)};`);
}
