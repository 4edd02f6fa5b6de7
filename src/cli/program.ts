/**
 * The command line: names, options and help. Each command's code is loaded only when it runs, so that help and
 * version answer at once.
 */
import { Argument, Command, Option } from 'commander';
import { version } from '../version.ts';
import { complain } from './lib/output.ts';

const EXIT_CODES = `
Exit codes:
  0   done
  1   done, and the answer is no: a check failed, a finding reached --fail-on, or nobody (or no single one) is known
  2   the command line or the configuration is wrong
  3   the world refused: no engine, no permission, no such file, a broken capture
  70  a bug in bridgewatch
`;

function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}\n`;
}

/** Quoted, because a shell takes `>` and parentheses for itself. */
const FILTER_WORDS = 'which ones, in quotes: field:value, > >= < <=, and, or, not (docs/filters.md)';

const sinceText = (usual: string) =>
  `age (15m, 24h, 7d) or time (2026-11-23 14:02, UTC) (default: ${usual}; none when the filter asks for a time)`;

const repeated = (value: string, earlier: readonly string[] = []) => [...earlier, value];

/** Commander's words: what is wrong, and perhaps `(Did you mean ...?)` below it. */
function complainOfUsage(text: string): void {
  complain(
    ...text
      .trimEnd()
      .replace(/^error: /, '')
      .split(/\n(?=\(Did you mean )/),
  );
}

const json = () => new Option('--json', 'NDJSON on stdout: one record a line, with its kind');
const config = () => new Option('-c, --config <file>', 'YAML configuration').env('BRIDGEWATCH_CONFIG');
const socket = () =>
  new Option('--socket <path>', 'Docker engine socket (default: $DOCKER_HOST, else /var/run/docker.sock)');
const db = () => new Option('--db <file>', 'database file (default: store.path of the configuration)');
const backend = () =>
  new Option('--capture-backend <name>', 'how to capture').choices(['auto', 'native', 'portable']);

export function program(): Command {
  const root = new Command('bridgewatch')
    .description('See what the containers on a Docker host really do on their networks.')
    .version(version(), '-V, --version')
    .showSuggestionAfterError()
    .configureOutput({ outputError: complainOfUsage })
    .addHelpText('after', EXIT_CODES);

  root
    .command('run')
    .description('watch this host: map networks, capture, detect, store, feed InfluxDB')
    .addOption(config())
    .addOption(socket())
    .addOption(backend())
    .addOption(db())
    .option('--single-process', 'store and send in the privileged process too, for debugging')
    .addOption(json())
    .addHelpText(
      'after',
      examples('bridgewatch run', 'bridgewatch run --config /etc/bridgewatch/config.yaml --json | jq .title'),
    )
    .action(async (options) => (await import('./run.ts')).runCommand(options));

  root
    .command('analyze')
    .description('find the same things in capture files, merged by the times of their packets')
    .argument('<path...>', 'pcap or pcapng, also gzipped; folders of them; - for stdin')
    .option(
      '--inventory <file>',
      "who held which address: an agent's database, what `map --json` or `events --json kind:lease` printed on that host, or `engine`: the one that runs here now",
    )
    .option(
      '--network <spec>',
      'NAME=CIDR[,CIDR][,internal], when there is no inventory; once for each network',
      repeated,
    )
    .option(
      '--learned <db>',
      "what an agent's detectors have learned: its database; findings depend on it then",
    )
    .option('--since <time>', 'only packets from then on: a time (2026-11-23 14:02, UTC) or an age (15m)')
    .option('--until <time>', 'only packets before then')
    .option('--filter <expression>', 'pcap-filter(7): only these packets')
    .option('--where <filter>', 'print only these findings, flows and DNS records (docs/filters.md)')
    .option('--flows', 'print the flows too')
    .option('--dns', 'print the DNS questions and answers too')
    .option('--all', 'print also each finding that a storm tells of; --json always does')
    .addOption(
      new Option('--report <form>', 'instead a report of the case (docs/report.md)').choices([
        'text',
        'markdown',
        'html',
        'ndjson',
      ]),
    )
    .option('-o, --output <file>', 'where the report goes, a new file; default: stdout')
    .addOption(
      new Option('--fail-on <severity>', 'exit 1 when a finding is at least this severe').choices([
        'informational',
        'low',
        'medium',
        'high',
        'critical',
      ]),
    )
    .addOption(config())
    .addOption(socket())
    .addOption(backend())
    .addOption(json())
    .addHelpText(
      'after',
      examples(
        'bridgewatch map --json > inventory.ndjson; bridgewatch analyze incident.pcapng --inventory inventory.ndjson',
        "bridgewatch analyze /evidence --inventory bridgewatch.db --since '2026-11-23 13:50' --until '2026-11-23 14:20'",
        'bridgewatch analyze dump.pcap.gz --network data=172.30.0.0/24,internal',
        "bridgewatch analyze dump.pcap.gz --flows --where 'dst.scope:internet bytes>1MB'",
        'bridgewatch analyze /evidence --inventory bridgewatch.db --report html -o case.html',
        'tcpdump -w - -i br-0a1b2c3d4e5f | bridgewatch analyze - --json',
      ),
    )
    .action(async (paths, options) => (await import('./analyze.ts')).analyzeCommand(paths, options));

  root
    .command('evidence')
    .description(
      'packets that were put aside: for which findings, where they are, whether they are as recorded',
    )
    .argument('[id]', 'of a finding, or of evidence, or its beginning; without one all are listed')
    .option('-w, --write <file>', 'copy its packets there, as pcapng; - for stdout')
    .option('--limit <count>', 'list so many of the newest', '100')
    .addOption(config())
    .addOption(db())
    .addOption(json())
    .addHelpText(
      'after',
      examples(
        'bridgewatch evidence',
        'bridgewatch evidence 5c1d9a03',
        'bridgewatch evidence 5c1d9a03 -w incident.pcapng',
        'ssh host bridgewatch evidence 5c1d9a03 -w - | wireshark -k -i -',
      ),
    )
    .action(async (id, options) => (await import('./evidence.ts')).evidenceCommand(id, options));

  root
    .command('capture')
    .description(
      'packets of a network, a container or a service, into a pcapng file or a pipe, with names in it',
    )
    .argument(
      '<target...>',
      'network, container or service; network:NAME, container:NAME where it could be two',
    )
    .option('-w, --write <file>', 'where to; - for stdout (default: TARGET-TIME.pcapng in this folder)')
    .option('--filter <expression>', 'pcap-filter(7): only these packets')
    .option('--for <duration>', 'end after 30s, 5m or 1h30m; default: Ctrl-C')
    .option('--count <packets>', 'end after so many')
    .option('--max-size <size>', 'end when the file is so large, as 50MB; with --rotate begin the next')
    .option('--rotate <files>', 'keep so many of the newest files')
    .option('--snaplen <bytes>', 'of each packet keep so many; default: all')
    .option(
      '--last <duration>',
      'the packets of the last 60s or 2m instead, which the running agent remembers',
    )
    .addOption(config())
    .addOption(db())
    .addOption(socket())
    .addOption(backend())
    .addOption(json())
    .addHelpText(
      'after',
      examples(
        'bridgewatch capture shop_data --for 30s',
        'bridgewatch capture shop/db -w db.pcapng --filter "tcp port 5432"',
        'bridgewatch capture shop_data -w data.pcapng --max-size 50MB --rotate 10',
        'ssh host bridgewatch capture shop/db -w - | wireshark -k -i -',
        'bridgewatch capture shop/db --last 60s -w before.pcapng',
      ),
    )
    .action(async (targets, options) => (await import('./capture.ts')).captureCommand(targets, options));

  root
    .command('extcap')
    .description(
      'Docker networks and containers as interfaces of Wireshark, which calls this (docs/capture.md)',
    )
    .option('--extcap-interfaces', 'list them')
    .option('--extcap-interface <name>', 'which one')
    .option('--extcap-dlts', 'its link type')
    .option('--extcap-config', 'its options')
    .option('--capture', 'write its packets')
    .option('--extcap-capture-filter <expression>', 'pcap-filter(7)')
    .option('--fifo <path>', 'where to')
    .option('--snaplen <bytes>', 'of each packet keep so many')
    .option('--extcap-version <version>', 'of Wireshark')
    .addOption(config())
    .addOption(socket())
    .addOption(backend())
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText('after', examples('bridgewatch extcap --extcap-interfaces'))
    .action(async (options) => (await import('./extcap.ts')).extcapCommand(options));

  root
    .command('map')
    .description('networks, their bridges, and who is on them; or who talks with whom there')
    .option('--edges', 'who talked with whom of late, from the database')
    .option('--watch', 'the same again and again, until Ctrl-C; records where stdout is no terminal')
    .option('--since <time>', 'edges: how much of the past, as age or time (default: 60s)')
    .addOption(config())
    .addOption(socket())
    .addOption(db())
    .addOption(json())
    .addHelpText(
      'after',
      examples(
        'bridgewatch map',
        'bridgewatch map --json > inventory.ndjson',
        'bridgewatch map --watch',
        'bridgewatch map --edges --since 15m --json | jq -r .resp',
      ),
    )
    .action(async (options) => (await import('./map.ts')).mapCommand(options));

  root
    .command('events')
    .description('findings, and what the agent could not see, from the database')
    .argument('[filter...]', FILTER_WORDS)
    .option('-f, --follow', 'go on as they come')
    .option('--since <time>', sinceText('24h'))
    .option('--until <time>', 'age or time; not included')
    .addOption(
      new Option('--severity <least>', 'at least this severe').choices([
        'informational',
        'low',
        'medium',
        'high',
        'critical',
      ]),
    )
    .option('--analyzer <id>', 'only from this analyzer')
    .option('--network <name>', 'only on this network')
    .option('--workload <name>', 'only about this workload (shop/db) or this container')
    .option('--all', 'also inventory changes, coverage, losses and refused routes')
    .option('--limit <count>', 'the newest so many', '100')
    .addOption(config())
    .addOption(db())
    .addOption(json())
    .addHelpText(
      'after',
      examples(
        'bridgewatch events --since 1h --severity high',
        "bridgewatch events 'severity>=high and subject.project:shop and not status:closed'",
        "bridgewatch events --all --since 7d 'kind:spoof or peer.ip:198.51.100.0/24'",
        "bridgewatch events --since '2026-11-22 22:00' --until 8h --all",
        'bridgewatch events --follow --json | jq .explanation',
      ),
    )
    .action(async (words, options) => (await import('./events.ts')).eventsCommand(words, options));

  root
    .command('ack')
    .description('say that you are on a finding: its updates wake nobody, until it closes or grows graver')
    .argument('<id...>', 'ids of findings, or their beginnings')
    .option('--note <text>', 'a line for who reads it later')
    .addOption(config())
    .addOption(db())
    .addOption(json())
    .addHelpText('after', examples("bridgewatch ack 5c1d9a03 --note 'looking, alice'"))
    .action(async (ids, options) => (await import('./decide.ts')).ackCommand(ids, options));

  root
    .command('unack')
    .description('take that back')
    .argument('<id...>', 'ids of findings, or their beginnings')
    .option('--note <text>', 'a line for who reads it later')
    .addOption(config())
    .addOption(db())
    .addOption(json())
    .addHelpText('after', examples('bridgewatch unack 5c1d9a03'))
    .action(async (ids, options) => (await import('./decide.ts')).unackCommand(ids, options));

  root
    .command('mute')
    .description('have findings recorded, and nobody told of them')
    .argument('[id]', 'a finding, and every later one of the same analyzer and key')
    .option('--where <filter>', 'or all that a filter describes (docs/filters.md)')
    .requiredOption('--reason <text>', 'why; it stands in each of them')
    .option('--for <duration>', 'for how long: 12h, 7d, 2w')
    .option('--until <time>', 'or until when: a day (UTC), or a moment')
    .option('--forever', 'or until it is unmuted')
    .addOption(config())
    .addOption(db())
    .addOption(json())
    .addHelpText(
      'after',
      examples(
        "bridgewatch mute 5c1d9a03 --reason 'backup host' --forever",
        "bridgewatch mute --where 'analyzer:port-scan subject.project:monitoring' --reason 'nightly scan' --for 7d",
      ),
    )
    .action(async (id, options) => (await import('./decide.ts')).muteCommand(id, options));

  root
    .command('unmute')
    .description('have them told again')
    .argument('<id...>', 'mutes (as `mutes` lists them), or findings')
    .option('--note <text>', 'a line for who reads it later')
    .addOption(config())
    .addOption(db())
    .addOption(json())
    .addHelpText('after', examples('bridgewatch unmute m-3f2a91c0', 'bridgewatch unmute 5c1d9a03'))
    .action(async (ids, options) => (await import('./decide.ts')).unmuteCommand(ids, options));

  root
    .command('mutes')
    .description('which mutes hold, why, and for how long')
    .addOption(config())
    .addOption(db())
    .addOption(json())
    .addHelpText(
      'after',
      examples('bridgewatch mutes', "bridgewatch events --all --since 30d 'kind:decision'"),
    )
    .action(async (options) => (await import('./decide.ts')).mutesCommand(options));

  root
    .command('flows')
    .description('who talked to whom, from the database')
    .argument('[filter...]', FILTER_WORDS)
    .option('--since <time>', sinceText('1h'))
    .option('--until <time>', 'age or time; not included')
    .option('--network <name>', 'only on this network')
    .option('--workload <name>', 'only with this workload (shop/db) at either end')
    .option('--limit <count>', 'the newest so many', '100')
    .option('--by <fields>', 'sums instead, by fields of a filter, src, dst, minute, hour or day')
    .option(
      '--sum <what>',
      'bytes, bytes.out, bytes.in, packets, packets.out, packets.in, flows (default: bytes)',
    )
    .option('--sort <what>', 'the largest of that first (default: the first of --sum)')
    .option('--top <count>', 'with --by: so many groups, and one line for the others (default: 20)')
    .option('--explain', 'with --by: say how the answer came to be')
    .addOption(config())
    .addOption(db())
    .addOption(json())
    .option('--csv', 'CSV with a line of titles (RFC 4180)')
    .addHelpText(
      'after',
      examples(
        'bridgewatch flows shop/db --since 15m',
        "bridgewatch flows 'network:data and dst.scope:internet and bytes>1MB'",
        "bridgewatch flows 'project:shop port:(80 or 443) not direction:egress start>-2d'",
        "bridgewatch flows 'src.ip:172.30.0.0/16 (service:postgresql or portHint:postgresql)'",
        'bridgewatch flows --network shop_data --limit 1000 --json',
        "bridgewatch flows 'network:data and direction:egress' --by src.service,dst.name --top 20 --since 24h",
        'bridgewatch flows --by src,dst --sum bytes,packets --since 7d --csv > talkers.csv',
      ),
    )
    .action(async (words, options) => (await import('./flows.ts')).flowsCommand(words, options));

  root
    .command('dns')
    .description('which names were asked for, by whom, and what the answer was, from the database')
    .argument('[filter...]', FILTER_WORDS)
    .option('-f, --follow', 'go on as they come')
    .option('--since <time>', sinceText('1h'))
    .option('--until <time>', 'age or time; not included')
    .option('--network <name>', 'only on this network; of a look-up seen in its container: any that it is on')
    .option('--workload <name>', 'only with this workload (shop/db): who asked, or was asked')
    .addOption(
      new Option('--by <what>', 'sums instead, the most asked first').choices([
        'container',
        'name',
        'zone',
        'resolver',
      ]),
    )
    .option('--limit <count>', 'the newest so many; with --by the most asked', '100')
    .addOption(config())
    .addOption(db())
    .addOption(json())
    .addHelpText(
      'after',
      examples(
        'bridgewatch dns --workload shop/api --since 15m',
        "bridgewatch dns 'query:*.example.com not qtype:(A or AAAA)'",
        "bridgewatch dns 'answered:false or rtt>500ms' --follow",
        "bridgewatch dns 'client.project:shop answer:10.0.0.0/8 internal:true' --since 7d",
        'bridgewatch dns --by container --since 24h',
        "bridgewatch dns --by zone 'client.container:shop/api' --limit 10",
        'bridgewatch dns rcode:NXDOMAIN --json | jq -r .query',
      ),
    )
    .action(async (words, options) => (await import('./dns.ts')).dnsCommand(words, options));

  root
    .command('who')
    .description('who held an address then, from the database')
    .argument('[address]', 'IPv4, IPv6 or MAC address; or a container (shop/db, its name, its id)')
    .option('--at <time>', 'age (15m, 24h, 7d) or time (2026-11-23 14:02, UTC); default: now')
    .option('--network <name>', 'only on this network')
    .option('--flow <uid>', 'both ends of this stored flow instead, as the leases have them')
    .addOption(config())
    .addOption(db())
    .addOption(json())
    .addHelpText(
      'after',
      examples(
        'bridgewatch who 172.19.0.3',
        "bridgewatch who 172.19.0.3 --at '2026-11-22 03:07' --network shop_data",
        'bridgewatch who 02:42:ac:13:00:03 --at 2h',
        'bridgewatch who shop/db --json | jq -r .ips[]',
        'bridgewatch who --flow 1x3k9',
      ),
    )
    .action(async (address, options) => (await import('./who.ts')).whoCommand(address, options));

  root
    .command('timeline')
    .description(
      'what happened, in order: findings, containers, first and last flows, look-ups, from the database',
    )
    .argument('[subject...]', 'a container, a network, an address, any filter, or the id of a finding')
    .option('--since <time>', sinceText('24h; around a finding 10 minutes before and after'))
    .option('--until <time>', 'age or time; not included')
    .option('--no-talks', 'without flows and look-ups')
    .option('--limit <count>', 'the newest so many', '1000')
    .option('--markdown', 'a table for a report')
    .addOption(config())
    .addOption(db())
    .addOption(json())
    .addHelpText(
      'after',
      examples(
        'bridgewatch timeline shop/db --since 2h',
        'bridgewatch timeline 5c1d9a03b2e4f611 --markdown > incident.md',
        "bridgewatch timeline 'network:shop_data' --since '2026-11-22 22:00' --until 8h",
        'bridgewatch timeline --no-talks --since 7d',
      ),
    )
    .action(async (words, options) => (await import('./timeline.ts')).timelineCommand(words, options));

  const bundle = root
    .command('bundle')
    .description(
      'all that is recorded of a finding, a subject or a moment, with its packets, in one archive to hand on',
    )
    .argument('<what...>', 'a finding, a container, a network, an address, any filter, or a time')
    .option(
      '-o, --output <file>',
      'where to; - for stdout (default: bridgewatch-WHAT-TIME.tar in this folder)',
    )
    .option('--since <time>', 'age or time (default: around what is asked for; of a subject: 24h)')
    .option('--until <time>', 'age or time; not included')
    .option('--around <duration>', 'so much before and after a finding or a time', '10m')
    .option('--no-packets', 'without the packets that were put aside')
    .option('--max-bytes <size>', 'of the archive; what is least valuable is cut, and that is said', '1GiB')
    .option('--sign-key <file>', 'sign it with this Ed25519 key (PEM)')
    .addOption(config())
    .addOption(db())
    .addOption(json())
    .addHelpText(
      'after',
      examples(
        'bridgewatch bundle 5c1d9a03',
        'bridgewatch bundle shop/db --since 2h -o /mnt/case-17/shop-db.tar',
        "bridgewatch bundle '2026-11-23 14:02' --around 30m --no-packets",
        'ssh host bridgewatch bundle 5c1d9a03 -o - > case-17.tar',
      ),
    )
    .action(async (words, options) => (await import('./bundle.ts')).bundleCommand(words, options));

  bundle
    .command('verify')
    .description('whether a bundle, or the folder that came out of it, is what was written')
    .argument('<file>', 'the archive, its folder, or - for stdin')
    .option('--sha256 <hex>', 'as it was noted down when the bundle was made')
    .option('--key <file>', 'the public key (PEM) of whoever should have signed it')
    .addOption(json())
    .addHelpText(
      'after',
      examples(
        'bridgewatch bundle verify case-17.tar --sha256 "$(cat case-17.sha256)"',
        'bridgewatch bundle verify case-17.tar --key alice.pem',
        'bridgewatch bundle verify bridgewatch-5c1d9a03b2e4f611-20261123T140207Z/ --json',
      ),
    )
    .action(async (path, _, command) =>
      (await import('./bundle/verify.ts')).bundleVerifyCommand(path, command.optsWithGlobals()),
    );

  root
    .command('learned')
    .description('what the detectors have learned, from the database')
    .argument('[service]', 'a service (shop/db): whom it talks to, as far as that is known')
    .option('--analyzer <id>', 'only of this analyzer')
    .addOption(config())
    .addOption(db())
    .addOption(json())
    .addHelpText(
      'after',
      examples(
        'bridgewatch learned',
        'bridgewatch learned shop/db',
        `bridgewatch learned --json | jq -r 'select(.state == "discover") | .service'`,
      ),
    )
    .action(async (service, options) => (await import('./learned.ts')).learnedCommand(service, options));

  root
    .command('doctor')
    .description('what this machine lets the agent see, and what it does not')
    .addOption(new Option('--health', 'only whether the running agent is alive (the image uses it)'))
    .addOption(config())
    .addOption(socket())
    .addOption(backend())
    .addOption(db())
    .addOption(json())
    .addHelpText('after', examples('bridgewatch doctor', 'bridgewatch doctor --json'))
    .action(async (options) => (await import('./doctor.ts')).doctorCommand(options));

  root
    .command('audit')
    .description(
      'what of this host, its engine and its containers is not as safe as it could be, and how to mend it',
    )
    .option('--network <name>', 'only what counts against this network')
    .option('--check <id>', 'only this check; once for each (docs/audit)', repeated)
    .addOption(
      new Option('--fail-on <severity>', 'exit 1 when a check fails that is at least this severe').choices([
        'informational',
        'low',
        'medium',
        'high',
        'critical',
      ]),
    )
    .addOption(
      new Option(
        '--compose <file...>',
        'instead Compose files before they are deployed, with no engine: in the order in which they are merged, or their folder (docs/compose.md)',
      ).conflicts(['save', 'against', 'socket', 'db', 'history']),
    )
    .option('--profile <name>', 'of --compose: this profile too; once for each; "*": all', repeated)
    .option('--project-name <name>', 'of --compose: the name of the project')
    .option('--env-file <file>', 'of --compose: variables, instead of .env; once for each', repeated)
    .option('--history <time>', 'how long must have been watched until silence counts (default: 7d)')
    .option('--save <file>', 'keep how networks and containers are configured, to compare with later')
    .option('--against <file>', 'compare with what --save kept (check baseline-drift)')
    .addOption(
      new Option('--format <form>', 'text; json, as --json; sarif 2.1.0; junit')
        .choices(['text', 'json', 'sarif', 'junit'])
        .conflicts('json'),
    )
    .addOption(config())
    .addOption(socket())
    .addOption(db())
    .addOption(json())
    .addHelpText(
      'after',
      examples(
        'bridgewatch audit',
        'bridgewatch audit --network shop_data',
        'bridgewatch audit --check engine-tcp --check published-sensitive-port --fail-on high',
        'bridgewatch audit --against state.json --save state.json',
        'bridgewatch audit --compose compose.yaml --fail-on medium',
        'bridgewatch audit --format sarif > audit.sarif',
        'bridgewatch audit --json | jq -r \'select(.outcome == "fail") | .explanation\'',
      ),
    )
    .action(async (options) => (await import('./audit.ts')).auditCommand(options));

  root
    .command('influx')
    .description('InfluxDB: what is written there, making it ready, and asking how it is')
    .addArgument(
      new Argument(
        '<action>',
        'schema: measurements, tags, fields; init: make what is missing; check',
      ).choices(['schema', 'init', 'check']),
    )
    .option('--continuous-queries', 'init: also traffic per 5 minutes and per hour, kept for longer (1.x)')
    .option('--backfill <since>', 'init: compute these for what is there already, as 7d or a time')
    .option('--dry-run', 'init: only say what it would do')
    .addOption(config())
    .addOption(json())
    .addHelpText(
      'after',
      examples(
        'bridgewatch influx schema',
        'bridgewatch influx init --continuous-queries --dry-run',
        'bridgewatch influx init --continuous-queries --backfill 7d',
        'bridgewatch influx check --json',
      ),
    )
    .action(async (action, options) => (await import('./influx.ts')).influxCommand(action, options));

  root
    .command('check-config')
    .description('check a configuration without using it')
    .argument('[file]', 'YAML configuration (default: --config, else environment only)')
    .addOption(config())
    .addOption(json())
    .addHelpText('after', examples('bridgewatch check-config /etc/bridgewatch/config.yaml'))
    .action(async (file, options) => (await import('./check-config.ts')).checkConfigCommand(file, options));

  root
    .command('version')
    .description('versions of bridgewatch, its binding and libpcap')
    .addOption(json())
    .addHelpText('after', examples('bridgewatch version', 'bridgewatch version --json'))
    .action(async (options) => (await import('./version.ts')).versionCommand(options));

  root
    .command('station', { hidden: true })
    .description('the unprivileged process of `run`, which starts it')
    .action(async () => (await import('./station.ts')).stationCommand());

  for (const command of [root, ...root.commands, ...bundle.commands]) command.exitOverride();
  return root;
}

/** Those that people call; one is between processes. */
export function documentedCommands(root: Command): readonly Command[] {
  const visible = root.createHelp().visibleCommands(root);
  return root.commands.filter((command) => visible.includes(command));
}
