/**
 * The command line: names, options and help. Each command's code is loaded only when it runs, so that help and
 * version answer at once.
 */
import { Command, Option } from 'commander';
import { version } from '../version.ts';
import { complain } from './output.ts';

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
    .description('find the same things in a capture file')
    .argument('<file>', 'pcap or pcapng, also gzipped; - for stdin')
    .option('--inventory <file>', 'what `bridgewatch map --json` printed on that host')
    .option(
      '--network <spec>',
      'NAME=CIDR[,CIDR][,internal], when there is no inventory; once for each network',
      repeated,
    )
    .option(
      '--learned <db>',
      "what an agent's detectors have learned: its database; findings depend on it then",
    )
    .option('--filter <expression>', 'pcap-filter(7): only these packets')
    .option('--where <filter>', 'print only these findings, flows and DNS records (docs/filters.md)')
    .option('--flows', 'print the flows too')
    .option('--dns', 'print the DNS questions and answers too')
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
    .addOption(backend())
    .addOption(json())
    .addHelpText(
      'after',
      examples(
        'bridgewatch map --json > inventory.ndjson; bridgewatch analyze incident.pcapng --inventory inventory.ndjson',
        'bridgewatch analyze dump.pcap.gz --network data=172.30.0.0/24,internal',
        "bridgewatch analyze dump.pcap.gz --flows --where 'dst.scope:internet bytes>1MB'",
        'tcpdump -w - -i br-0a1b2c3d4e5f | bridgewatch analyze - --json',
      ),
    )
    .action(async (file, options) => (await import('./analyze.ts')).analyzeCommand(file, options));

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
    .command('flows')
    .description('who talked to whom, from the database')
    .argument('[filter...]', FILTER_WORDS)
    .option('--since <time>', sinceText('1h'))
    .option('--until <time>', 'age or time; not included')
    .option('--network <name>', 'only on this network')
    .option('--workload <name>', 'only with this workload (shop/db) at either end')
    .option('--limit <count>', 'the newest so many', '100')
    .addOption(config())
    .addOption(db())
    .addOption(json())
    .addHelpText(
      'after',
      examples(
        'bridgewatch flows shop/db --since 15m',
        "bridgewatch flows 'network:data and dst.scope:internet and bytes>1MB'",
        "bridgewatch flows 'project:shop port:(80 or 443) not direction:egress start>-2d'",
        "bridgewatch flows 'src.ip:172.30.0.0/16 (service:postgresql or portHint:postgresql)'",
        'bridgewatch flows --network shop_data --limit 1000 --json',
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

  for (const command of [root, ...root.commands]) command.exitOverride();
  return root;
}

/** Those that people call; one is between processes. */
export function documentedCommands(root: Command): readonly Command[] {
  const visible = root.createHelp().visibleCommands(root);
  return root.commands.filter((command) => visible.includes(command));
}
