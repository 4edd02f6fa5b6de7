/**
 * Docker networks and containers as capture interfaces of Wireshark: the protocol of its extcap(4) programs, spoken on
 * stdout. Wireshark asks what there is, then starts us with a FIFO to write into; a question that we do not know gets an
 * empty answer, as the protocol wants it.
 */
import { openSync } from 'node:fs';
import { workloadLabel } from '../model/network.ts';
import { SHORT_ID_LENGTH } from '../model/serialize.ts';
import { parseCount } from '../query/quantities.ts';
import { requireCapture } from '../sensor/privileges.ts';
import { streamOutput } from '../sensor/recording/output.ts';
import { version } from '../version.ts';
import { followedInventory, startRecording } from './capture/recording.ts';
import { EXIT } from './lib/exit-codes.ts';
import { reportFailure, UsageError } from './lib/failure.ts';
import { printLine } from './lib/output.ts';
import { loadSettings, type SettingsOptions } from './lib/settings.ts';

interface ExtcapOptions extends SettingsOptions {
  readonly extcapInterfaces?: boolean;
  readonly extcapDlts?: boolean;
  readonly extcapConfig?: boolean;
  readonly capture?: boolean;
  readonly extcapInterface?: string;
  readonly extcapCaptureFilter?: string;
  readonly fifo?: string;
  readonly snaplen?: string;
}

const NETWORK = 'bridgewatch.network.';
const CONTAINER = 'bridgewatch.container.';

export async function extcapCommand(options: ExtcapOptions): Promise<void> {
  if (options.extcapInterfaces === true) await listInterfaces(options);
  else if (options.extcapDlts === true) printLine('dlt {number=1}{name=EN10MB}{display=Ethernet}');
  else if (options.extcapConfig === true)
    printLine(
      'arg {number=0}{call=--snaplen}{display=Bytes kept of each packet}{tooltip=All of it when empty}{type=unsigned}{range=1,262144}',
    );
  else if (options.capture === true) await capture(options);
}

/** What a person may choose; an engine that does not answer leaves only our name, and a word on stderr. */
async function listInterfaces(options: ExtcapOptions): Promise<void> {
  printLine(`extcap {version=${version()}}{display=Docker networks and containers}`);
  const inventory = await followedInventory(loadSettings(options));
  await inventory.stop();
  for (const { id, name, internal } of sortedByName(inventory.networks()))
    tellInterface(NETWORK, id, name, `Docker network ${name}${internal ? ' (internal)' : ''}`);
  const workloads = inventory.containers().map(({ workload }) => workload);
  for (const workload of sortedByName(workloads)) {
    const { containerId, name } = workload;
    tellInterface(CONTAINER, containerId, name, `Docker container ${workloadLabel(workload)}`);
  }
}

/** Some engines take any name for a network, and labels may hold anything: one that would end its braces has its id here. */
function tellInterface(kind: string, id: string, name: string, display: string): void {
  const value = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(name) ? name : id.slice(0, SHORT_ID_LENGTH);
  printLine(`interface {value=${kind}${value}}{display=${plain(display)}}`);
}

function plain(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9_./() -]/g, '?');
}

function sortedByName<T extends { readonly name: string }>(items: readonly T[]): T[] {
  return [...items].sort((a, b) => a.name.localeCompare(b.name));
}

/** Until Wireshark closes the FIFO or ends us. */
async function capture(options: ExtcapOptions): Promise<void> {
  const { fifo, extcapCaptureFilter: filter = '', snaplen } = options;
  if (fifo === undefined) throw new UsageError('--capture needs the FIFO that Wireshark made: --fifo');
  const word = wordFor(options.extcapInterface ?? '');
  const snaplenBytes = snaplen === undefined ? undefined : parseCount(snaplen);
  const config = loadSettings(options);
  await requireCapture(config.capture.backend);
  const { recording, stop } = await startRecording(config, {
    words: [word],
    ...(filter === '' ? {} : { filter }),
    ...(snaplenBytes === undefined || snaplenBytes === 0 ? {} : { snaplenBytes }),
    output: () => streamOutput(openSync(fifo, 'w')),
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => recording.stop());
  const summary = await recording.finished;
  await stop();
  if (summary.end === 'failed') reportFailure(summary.error);
  else if (summary.end === 'interfaces-gone') process.exitCode = EXIT.world;
}

function wordFor(value: string): string {
  if (value.startsWith(NETWORK)) return `network:${value.slice(NETWORK.length)}`;
  if (value.startsWith(CONTAINER)) return `container:${value.slice(CONTAINER.length)}`;
  throw new UsageError(`"${value}" is no interface of ours: --extcap-interfaces lists them`);
}
