/** What made the bundle, and on what: versions, from what is at hand and without asking anybody. */
import { readFileSync } from 'node:fs';
import { arch, release, type } from 'node:os';
import { nativeStatus } from '../../../capture/open.ts';
import { type PublicOf, parseRecord } from '../../model/serialize.ts';
import type { StoreReader } from '../../station/store/reader.ts';
import { version } from '../../version.ts';

export interface Versions {
  readonly bridgewatch: string;
  readonly node: string;
  /** Absent where no native capture is built. */
  readonly libpcap?: string;
  readonly kernel: string;
  readonly architecture: string;
  /** As /etc/os-release names it; absent where there is none. */
  readonly system?: string;
  /** Of the Docker engine, as it was recorded last before the end of that time; absent when it never was. */
  readonly engine?: string;
  /** When. */
  readonly engineSeen?: string;
}

/** Of the inventory, to find the engine among them. */
const MAX_CHANGES = 20_000;

export function versions(reader: StoreReader, until: number): Versions {
  const native = nativeStatus();
  const system = systemName();
  return {
    bridgewatch: version(),
    node: process.versions.node,
    ...(native.available ? { libpcap: native.libpcap } : {}),
    kernel: `${type()} ${release()}`,
    architecture: arch(),
    ...(system === undefined ? {} : { system }),
    ...engine(reader, until),
  };
}

function engine(reader: StoreReader, until: number): Pick<Versions, 'engine' | 'engineSeen'> {
  const changes = reader.queryEvents({ kinds: ['inventory'], until, limit: MAX_CHANGES }).reverse();
  for (const { text } of changes) {
    if (!text.includes('"object":"engine"')) continue;
    const { object, change, detail, time } = parseRecord(text) as PublicOf<'inventory'>;
    if (object === 'engine' && change === 'added' && typeof detail['version'] === 'string')
      return { engine: detail['version'], engineSeen: time };
  }
  return {};
}

function systemName(): string | undefined {
  try {
    return /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}
