/**
 * The sink `nats`: each record is a message that JetStream acknowledges. A batch goes out in groups, on one connection and
 * in order; what was acknowledged is remembered, so that trying the batch again sends the rest only, and what was stored
 * though its acknowledgement got lost is known to the stream by its `Nats-Msg-Id`, for as long as its window reaches.
 */
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Delivery } from '../entry.ts';
import { formatDelivery } from '../formats/formats.ts';
import { abortable } from './abortable.ts';
import { defineSink, type SinkDeps, sinkName } from './definition.ts';
import { grouped } from './grouped.ts';
import { type NatsConfig, natsConfig } from './nats/config.ts';
import { connectNats, serversText } from './nats/connection.ts';
import { jetStreamFailure, type Place } from './nats/failure.ts';
import { loadNats, type NatsLibrary } from './nats/library.ts';
import { createStream, refuseMissing, refuseUncovered, streamState, streamText } from './nats/stream.ts';
import { possibleSubjects, subjectOf, tokenOf } from './nats/subject.ts';
import { type Sink, SinkError } from './sink.ts';
import { deliveryKey } from './webhook/idempotency.ts';

export const natsSink = defineSink({
  type: 'nats',
  about: 'Messages in a stream of NATS JetStream, each acknowledged.',
  config: natsConfig,
  create: (config, deps) => new NatsSink(config, deps),
});

/** On their way at once: enough for a distant server, and what may be there twice when it is killed is no more. */
const IN_FLIGHT = { items: 256, size: 4 * 1024 * 1024 } as const;
/** More than the largest batch that the configuration allows. */
const MAX_ARRIVED = 50_000;
const GOODBYE_MS = 1000;

interface Open {
  readonly connection: NatsConnection;
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly library: NatsLibrary;
}

export class NatsSink implements Sink {
  readonly name: string;
  readonly accepts: Sink['accepts'];
  readonly #config: NatsConfig;
  readonly #deps: SinkDeps;
  readonly #load: () => Promise<NatsLibrary>;
  readonly #base: string;
  readonly #place: Place;
  /** Several hosts may share a stream, and two of them a token. */
  readonly #idBase: string;
  #open: Open | undefined;
  /** Acknowledged, the latest. */
  readonly #arrived = new Set<string>();

  constructor(config: NatsConfig, deps: SinkDeps, load: () => Promise<NatsLibrary> = loadNats) {
    this.name = sinkName(config);
    this.accepts = new Set(config.kinds);
    this.#config = config;
    this.#deps = deps;
    this.#load = load;
    this.#base = `${config.subject_prefix}.${tokenOf(deps.host)}`;
    this.#place = { server: serversText(config), stream: config.stream };
    this.#idBase = encodeURIComponent(deps.host.replace(/\p{Surrogate}/gu, '_'));
  }

