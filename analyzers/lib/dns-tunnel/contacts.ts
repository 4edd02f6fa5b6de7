/**
 * For which zones it is remembered what they were answered, and whether the client connects there. Flows are listened to
 * only while there are any.
 */
import type { FlowRecord } from '../../../src/model/flow.ts';
import type { IpWords } from '../../../src/model/ip.ts';
import { type ClockStep, MICROS_PER_SECOND, type Micros } from '../../../src/model/time.ts';
import type { DnsClient } from './client.ts';
import type { ClientZone } from './client-zone.ts';
import type { Context } from './evidence.ts';
import { LatelyAnswered } from './lately-answered.ts';

const WATCHED_OF_CLIENT = 512;
/** Of all clients: up to 3 KB each. */
const WATCHED = 1024;
const QUIET_AFTER = 60 * MICROS_PER_SECOND;

export class Contacts {
  readonly #ctx: Context;
  readonly #watched = new Set<ClientZone>();
  readonly #answered = new LatelyAnswered();
  #looked: Micros = 0;

  constructor(ctx: Context) {
    this.#ctx = ctx;
  }

  watch(pair: ClientZone): void {
    if (this.#watched.has(pair) || this.#watched.size >= WATCHED) return;
    const { client } = pair;
    client.watched ??= new Set();
    if (client.watched.size >= WATCHED_OF_CLIENT) return;
    this.#watched.add(pair);
    client.watched.add(pair);
    pair.watchAnswers(this.#answered);
    this.#ctx.setFlowInterest('chosen');
  }

  forget(pair: ClientZone): void {
    if (!this.#watched.delete(pair)) return;
    pair.unwatchAnswers();
    pair.client.watched?.delete(pair);
    if (this.#watched.size === 0) this.#ctx.setFlowInterest('none');
  }

  /** Gives up what nobody needs to know any more. */
  tick(now: Micros, isNeeded: (pair: ClientZone) => boolean): void {
    this.#answered.tick(now);
    if (this.#watched.size === 0 || now - this.#looked < QUIET_AFTER) return;
    this.#looked = now;
    for (const pair of this.#watched) if (!isNeeded(pair)) this.forget(pair);
  }

  /** False where the flow surely leads to no address that was answered lately. */
  mayExplain(address: IpWords): boolean {
    return this.#answered.has(address);
  }

  noteFlow(client: DnsClient | undefined, { resp, start }: FlowRecord): void {
    if (client?.watched === undefined) return;
    for (const pair of client.watched) pair.answered?.noteContact(resp.ip, start);
  }

  clockSet(step: ClockStep): void {
    this.#answered.clockSet(step);
    this.#looked += step.to - step.from;
  }
}
