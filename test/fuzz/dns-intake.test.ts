/**
 * DNS from all taps at once. Bytes that nobody should send throw nothing and leave nothing behind; and whatever the turns
 * in which taps deliver, and however TCP cuts its streams, each question is told once and has one record. FUZZ_RUNS
 * sets how many inputs each property gets.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MemoryFrame } from '../../capture/memory.ts';
import type { Tap } from '../../src/sensor/taps/tap.ts';
import { lo, toClient, toResolver } from '../sensor/dns/container-side.ts';
import { at, datagram, IP, listener, segment, startPipeline } from '../sensor/pipeline-run.ts';
import { SECOND, T0 } from '../support/inventory-facts.ts';
import { answer, dnsOverTcp, dnsQuery, dnsResponse } from '../support/packet-builder.ts';

const numRuns = Number(process.env['FUZZ_RUNS'] ?? 60);
const SMALL = { flows: { max_flows: 1024 }, dns: { max_pending: 256 } };

const query = dnsQuery({ name: 'www.example.com', edns: {} });
const response = dnsResponse({
  name: 'www.example.com',
  answers: [answer.a('198.51.100.1'), answer.txt('a')],
});

const anyPayload = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc
    .tuple(
      fc.constantFrom(query, response, dnsOverTcp(query), dnsOverTcp(response)),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }),
      fc.double({ min: 0, max: 1.2, noNaN: true }),
    )
    .map(([seed, changes, keep]) => {
      const bytes = seed.slice(0, Math.ceil(seed.length * keep));
      for (const [i, value] of changes) if (bytes.length > 0) bytes[i % bytes.length] = value;
      return bytes;
    }),
);
const anyPort = fc.constantFrom(53, 5353, 5355, 40_001, 40_002);
const anyAddress = fc.constantFrom('127.0.0.1', '127.0.0.11', IP.db, IP.api, '224.0.0.251', '198.51.100.53');
const anyStep = fc.record({
  tap: fc.constantFrom('lo', 'bridge', 'file'),
  isTcp: fc.boolean(),
  src: anyAddress,
  dst: anyAddress,
  sport: anyPort,
  dport: anyPort,
  seq: fc.nat(3000),
  flags: fc.constantFrom('S', 'PA', 'FA', 'R'),
  payload: anyPayload,
  millis: fc.oneof(fc.nat(50), fc.integer({ min: -20_000, max: 20_000 })),
  reopen: fc.integer({ min: 0, max: 20 }),
});

describe('the DNS intake', () => {
  it('survives anything, in any order, from taps that come and go', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 80 }), (steps) => {
        const heard = { bytes: 0 };
        const analyzer = listener('none', {
          onDnsQuery: ({ labels, options }) => {
            for (const label of labels) expect(label.length).toBeLessThan(64);
            for (const { data } of options) heard.bytes += data.length;
          },
          onNotDns: ({ bytes }) => expect(bytes).toBeGreaterThan(0),
        });
        const run = startPipeline({ analyzers: [analyzer], ...SMALL });
        const taps: Record<string, Tap> = {
          lo: run.pipeline.attach(lo('db', run)),
          bridge: run.tap(),
          file: run.pipeline.attach({ interface: 'eth0', linkType: 1, vantage: 'file' }),
        };
        let millis = 1000;
        for (const step of steps) {
          millis = Math.max(1, millis + step.millis);
          const frame = step.isTcp ? segment(step, step.payload) : datagram(step, step.payload);
          run.feed(taps[step.tap]!, [at(millis / 1000, frame)]);
          if (step.reopen > 0) continue;
          run.pipeline.detach(taps['lo']!);
          taps['lo'] = run.pipeline.attach(lo('db', run));
        }
        run.pipeline.finish();

        const records = run.of('dns');
        expect(records.length).toBeGreaterThanOrEqual(run.pipeline.dnsQuestions);
        for (const { query: name, answers } of records) {
          for (const text of [name, ...answers.map(({ data }) => data)])
            expect(text).toMatch(/^[\x20-\x7e]*$/);
        }
      }),
      { numRuns },
    );
  });

  interface Exchange {
    readonly name: number;
    readonly startMillis: number;
    /** Of the way on: question, answer, and back to the container. */
    readonly delays: readonly [number, number, number];
    readonly isTcp: boolean;
    readonly cut: number;
    readonly kind: 'forwarded' | 'answered-by-engine' | 'direct';
  }
  const anyExchange: fc.Arbitrary<Exchange> = fc.record({
    name: fc.nat(3),
    startMillis: fc.nat(1500),
    delays: fc.tuple(
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 1, max: 8 }),
    ),
    isTcp: fc.boolean(),
    cut: fc.integer({ min: 1, max: 60 }),
    kind: fc.constantFrom('forwarded', 'forwarded', 'answered-by-engine', 'direct'),
  });

  it('tells each question once, with its upstream, whatever the turns of the taps and the segments', () => {
    fc.assert(
      fc.property(
        fc.array(anyExchange, { maxLength: 30 }),
        fc.array(fc.tuple(fc.integer({ min: 40, max: 100 }), fc.boolean()), { minLength: 20, maxLength: 30 }),
        (exchanges, turns) => {
          const questions: string[] = [];
          const analyzer = listener('none', {
            onDnsQuery: ({ record }) => void questions.push(`${record.vantage} ${record.query}`),
          });
          const run = startPipeline({ analyzers: [analyzer], ...SMALL });
          const taps = { lo: run.pipeline.attach(lo('db', run)), bridge: run.tap() };
          const frames = { lo: [] as MemoryFrame[], bridge: [] as MemoryFrame[] };
          for (const [i, exchange] of exchanges.entries()) addExchange(frames, exchange, i);
          for (const tap of ['lo', 'bridge'] as const) frames[tap].sort((a, b) => a.time - b.time);

          // Each tap has handed over all that was there at its turn; who comes first differs.
          let now = T0;
          for (const [millis, loFirst] of [...turns, ...Array(30).fill([100, true] as const)]) {
            now += millis * 1000;
            for (const tap of loFirst ? (['lo', 'bridge'] as const) : (['bridge', 'lo'] as const)) {
              const due = frames[tap].filter(({ time }) => time <= now);
              frames[tap] = frames[tap].slice(due.length);
              if (due.length > 0) run.feed(taps[tap], due);
            }
          }
          run.pipeline.advanceTo(now + SECOND);
          run.pipeline.finish();

          const expected = exchanges.map(({ kind, name }, i) =>
            kind === 'direct' ? `bridge direct${i}.test` : `container n${name}.test`,
          );
          expect([...questions].sort()).toEqual(expected.sort());
          const records = run.of('dns');
          expect(records.map(({ vantage, query: name }) => `${vantage} ${name}`).sort()).toEqual(expected);
          expect(records.every(({ rtt }) => rtt !== undefined)).toBe(true);
          // Ids are kept, so each finds its own.
          const upstreams = records.filter(({ upstream }) => upstream !== undefined).map(({ id }) => id);
          const forwarded = exchanges.flatMap(({ kind }, i) => (kind === 'forwarded' ? [i] : []));
          expect(upstreams.sort((a, b) => a - b)).toEqual(forwarded);
        },
      ),
      { numRuns },
    );
  });

  function addExchange(
    frames: { lo: MemoryFrame[]; bridge: MemoryFrame[] },
    { name, startMillis, delays, isTcp, cut, kind }: Exchange,
    i: number,
  ): void {
    const isDirect = kind === 'direct';
    const fields = { name: isDirect ? `direct${i}.test` : `n${name}.test`, id: i };
    const asks = dnsQuery(fields);
    const answers = dnsResponse({ ...fields, answers: [answer.a(IP.outside)] });
    const start = startMillis / 1000;
    const [on, back, told] = delays.map((delay) => delay / 1000) as [number, number, number];
    const port = 41_000 + i;
    const ends = { src: IP.db, dst: '198.51.100.53', sport: 51_000 + i, dport: 53 };
    if (kind !== 'answered-by-engine') {
      frames.bridge.push(at(start + on, datagram(ends, asks)));
      frames.bridge.push(
        at(start + on + back, datagram({ src: ends.dst, dst: IP.db, sport: 53, dport: ends.sport }, answers)),
      );
    }
    if (isDirect) return;
    const end = start + on + back + told;
    if (!isTcp) {
      frames.lo.push(at(start, toResolver(asks, port)), at(end, toClient(answers, port)));
      return;
    }
    const client = { src: '127.0.0.1', dst: '127.0.0.11', sport: port, dport: 33_333 };
    const server = { src: '127.0.0.11', dst: '127.0.0.1', sport: 53, dport: port };
    frames.lo.push(at(start, segment({ ...client, seq: 0, flags: 'S' })));
    frames.lo.push(at(start, segment({ ...server, seq: 0, flags: 'SA' })));
    for (const data of cutUp(dnsOverTcp(asks), cut, client)) frames.lo.push(at(start, data));
    for (const data of cutUp(dnsOverTcp(answers), cut, server)) frames.lo.push(at(end, data));
  }

  /** Each second pair out of order, each segment twice. */
  function cutUp(stream: Uint8Array, size: number, ends: Parameters<typeof segment>[0]): Uint8Array[] {
    const parts: Uint8Array[] = [];
    for (let from = 0; from < stream.length; from += size) {
      parts.push(segment({ ...ends, seq: 1 + from, flags: 'PA' }, stream.slice(from, from + size)));
    }
    for (let i = 1; i + 1 < parts.length; i += 4) [parts[i], parts[i + 1]] = [parts[i + 1]!, parts[i]!];
    return parts.flatMap((part) => [part, part]);
  }
});
