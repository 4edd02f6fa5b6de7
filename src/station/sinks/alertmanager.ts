/**
 * The sink `alertmanager`: each open finding is a firing alert (API v2), told again before it expires, and resolved when
 * the finding is closed. What is open is the store's to know, so that neither a restart of the station nor one of
 * Alertmanager, which keeps alerts in memory only, loses any. Telling and telling again never overlap: the later would
 * set a resolved alert on fire again.
 */
import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { type PublicFinding, parseRecord } from '../../model/serialize.ts';
import type { Delivery } from '../entry.ts';
import { FailureLog } from '../failure-log.ts';
import { identityOf, OWN_LABELS } from './alertmanager/alert.ts';
import { AlertBook, type AlertPlan } from './alertmanager/book.ts';
import { commonOptions, defineSink, type SinkDeps, sinkName } from './definition.ts';
import { grouped } from './grouped.ts';
import { HttpTarget, httpTargetOptions, httpTargetProblems } from './http-target.ts';
import { routeOf } from './route.ts';
import { type Sink, SinkError } from './sink.ts';

const linkOption = (what: string) =>
  z
    .string()
    .regex(/^https?:\/\/\S+$/, 'give an http:// or https:// address')
    .max(1000)
    .optional()
    .describe(`${what}; \`{analyzer}\` and \`{id}\` in it are replaced.`);

const options = z.strictObject({
  type: z.literal('alertmanager'),
  ...commonOptions({ possibleKinds: ['finding'], includeMuted: false, batchMaxRecords: 200 }),
  ...httpTargetOptions(
    'Address of Alertmanager, as http://127.0.0.1:9093, with its path prefix where it has one.',
  ),
  resend_secs: z
    .number()
    .int()
    .min(1)
    .max(3600)
    .default(60)
    .describe('What is open is told again this often: Alertmanager forgets alerts when it restarts.'),
  expire_secs: z
    .number()
    .int()
    .min(5)
    .max(86_400)
    .default(900)
    .describe('An alert that was not told again for this long ends by itself, as when this host is gone.'),
  min_firing_secs: z
    .number()
    .int()
    .min(0)
    .max(86_400)
    .default(360)
    .describe(
      'An alert fires at least this long, though its finding was closed before: Alertmanager tells nobody of what ends while it groups. Longer than its group_wait and group_interval.',
    ),
  labels: z
    .record(
      z
        .string()
        .regex(/^[a-zA-Z_][a-zA-Z0-9_]{0,99}$/, 'expected the name of a label')
        .refine(
          (name) => !(OWN_LABELS as readonly string[]).includes(name),
          `${OWN_LABELS.join(', ')} are set by Bridgewatch`,
        ),
      z.string().min(1).max(200),
    )
    .refine((labels) => Object.keys(labels).length <= 16, 'at most 16 labels')
    .default({})
    .describe("Labels of one's own on every alert, as `team: ops`."),
  runbook_url: linkOption('Link to what an alert means, as its annotation'),
  generator_url: linkOption('Link to where an alert comes from'),
});

const alertmanagerConfig = options.superRefine((config, context) => {
  for (const { option, problem } of httpTargetProblems(config))
    context.addIssue({ code: 'custom', path: [option], message: problem });
  if (config.expire_secs < 2 * config.resend_secs) {
    context.addIssue({
      code: 'custom',
      path: ['expire_secs'],
      message: 'expected at least twice resend_secs, or alerts end between being told',
    });
  }
});

type AlertmanagerConfig = z.output<typeof alertmanagerConfig>;

export const alertmanagerSink = defineSink({
  type: 'alertmanager',
  about: 'Findings as alerts of Prometheus Alertmanager: firing while open, resolved when closed.',
  config: alertmanagerConfig,
  create: (config, deps) => new AlertmanagerSink(config, deps),
});

/** In one request; Prometheus sends 64. */
const ALERTS_A_REQUEST = 200;

export class AlertmanagerSink implements Sink {
  readonly name: string;
  readonly accepts: Sink['accepts'];
  readonly #config: AlertmanagerConfig;
  readonly #deps: SinkDeps;
  readonly #target: HttpTarget;
  readonly #book: AlertBook;
  readonly #wants: ReturnType<typeof routeOf>;
  readonly #failures: FailureLog;
  readonly #closing = new AbortController();
  /** The outlet's; its end ends also what the timer began. */
  #driver: AbortSignal | undefined;
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<void> = Promise.resolve();

