/**
 * What every sink must do, driven by the outlet it will really have and a real store. A new sink joins with one
 * call: `sinkCompliance('webhook', makeHarness)`.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { laneOf } from '../../src/model/lane.ts';
import { LossTally } from '../../src/model/loss-tally.ts';
import type { AgentRecord } from '../../src/model/record.ts';
import { storeConfig } from '../../src/station/config.ts';
import type { Delivery } from '../../src/station/entry.ts';
import { Outlet, type OutletOptions } from '../../src/station/sinks/outlet.ts';
import type { Sink } from '../../src/station/sinks/sink.ts';
import { openStoreReadOnly } from '../../src/station/store/reader.ts';
import { openStore, type Store } from '../../src/station/store/store.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import { entryOf, memoryLogger, QUICK_RETRY, temporaryDirectory, until } from '../station/support/harness.ts';
import { finding, T0, traffic } from '../station/support/records.ts';

/** A peer that can be told how to behave. */
export interface PeerHarness {
  readonly sink: Sink;
  /** What must never be seen in a log. */
  readonly secret: string;
  /** The distinct records that the peer has accepted, in order, in its own form; a finding's holds its id. */
  stored(): readonly string[];
  /** Writes that reached the peer, accepted or not. */
  attempts(): number;
  accept(): void;
  /** Answers that it is unwell (a retry may help). */
  fail(): void;
  /** Refuses every write as unauthorized (a person must act). */
  refuse(): void;
  /** Rejects writes that hold a record whose text contains this (no retry can help that record). */
  reject(text: string): void;
  /** Takes writes and never answers. */
  hang(): void;
  close(): Promise<void>;
}

const OPTIONS: OutletOptions = {
  ...QUICK_RETRY,
  batchMaxRecords: 50,
  batchMaxBytes: 1_000_000,
  flushIntervalMs: 50,
  queueMaxRecords: 200,
  queueMaxBytes: 10_000_000,
};

/** Without jitter, so that the time between attempts is known. */
const LONGEST_PAUSES = () => 1;

