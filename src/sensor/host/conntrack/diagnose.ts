/** Whether the kernel's connection tracking can be listened to from here, and what is not seen when it cannot. */
import { readFileSync } from 'node:fs';
import type { Diagnosis } from '../../../model/diagnosis.ts';
import { CONNTRACK_GROUPS, type ConntrackMessage, dumpRequest, readDatagram } from './message.ts';
import { type EventSocket, refusalText } from './watch.ts';

export interface ConntrackProbe {
  readonly open: (groups: readonly number[]) => EventSocket;
  /** The text of a file below /proc/sys/net/netfilter; undefined where there is none. */
  readonly setting?: (name: string) => string | undefined;
  readonly timeoutMs?: number;
}

const CHECK = 'connection tracking';
const CONSEQUENCE =
  'flows through published ports then end at what the bridge shows, marked `via NAT, origin unknown`';
const TIMEOUT_MS = 2000;

export async function diagnoseConntrack(probe: ConntrackProbe): Promise<Diagnosis> {
  const setting = probe.setting ?? readSetting;
  let socket: EventSocket;
  try {
    socket = probe.open(Object.values(CONNTRACK_GROUPS));
  } catch (error) {
    const detail = `${error instanceof Error ? error.message : String(error)}; ${CONSEQUENCE}`;
    return { check: CHECK, outcome: 'warn', detail };
  }
  try {
    const refusal = await listOnce(socket, probe.timeoutMs ?? TIMEOUT_MS);
    if (refusal !== undefined) return { check: CHECK, outcome: 'warn', detail: `${refusal}; ${CONSEQUENCE}` };
  } finally {
    socket.close();
  }
  if (setting('nf_conntrack_events') === '0') {
    return {
      check: CHECK,
      outcome: 'warn',
      detail: `the kernel tells no events (nf_conntrack_events is 0); ${CONSEQUENCE}`,
      advice: 'sysctl net.netfilter.nf_conntrack_events=2',
    };
  }
  const count = setting('nf_conntrack_count');
  const tracked = count === undefined ? 'connections are listed' : `${count} connections tracked`;
  return { check: CHECK, outcome: 'ok', detail: `${tracked}, their events are heard` };
}

/** Why the kernel does not list what it tracks; undefined when it does. */
function listOnce(socket: EventSocket, timeoutMs: number): Promise<string | undefined> {
  const sequence = 1;
  return new Promise((resolve) => {
    const timer = setTimeout(
      () => resolve(`the kernel did not list its tracked connections within ${timeoutMs} ms`),
      timeoutMs,
    );
    const answer = (refusal: string | undefined): void => {
      clearTimeout(timer);
      resolve(refusal);
    };
    const onMessage = (message: ConntrackMessage): void => {
      // One line of the list is proof enough: a busy host has hundreds of thousands.
      if (message.type === 'connection' && message.news.type === 'listed') answer(undefined);
      if (message.type === 'done' && message.sequence === sequence) answer(undefined);
      if (message.type === 'refused' && message.sequence === sequence) answer(refusalText(message.errno));
    };
    socket
      .run((batch) => {
        for (let i = 0; i < batch.count; i++) {
          readDatagram(batch.data, batch.offset[i]!, batch.length[i]!, onMessage);
        }
      })
      .then(
        (why) => answer(why),
        (error: unknown) => answer(String(error)),
      );
    try {
      socket.send(dumpRequest(sequence));
    } catch (error) {
      answer(error instanceof Error ? error.message : String(error));
    }
  });
}

/** The files show the settings of the reader's own network namespace. */
function readSetting(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/net/netfilter/${name}`, 'utf8').trim();
  } catch {
    return undefined;
  }
}