  constructor(config: AlertmanagerConfig, deps: SinkDeps) {
    this.name = sinkName(config);
    this.accepts = new Set(config.kinds);
    this.#config = config;
    this.#deps = deps;
    this.#target = new HttpTarget(this.name, config, deps.version);
    this.#wants = routeOf(config);
    this.#book = new AlertBook({
      host: deps.host,
      labels: config.labels,
      runbook_url: config.runbook_url,
      generator_url: config.generator_url,
      expireMs: config.expire_secs * 1000,
      minFiringMs: config.min_firing_secs * 1000,
      firesMuted: config.include_muted,
    });
    this.#failures = new FailureLog(deps.logger, {
      failing: 'open alerts cannot be told again; they end by themselves when this lasts',
      recovered: 'open alerts are told again',
    });
  }

  async check(signal: AbortSignal): Promise<string> {
    this.#target.open();
    const reply = await this.#target.send({ method: 'GET', path: '/api/v2/status' }, signal);
    const failure = this.#target.failure(reply);
    if (failure === undefined) return `Alertmanager at ${this.#target.server} answers`;
    // To a question, every refusal is about the address.
    throw failure.remedy === 'split' ? new SinkError('SINK_NO_TARGET', 'act', failure.message) : failure;
  }

  async prepare(signal: AbortSignal): Promise<void> {
    this.#driver = signal;
    await this.#exclusively(async () => this.#target.open());
    if (this.#timer === undefined) this.#schedule();
  }

  write(batch: readonly Delivery[], signal: AbortSignal): Promise<void> {
    return this.#exclusively(async () => {
      const plan = this.#plan();
      for (const { text } of batch) plan.tell(parseRecord(text) as PublicFinding);
      await this.#post(plan, signal);
    });
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#closing.abort();
    await this.#turn;
    this.#target.close();
  }

  #schedule(): void {
    this.#timer = setTimeout(() => {
      void this.#tellAgain().finally(() => {
        if (!this.#closing.signal.aborted) this.#schedule();
      });
    }, this.#config.resend_secs * 1000);
    this.#timer.unref();
  }

  async #tellAgain(): Promise<void> {
    const driver = this.#driver === undefined ? [] : [this.#driver];
    const signal = AbortSignal.any([this.#closing.signal, ...driver]);
    try {
      await this.#exclusively(() => this.#tellOpen(signal));
      this.#failures.succeeded({ sink: this.name });
    } catch (error) {
      if (signal.aborted) return;
      const problem = error instanceof Error ? error.message : String(error);
      this.#failures.failed(problem, { sink: this.name, problem });
    }
  }

  /** In pages, so that many open findings neither fill the memory nor hold up what comes. */
  async #tellOpen(signal: AbortSignal): Promise<void> {
    const told = new Set<string>();
    const texts = this.#deps.openFindings?.();
    for (const page of grouped(texts ?? [], () => 1, { items: ALERTS_A_REQUEST, size: ALERTS_A_REQUEST })) {
      const plan = this.#plan();
      for (const text of page) {
        if (this.#wants?.({ kind: 'finding', text }) === false) continue;
        const finding = parseRecord(text) as PublicFinding;
        if (finding.muted !== undefined && !this.#config.include_muted) continue;
        told.add(identityOf(finding));
        plan.tell(finding);
      }
      await this.#post(plan, signal);
      await setImmediate();
    }
    const others = this.#plan();
    others.tellOthers(told, texts !== undefined);
    await this.#post(others, signal);
  }

  #plan(): AlertPlan {
    return this.#book.plan(Math.floor(this.#deps.now() / 1000));
  }

  async #post(plan: AlertPlan, signal: AbortSignal): Promise<void> {
    const { alerts } = plan;
    for (let at = 0; at < alerts.length; at += ALERTS_A_REQUEST) {
      const body = Buffer.from(JSON.stringify(alerts.slice(at, at + ALERTS_A_REQUEST)), 'utf8');
      const headers = { 'content-type': 'application/json' };
      const request = { method: 'POST', path: '/api/v2/alerts', headers, body } as const;
      const failure = this.#target.failure(await this.#target.send(request, signal));
      if (failure !== undefined) throw failure;
    }
    this.#book.commit(plan);
  }

  /** One after the other, in the order of asking. */
  #exclusively(task: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(task);
    this.#turn = done.catch(() => {});
    return done;
  }
}