  async check(signal: AbortSignal): Promise<string> {
    const { connection, manager } = await this.#connected(signal);
    const found = `NATS ${connection.info?.version} at ${connection.getServer()}`;
    const { stream } = this.#place;
    const { info, mayAsk } = await this.#asked(streamState(manager, this.#place), signal);
    if (!mayAsk)
      return `${found}; this user may not ask for stream "${stream}", so the first record will tell`;
    if (info === undefined) {
      refuseMissing(this.#config, this.#place);
      return `${found}: stream "${stream}", which will be made on start`;
    }
    refuseUncovered(info, possibleSubjects(this.#base, this.#config.kinds), this.#place);
    return `${found}: stream "${stream}" takes ${this.#base}.>; ${streamText(info)}`;
  }

  async prepare(signal: AbortSignal): Promise<void> {
    // What is asked for may have been put right in a file: a password, a certificate.
    await this.#disconnect();
    const { manager, library } = await this.#connected(signal);
    let { info, mayAsk } = await this.#asked(streamState(manager, this.#place), signal);
    if (!mayAsk) return;
    if (info === undefined) {
      refuseMissing(this.#config, this.#place);
      await this.#asked(createStream(manager, library.jetstream, this.#config, this.#place), signal);
      const { stream } = this.#place;
      this.#deps.logger.info(
        { sink: this.name, stream },
        'created the stream, unless somebody else just did',
      );
      ({ info, mayAsk } = await this.#asked(streamState(manager, this.#place), signal));
    }
    if (info !== undefined)
      refuseUncovered(info, possibleSubjects(this.#base, this.#config.kinds), this.#place);
  }

  async write(batch: readonly Delivery[], signal: AbortSignal): Promise<void> {
    const { client } = await this.#connected(signal);
    const missing = batch.filter((delivery) => !this.#arrived.has(idOf(delivery)));
    // In one group at a time nothing overtakes: the server takes in what one connection sends in its order.
    for (const group of grouped(missing, ({ text }) => text.length, IN_FLIGHT))
      await this.#asked(this.#publishAll(client, group), signal);
  }

  async close(): Promise<void> {
    await this.#disconnect();
  }

  /** Waits for all of them, so that what was taken is known before anything is said to have failed. */
  async #publishAll(client: JetStreamClient, group: readonly Delivery[]): Promise<void> {
    const outcomes = await Promise.allSettled(group.map((delivery) => this.#publish(client, delivery)));
    const failures = outcomes.flatMap((outcome, i) => {
      if (outcome.status === 'rejected') return [jetStreamFailure(outcome.reason, this.#place)];
      this.#remember(group[i]!);
      return [];
    });
    // A record that is too large is the batch's fault only where nothing else is wrong.
    const worst = failures.find(({ remedy }) => remedy !== 'split') ?? failures[0];
    if (worst !== undefined) throw worst;
  }

  async #publish(client: JetStreamClient, delivery: Delivery): Promise<void> {
    const { host, version } = this.#deps;
    const text = formatDelivery(this.#config.format, delivery, { host, version });
    // A flow that still runs may have no form yet (docs/formats.md) and comes again; a finding must not go in silence.
    if (text === undefined) {
      if (delivery.kind !== 'finding') return;
      const problem = `this finding has no form in ${this.#config.format}: its time cannot be written`;
      throw new SinkError('SINK_REJECTED', 'split', problem);
    }
    await client.publish(subjectOf(this.#base, delivery), text, {
      msgID: `${this.#idBase}:${idOf(delivery)}`,
      expect: { streamName: this.#place.stream },
      timeout: this.#config.timeout_ms,
    });
  }

  #remember(delivery: Delivery): void {
    this.#arrived.add(idOf(delivery));
    for (const oldest of this.#arrived) {
      if (this.#arrived.size <= MAX_ARRIVED) break;
      this.#arrived.delete(oldest);
    }
  }

  async #connected(signal: AbortSignal): Promise<Open> {
    if (this.#open !== undefined && !this.#open.connection.isClosed()) return this.#open;
    const { host, version } = this.#deps;
    const library = await this.#load();
    const connecting = connectNats(library.transport, this.#config, `bridgewatch/${version} on ${host}`);
    let isWanted = true;
    // One that comes when nobody waits any more is nobody's.
    connecting.then(
      (connection) => isWanted || void connection.close().catch(() => {}),
      () => {},
    );
    try {
      const connection = await abortable(connecting, signal, `NATS at ${this.#place.server}`);
      const options = { timeout: this.#config.timeout_ms };
      const manager = await library.jetstream.jetstreamManager(connection, { ...options, checkAPI: false });
      this.#open = { connection, client: library.jetstream.jetstream(connection, options), manager, library };
      return this.#open;
    } catch (error) {
      isWanted = false;
      throw error;
    }
  }

  /** After silence or an end nothing is known of the connection, so it is given up; the next question makes another. */
  async #asked<T>(question: Promise<T>, signal: AbortSignal): Promise<T> {
    try {
      return await abortable(question, signal, `NATS at ${this.#place.server}`);
    } catch (error) {
      const failure = jetStreamFailure(error, this.#place);
      if (failure.remedy === 'wait') await this.#disconnect();
      throw failure;
    }
  }

  async #disconnect(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined) return;
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), GOODBYE_MS);
    await abortable(open.connection.close(), patience.signal, 'the connection').catch(() => {});
    clearTimeout(timer);
  }
}

/** Unique for this agent: time and tie are so among the records of a lane, and a kind is of one lane. */
function idOf(delivery: Delivery): string {
  return `${delivery.kind}:${deliveryKey(delivery)}`;
}
