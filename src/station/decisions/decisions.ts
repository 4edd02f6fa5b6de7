/**
 * Decisions about findings: said by people, kept as records (the audit trail), put on every finding from then on, and
 * ended when their time is over. What was decided is on the disk before anything follows from it; a station that is
 * killed in between makes the findings agree with what it finds there when it starts again.
 */
import { randomBytes } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { type Finding, SEVERITIES } from '../../model/finding.ts';
import type { AgentRecord } from '../../model/record.ts';
import type { Micros } from '../../model/time.ts';
import { findingFilterProblem } from '../../query/finding-filter.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { readAcknowledgements, readMutes } from '../store/decision-rows.ts';
import type { Store } from '../store/store.ts';
import {
  idsBeginning,
  openMuted,
  openPage,
  type StoredFinding,
  storedFinding,
} from '../store/stored-findings.ts';
import { DecisionError } from './error.ts';
import { type Acknowledgement, Marks } from './marks.ts';
import type { Mute } from './mutes.ts';
import { type Duration, endOf, MAX_BY, MAX_REASON, plainText } from './texts.ts';

type Database = NonNullable<Store['db']>;

export interface DecisionDeps {
  readonly logger: Logger;
  /** Wall clock. */
  readonly now: () => Micros;
  readonly db: () => Database | undefined;
  /** Shows and keeps a record; ties below `freeTie` are taken at its time. */
  readonly tell: (record: AgentRecord, freeTie?: number) => void;
  /** Writes what waits. Returns whether all of it is on the disk now. */
  readonly flush: () => boolean;
  /** Everything in the log is at this place or before it. */
  readonly lastSeq: () => number;
}

export interface Outcome<T> {
  readonly value: T;
  /** False: it was so already, and nothing was recorded. */
  readonly isNew: boolean;
  /** Open findings whose marks changed by it. */
  readonly findings: number;
}

export const MAX_MUTES = 500;
/** As many findings as are open at once by default. */
export const MAX_ACKNOWLEDGEMENTS = 10_000;
/** Shorter ones are typed by mistake. */
const MIN_ID = 4;
/** Read, compared and written in one go: some milliseconds. */
const ROWS_PER_PAGE = 50;
/** A clock that was set is noticed within this; a disk that refused is asked again. */
const LOOK_MS = 5000;
const OURSELVES = 'bridgewatch';

export class Decisions {
  readonly #deps: DecisionDeps;
  readonly #marks = new Marks();
  #timer: NodeJS.Timeout | undefined;
  #endTimer: NodeJS.Timeout | undefined;
  /** Findings may disagree with what is decided. */
  #isUneven = false;
  #evening: Promise<number> | undefined;
  /** How what is no more ended, for the records of the findings that it was about. */
  readonly #endings = new Map<string, string>();
  #isStopped = false;

  constructor(deps: DecisionDeps) {
    this.#deps = deps;
  }