export function sinkCompliance(name: string, makeHarness: (logger: Logger) => Promise<PeerHarness>): void {
  describe(`sink compliance: ${name}`, () => {
    let directory: ReturnType<typeof temporaryDirectory>;
    let log: ReturnType<typeof memoryLogger>;
    let losses: LossTally;
    let peer: PeerHarness;
    let store: Store;
    let outlet: Outlet;
    let isStopped: boolean;

    beforeEach(async () => {
      directory = temporaryDirectory();
      log = memoryLogger();
      losses = new LossTally();
      peer = await makeHarness(log.logger);
      isStopped = false;
      store = await openStore(storeConfig.parse({ path: `${directory.path}/x.db` }), {
        logger: log.logger,
        losses,
        now: () => T0,
        onDurable: () => outlet?.onDurable(),
        onShed: () => {},
        onSkipped: () => {},
      });
      outlet = new Outlet(peer.sink, OPTIONS, {
        logger: log.logger,
        losses,
        finding: store.openOutbox(name, 'finding', new Set(['finding'])),
        event: store.openOutbox(name, 'event', new Set(['loss', 'coverage'])),
        deadLetter: (delivery: Delivery, reason) => store.addDeadLetter(name, delivery, reason),
        random: LONGEST_PAUSES,
      });
      outlet.start();
    });

    afterEach(async () => {
      await stop(100);
      await peer.close();
      store.close();
      directory.remove();
      expect(log.text(), 'the secret is in the log').not.toContain(peer.secret);
    });

    async function stop(timeoutMs: number): Promise<void> {
      if (isStopped) return;
      isStopped = true;
      await outlet.stop(timeoutMs);
    }

    function give(...records: AgentRecord[]): void {
      for (const record of records) {
        const entry = entryOf(record);
        outlet.offer(entry);
        const lane = laneOf(record.kind);
        if (lane === 'finding' || lane === 'event') store.append(entry, lane);
      }
    }

    function findings(count: number, from = 0): AgentRecord[] {
      return Array.from({ length: count }, (_, i) => finding(from + i));
    }

    /** None for a sink that is for findings only. */
    function trafficRecords(count: number): AgentRecord[] {
      return Array.from({ length: takesTraffic() ? count : 0 }, (_, i) => traffic(i));
    }

    function takesTraffic(): boolean {
      return peer.sink.accepts.has('traffic');
    }

    /** In = sent + dropped + dead + queued, at any moment. */
    function expectBalance(): void {
      const { accepted, sent, dropped, deadLetters, queued } = outlet.status();
      expect(sent + dropped + deadLetters + queued).toBe(accepted);
    }

    it('delivers everything while the peer is well', async () => {
      const records = [...findings(120), ...trafficRecords(130)];
      const all = records.length;
      give(...records);

      await until('delivery', () => peer.stored().length === all);
      await until('the accounts', () => outlet.status().sent === all);
      expect(outlet.status()).toMatchObject({ state: 'ok', accepted: all, sent: all, dropped: 0, queued: 0 });
      expectBalance();
    });

    it('tries again when the peer is unwell, loses nothing, and says so once', async () => {
      peer.fail();
      const records = [...findings(10), ...trafficRecords(10)];
      const all = records.length;
      give(...records);
      await until('some attempts', () => peer.attempts() >= 4);
      expect(outlet.status()).toMatchObject({ state: 'retrying', sent: 0, dropped: 0, queued: all });
      expectBalance();

      peer.accept();

      await until('delivery', () => outlet.status().sent === all);
      expect(peer.stored()).toHaveLength(all);
      expect(log.lines.filter(({ msg }) => msg.startsWith('the sink does not take'))).toHaveLength(1);
      expect(log.lines.filter(({ msg }) => msg.startsWith('the sink takes records again'))).toHaveLength(1);
    });

    it('does not hammer a peer that refuses, says what to do, and goes on when that was done', async () => {
      peer.refuse();
      const beganAt = performance.now();
      give(...findings(3));
      await until('several refusals', () => peer.attempts() >= 7);

      // Six pauses that double up to the longest: 13 + 25 + 50 + 100 + 200 + 200 ms. Being asked whether it is there,
      // and saying yes, does not make a peer take records: neither the pauses nor what is told begin anew.
      expect(performance.now() - beganAt).toBeGreaterThan(580);
      expect(outlet.status().state).toBe('refused');
      expect(outlet.status().problem).toMatch(/check|GRANT|create/i);
      expect(log.lines.filter(({ msg }) => msg.startsWith('the sink takes records again'))).toEqual([]);
      peer.accept();

      await until('delivery', () => outlet.status().sent === 3);
    });

    it('finds the record that is rejected, keeps it with the words of the peer, and delivers the others', async () => {
      peer.reject('f-13');
      give(...findings(40));

      await until('the accounts', () => outlet.status().queued === 0);

      expect(outlet.status()).toMatchObject({ sent: 39, deadLetters: 1, dropped: 0 });
      expect(peer.stored()).toHaveLength(39);
      expectBalance();
      // 2 log2(40), and the batches around it.
      expect(peer.attempts()).toBeLessThan(20);
      const reader = await openStoreReadOnly(`${directory.path}/x.db`);
      expect(reader.deadLetters()).toMatchObject([
        { sink: name, text: expect.stringContaining('"id":"f-13"') },
      ]);
      expect(reader.deadLetters()[0]?.reason).not.toBe('');
      reader.close();
    });

    it('holds bounded memory for a peer that hangs: the oldest traffic goes, counted; no finding does', async () => {
      peer.hang();
      give(...findings(60), ...trafficRecords(100));
      await until('a write in flight', () => peer.attempts() > 0);

      for (let i = 0; i < 100; i++) give(...trafficRecords(100));

      const { dropped, queued } = outlet.status();
      expect(queued).toBeLessThanOrEqual(60 + OPTIONS.queueMaxRecords + OPTIONS.batchMaxRecords);
      if (takesTraffic()) expect(dropped).toBeGreaterThan(9000);
      expectBalance();
      await stop(50);
      expectBalance();
      const sums = losses.drain(T0);
      if (takesTraffic()) {
        expect(sums).toMatchObject([{ source: 'sink-queue', where: name }]);
        expect(sums[0]?.count).toBe(10_100);
      } else expect(sums).toEqual([]);
      expect(outlet.status().queued).toBe(60);
    });

    it('sends findings before traffic that came earlier', async () => {
      if (!takesTraffic()) return;
      peer.fail();
      give(...trafficRecords(200));
      await until('an attempt', () => peer.attempts() > 0);
      give(...findings(1));
      store.flush();
      peer.accept();

      await until('delivery', () => outlet.status().sent === 201);

      // Only the batch that was already on its way may be ahead of it.
      const place = peer.stored().findIndex((text) => text.includes('f-0'));
      expect(place).toBeGreaterThanOrEqual(0);
      expect(place).toBeLessThanOrEqual(OPTIONS.batchMaxRecords);
    });

    it('sends what is left when it stops', async () => {
      const records = [...findings(5), ...trafficRecords(70)];
      const all = records.length;
      give(...records);
      store.flush();

      await stop(5000);

      expect(peer.stored()).toHaveLength(all);
      expect(outlet.status()).toMatchObject({ sent: all, dropped: 0, queued: 0 });
    });

    it('stops within its limit though the peer hangs, and what is durable stays', async () => {
      peer.hang();
      const bulk = trafficRecords(5);
      give(...findings(5), ...bulk);
      store.flush();
      await until('a write in flight', () => peer.attempts() > 0);

      const before = performance.now();
      await stop(200);

      expect(performance.now() - before).toBeLessThan(2000);
      expect(outlet.status()).toMatchObject({ sent: 0, dropped: bulk.length, queued: 5 });
      expectBalance();
    });

    it('does not wait out its limit for a peer that is known to be away', async () => {
      peer.fail();
      give(...findings(5));
      await until('retrying', () => outlet.status().state === 'retrying');

      const before = performance.now();
      await stop(10_000);

      expect(performance.now() - before).toBeLessThan(2000);
      expect(outlet.status().queued).toBe(5);
    });
  });
}
