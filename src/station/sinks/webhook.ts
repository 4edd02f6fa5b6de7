/**
 * The sink `webhook`: findings (or other records) as POST requests, in a form of their own or that of a chat service. A
 * batch may be many requests, and one of them may fail: those that arrived are remembered, so that trying the batch
 * again sends only what is missing.
 */
import type { Delivery } from '../entry.ts';
import { Secret } from '../secret.ts';
import { defineSink, type SinkDeps, sinkName } from './definition.ts';
import type { HttpReply } from './http.ts';
import { HttpTarget } from './http-target.ts';
import { type Sink, SinkError } from './sink.ts';
import { updatesOf, type WebhookConfig, webhookConfig } from './webhook/config.ts';
import { discordComposer } from './webhook/discord.ts';
import { genericComposer } from './webhook/generic.ts';
import { deliveryKey, idempotencyKey } from './webhook/idempotency.ts';
import { ToldFindings } from './webhook/notable.ts';
import { ntfyComposer, ntfyTopic } from './webhook/ntfy.ts';
import type { Composer, Outgoing } from './webhook/outgoing.ts';
import { SIGNATURE_HEADER, signature } from './webhook/signature.ts';
import { slackComposer } from './webhook/slack.ts';

export const webhookSink = defineSink({
  type: 'webhook',
  about: 'POST requests: JSON in any format, a template, or a message for Slack, Discord or ntfy.',
  config: webhookConfig,
  create: (config, deps) => new WebhookSink(config, deps),
});

export class WebhookSink implements Sink {
  readonly name: string;
  readonly accepts: Sink['accepts'];
  readonly #config: WebhookConfig;
  readonly #now: SinkDeps['now'];
  readonly #target: HttpTarget;
  readonly #compose: Composer;
  readonly #told: ToldFindings | undefined;
  /** Of the batch that is being tried: the outlet asks for no other before it is settled. */
  readonly #arrived = new Set<string>();
  #hmacSecret: Secret | undefined;

  constructor(config: WebhookConfig, deps: SinkDeps) {
    this.name = sinkName(config);
    this.accepts = new Set(config.kinds);
    this.#config = config;
    this.#now = deps.now;
    this.#target = new HttpTarget(this.name, config, deps.version);
    this.#told = updatesOf(config) === 'notable' ? new ToldFindings() : undefined;
    this.#compose = composerOf(config, deps, this.#target);
  }

  /** Nothing that a webhook takes can be taken back, so this asks no more than whether somebody is there. */
  async check(signal: AbortSignal): Promise<string> {
    this.#open();
    const reply = await this.#target.send({ method: 'OPTIONS' }, signal);
    const failure = reply.status === 401 || reply.status >= 500 ? this.#target.failure(reply) : undefined;
    if (failure !== undefined) throw failure;
    return `${this.#target.server} answers; whether it takes what is sent shows with the first finding`;
  }

  async prepare(): Promise<void> {
    this.#open();
  }

  async write(batch: readonly Delivery[], signal: AbortSignal): Promise<void> {
    const wanted = this.#told?.worthTelling(batch) ?? batch;
    const missing = wanted.filter((delivery) => !this.#arrived.has(deliveryKey(delivery)));
    for (const request of this.#compose(missing)) {
      await this.#post(request, signal);
      this.#remember(request.deliveries);
    }
  }

  async close(): Promise<void> {
    this.#target.close();
  }

  #open(): void {
    const { hmac_secret, hmac_secret_file, preset } = this.#config;
    this.#target.open();
    this.#hmacSecret =
      hmac_secret_file === undefined
        ? hmac_secret
        : new Secret(this.#target.readSecret('hmac_secret_file', hmac_secret_file));
    if (this.#hmacSecret?.reveal() === '') {
      throw new SinkError(
        'SINK_MISCONFIGURED',
        'act',
        `${this.name}: hmac_secret_file ${hmac_secret_file} is empty; check it`,
      );
    }
    if (preset === 'ntfy') ntfyTopic(this.#target.url);
  }

  async #post({ body: text, contentType, deliveries }: Outgoing, signal: AbortSignal): Promise<void> {
    const body = Buffer.from(text, 'utf8');
    const secret = this.#hmacSecret;
    const timeSecs = Math.floor(this.#now() / 1_000_000);
    const reply: HttpReply = await this.#target.send(
      {
        method: 'POST',
        ...(this.#config.preset === 'ntfy' && { url: ntfyTopic(this.#target.url).root }),
        headers: {
          'content-type': contentType,
          'idempotency-key': idempotencyKey(deliveries),
          ...(secret !== undefined && { [SIGNATURE_HEADER]: signature(secret, timeSecs, body) }),
        },
        body,
      },
      signal,
    );
    const failure = this.#target.failure(reply);
    if (failure !== undefined) throw failure;
  }

  #remember(deliveries: readonly Delivery[]): void {
    this.#told?.told(deliveries);
    for (const delivery of deliveries) this.#arrived.add(deliveryKey(delivery));
    for (const oldest of this.#arrived) {
      if (this.#arrived.size <= MAX_ARRIVED) break;
      this.#arrived.delete(oldest);
    }
  }
}

/** More than the largest batch that the configuration allows. */
const MAX_ARRIVED = 50_000;

function composerOf(config: WebhookConfig, { host, version }: SinkDeps, target: HttpTarget): Composer {
  switch (config.preset) {
    case 'slack':
      return slackComposer(host);
    case 'discord':
      return discordComposer(host);
    case 'ntfy':
      return ntfyComposer(host, () => ntfyTopic(target.url).topic);
    case 'generic':
      return genericComposer(config, { host, version });
  }
}