  /** What the stations before this one kept; to be called before any finding is marked. Throws what SQLite throws. */
  load(db: Database): void {
    for (const row of readMutes(db)) {
      const { until, finding, analyzer, key, network, where, ...rest } = row;
      if (where !== null && findingFilterProblem(where) !== undefined) {
        this.#deps.logger.error(
          { mute: row.id, where },
          'a mute has a filter that is none any more; it mutes nothing',
        );
        continue;
      }
      this.#marks.mutes.add({
        ...rest,
        until: until ?? undefined,
        finding: finding ?? undefined,
        analyzer: analyzer ?? undefined,
        key: key ?? undefined,
        network: network ?? undefined,
        where: where ?? undefined,
      });
    }
    for (const id of openMuted(db)) this.#marks.setQuiet(id);
    for (const { note, severity, ...rest } of readAcknowledgements(db)) {
      const acknowledgement = { ...rest, note: note ?? undefined, severity: SEVERITIES[severity]! };
      this.#marks.acknowledgements.set(rest.finding, acknowledgement);
    }
  }

  /** From now on they end when their time is over. */
  start(): void {
    this.#isUneven = true;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
    this.#look();
  }

  /** Returns once nothing is written any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    clearTimeout(this.#endTimer);
    await this.#evening;
  }

  /** A finding as it is to be kept. `isAbandoned`: nobody saw its end. */
  mark(told: Finding, options?: { readonly isAbandoned: boolean }): Finding {
    const { finding, ended } = this.#marks.mark(told, this.#deps.now(), options);
    if (ended !== undefined)
      this.#endAcknowledgement(ended.acknowledgement, 'expire', OURSELVES, ended.why, told);
    return finding;
  }

  mutes(): readonly Mute[] {
    const now = this.#deps.now();
    return this.#marks.mutes.all().filter(({ until }) => until === undefined || now < until);
  }

  acknowledge(
    id: string,
    said: { readonly by: string; readonly note?: string | undefined },
  ): Outcome<Finding> {
    const by = plainText(said.by, '`by`', MAX_BY);
    const note = said.note === undefined ? undefined : plainText(said.note, 'the note', MAX_REASON);
    const { finding } = this.#find(id);
    if (finding.status === 'closed')
      throw new DecisionError(
        'POINTLESS',
        `finding ${finding.id} is closed; should it return, it is told again`,
      );
    const { acknowledgements } = this.#marks;
    const known = acknowledgements.get(finding.id);
    if (known !== undefined && known.by === by && known.note === note)
      return { value: finding, isNew: false, findings: 0 };
    if (known === undefined && acknowledgements.size >= MAX_ACKNOWLEDGEMENTS)
      throw new DecisionError(
        'FULL',
        `${MAX_ACKNOWLEDGEMENTS} findings are acknowledged; mute what is no news`,
      );
    const at = this.#deps.now();
    const acknowledgement = { id: newId('a'), finding: finding.id, at, by, note, severity: finding.severity };
    acknowledgements.set(finding.id, acknowledgement);
    this.#deps.tell({
      ...about(finding),
      kind: 'decision',
      time: at,
      id: acknowledgement.id,
      action: 'acknowledge',
      object: 'acknowledgement',
      by,
      reason: note,
    });
    return this.#remarkOne(finding.id, withReason(`acknowledged by ${by}`, note));
  }

  unacknowledge(
    id: string,
    said: { readonly by: string; readonly note?: string | undefined },
  ): Outcome<Finding> {
    const by = plainText(said.by, '`by`', MAX_BY);
    const note = said.note === undefined ? undefined : plainText(said.note, 'the note', MAX_REASON);
    const { finding } = this.#find(id);
    const known = this.#marks.acknowledgements.get(finding.id);
    if (known === undefined) return { value: finding, isNew: false, findings: 0 };
    this.#marks.acknowledgements.delete(finding.id);
    this.#endAcknowledgement(known, 'unacknowledge', by, note, finding);
    return this.#remarkOne(finding.id, withReason(`no longer acknowledged, says ${by}`, note));
  }

  /** Of a finding: all of its analyzer and key, also when it is closed and returns as another. */
  async muteFinding(
    id: string,
    said: { readonly by: string; readonly reason: string } & Duration,
  ): Promise<Outcome<Mute>> {
    const { finding } = this.#find(id);
    return this.#mute({ ...about(finding) }, said);
  }

  async muteWhere(
    where: string,
    said: { readonly by: string; readonly reason: string } & Duration,
  ): Promise<Outcome<Mute>> {
    const problem = where.trim() === '' ? 'it is empty' : findingFilterProblem(where);
    if (problem !== undefined)
      throw new DecisionError('INVALID', `\`where\` is no filter of findings: ${problem}`);
    return this.#mute({ where: where.trim() }, said);
  }

  /** `id`: of a mute, or of a finding that is muted by itself. */
  async unmute(
    id: string,
    said: { readonly by: string; readonly note?: string | undefined },
  ): Promise<Outcome<Mute>> {
    const by = plainText(said.by, '`by`', MAX_BY);
    const note = said.note === undefined ? undefined : plainText(said.note, 'the note', MAX_REASON);
    this.#mustKeep();
    const mute = this.#marks.mutes.get(id) ?? this.#muteOf(id);
    this.#endMute(mute, 'unmute', by, note);
    this.#deps.flush();
    return { value: mute, isNew: true, findings: await this.#even() };
  }

  async #mute(
    object: Pick<Mute, 'finding' | 'analyzer' | 'key' | 'network' | 'where'>,
    said: { readonly by: string; readonly reason: string } & Duration,
  ): Promise<Outcome<Mute>> {
    const { mutes } = this.#marks;
    const at = this.#deps.now();
    const by = plainText(said.by, '`by`', MAX_BY);
    const reason = plainText(said.reason, 'the reason', MAX_REASON);
    const until = endOf(said, at);
    this.#mustKeep();
    const before = mutes.sameAs(object);
    if (before !== undefined && before.reason === reason && before.until === until)
      return { value: before, isNew: false, findings: 0 };
    if (before === undefined && mutes.size >= MAX_MUTES)
      throw new DecisionError(
        'FULL',
        `there are ${MAX_MUTES} mutes; a filter (--where) can take the place of many`,
      );
    const id = newId('m');
    const meant = { by, reason, until, ...object };
    const mute: Mute = { id, at, ...meant };
    if (before !== undefined) this.#endMute(before, 'unmute', by, `${id} takes its place`);
    mutes.add(mute);
    this.#deps.tell({ kind: 'decision', time: at, id, action: 'mute', object: 'mute', ...meant });
    this.#deps.flush();
    this.#schedule();
    return { value: mute, isNew: true, findings: await this.#even() };
  }

  #muteOf(id: string): Mute {
    if (id.startsWith('m-')) throw new DecisionError('UNKNOWN', `there is no mute ${id}; it may have ended`);
    const { finding } = this.#find(id);
    const own = this.#marks.mutes.sameAs(finding);
    if (own !== undefined) return own;
    const other = this.#marks.mutes.of(finding, this.#deps.now());
    if (other === undefined) throw new DecisionError('POINTLESS', `finding ${finding.id} is not muted`);
    throw new DecisionError(
      'POINTLESS',
      `finding ${finding.id} is muted by a filter, together with others: unmute ${other.id} (${other.where})`,
    );
  }

  #find(id: string): StoredFinding {
    const db = this.#mustKeep();
    const exact = storedFinding(db, id);
    if (exact !== undefined) return exact;
    if (id.length < MIN_ID)
      throw new DecisionError(
        'INVALID',
        `an id of a finding has 16 characters, ${MIN_ID} of them at least must be given`,
      );
    const ids = idsBeginning(db, id, 2);
    if (ids.length > 1)
      throw new DecisionError('AMBIGUOUS', `several findings begin with ${id}; give more of it`);
    const found = ids[0] === undefined ? undefined : storedFinding(db, ids[0]);
    if (found === undefined) throw new DecisionError('UNKNOWN', `there is no finding ${id}`);
    return found;
  }

  /** All that was told is in the database, and can be found there; nothing is decided that could not be kept. */
  #mustKeep(): Database {
    const db = this.#deps.db();
    if (db === undefined || this.#isStopped || !this.#deps.flush())
      throw new DecisionError(
        'UNKEPT',
        'the database cannot be written now, so nothing is decided; try again',
      );
    return db;
  }

  #remarkOne(id: string, reason: string): Outcome<Finding> {
    // A finding and the decision about it are written together.
    const stored = storedFinding(this.#deps.db()!, id)!;
    // What was abandoned is closed, and an update would open it again.
    const isOpen = stored.finding.status !== 'closed';
    const remarked = isOpen ? this.#marks.remarked(stored.finding, this.#deps.now()) : undefined;
    const finding = remarked && { ...remarked, reason };
    if (finding !== undefined) this.#deps.tell(finding, stored.freeTie);
    this.#deps.flush();
    return { value: finding ?? stored.finding, isNew: true, findings: finding === undefined ? 0 : 1 };
  }

  #endAcknowledgement(
    { id }: Acknowledgement,
    action: 'unacknowledge' | 'expire',
    by: string,
    reason: string | undefined,
    finding: Finding,
  ): void {
    this.#deps.tell({
      ...about(finding),
      kind: 'decision',
      time: this.#deps.now(),
      id,
      action,
      object: 'acknowledgement',
      by,
      reason,
    });
  }

  #endMute(mute: Mute, action: 'unmute' | 'expire', by: string, reason: string | undefined): void {
    const { id, finding, analyzer, key, network, where } = mute;
    this.#marks.mutes.remove(id);
    this.#endings.set(
      id,
      action === 'expire' ? 'its mute has ended' : withReason(`unmuted by ${by}`, reason),
    );
    const meant = { finding, analyzer, key, where, network };
    this.#deps.tell({
      kind: 'decision',
      time: this.#deps.now(),
      id,
      action,
      object: 'mute',
      by,
      reason,
      ...meant,
    });
  }

  /** By the wall clock, which may be set: nothing is waited for without looking at it now and then. */
  #schedule(): void {
    clearTimeout(this.#endTimer);
    const end = this.#marks.mutes.nextEnd();
    if (end === undefined || this.#isStopped) return;
    const waitMs = Math.ceil((end - this.#deps.now()) / 1000);
    if (waitMs < LOOK_MS) this.#endTimer = setTimeout(() => this.#look(), Math.max(0, waitMs)).unref();
  }

  #look(): void {
    if (this.#isStopped) return;
    const over = this.#marks.mutes.over(this.#deps.now());
    if (over.length > 0 && this.#deps.flush()) {
      for (const mute of over) this.#endMute(mute, 'expire', OURSELVES, 'its time was over');
      this.#deps.flush();
      this.#isUneven = true;
    }
    this.#schedule();
    if (this.#isUneven)
      this.#even().catch((error: unknown) =>
        this.#deps.logger.error(
          { err: error },
          'findings could not be told with what was decided; it is tried again',
        ),
      );
  }

  /** Tells every open finding again whose marks are not what they should be. Returns how many. */
  #even(): Promise<number> {
    // What is decided while findings are gone through is for the next round.
    const round = (this.#evening ?? Promise.resolve(0)).catch(() => 0).then(() => this.#evenOnce());
    this.#evening = round;
    return round;
  }

  async #evenOnce(): Promise<number> {
    const upTo = this.#deps.lastSeq();
    let count = 0;
    this.#isUneven = true;
    for (let after = 0; ; await setImmediate()) {
      const db = this.#deps.db();
      // What is not written yet may be newer than what is read: it must not be told over.
      if (db === undefined || this.#isStopped || !this.#deps.flush()) return count;
      const page = openPage(db, { after, upTo, rows: ROWS_PER_PAGE });
      for (const stored of page) if (this.#remark(stored)) count += 1;
      const last = page.at(-1);
      if (last === undefined) break;
      after = last.seq;
    }
    this.#isUneven = false;
    this.#endings.clear();
    return count;
  }

  #remark({ finding: stored, freeTie }: StoredFinding): boolean {
    const finding = this.#marks.remarked(stored, this.#deps.now());
    if (finding === undefined) return false;
    this.#deps.tell({ ...finding, reason: this.#why(stored, finding) }, freeTie);
    return true;
  }

  #why(before: Finding, after: Finding): string {
    const was = before.muted;
    if (after.muted !== undefined && after.muted.id !== was?.id) {
      const by = this.#marks.mutes.get(after.muted.id)?.by;
      return withReason(by === undefined ? 'muted' : `muted by ${by}`, after.muted.reason);
    }
    if (was !== undefined && after.muted === undefined)
      return this.#endings.get(was.id) ?? 'its mute has ended';
    const { acknowledged } = after;
    return acknowledged === undefined
      ? 'no longer acknowledged'
      : withReason(`acknowledged by ${acknowledged.by}`, acknowledged.note);
  }
}

function about({ id, analyzer, key, network }: Finding) {
  return { finding: id, analyzer, key, ...(network === undefined ? {} : { network }) };
}

function withReason(what: string, reason: string | undefined): string {
  return reason === undefined ? what : `${what}: ${reason}`;
}

function newId(of: 'm' | 'a'): string {
  return `${of}-${randomBytes(4).toString('hex')}`;
}
