import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MICROS_PER_SECOND } from '../../../src/model/time.ts';
import type { Delivery } from '../../../src/station/entry.ts';
import { LineFile } from '../../../src/station/sinks/file/line-file.ts';
import { stdoutTarget } from '../../../src/station/sinks/file/stdout.ts';
import type { LineTarget } from '../../../src/station/sinks/file/target.ts';
import { type FileSinkConfig, fileSink, newFileSink } from '../../../src/station/sinks/file.ts';
import { type Sink, SinkError } from '../../../src/station/sinks/sink.ts';
import { sinkCompliance } from '../../compliance/sink.ts';
import { entryOf, memoryLogger, temporaryDirectory, until } from '../support/harness.ts';
import { coverage, finding, T0, traffic } from '../support/records.ts';

const deps = () => ({ logger: memoryLogger().logger, host: 'host1', version: '1.2.3', now: () => T0 });
const never = new AbortController().signal;

function linesOf(path: string): string[] {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  return text.split('\n').filter((line) => line !== '');
}

/** The real file, before which a disk can be unwell. */
sinkCompliance('file', async () => {
  const directory = temporaryDirectory();
  const path = join(directory.path, 'x.ndjson');
  const file = new LineFile(
    path,
    { maxBytes: 0, maxAgeSecs: 0, keep: 1, gzip: false, fsync: 'write' },
    () => T0,
  );
  let attempts = 0;
  let mood: (lines: readonly string[]) => void | Promise<void> = () => {};
  const target: LineTarget = {
    name: path,
    check: () => file.check(),
    prepare: () => file.prepare(),
    async append(lines, lane) {
      attempts += 1;
      await mood(lines);
      await file.append(lines, lane);
    },
    close: () => file.close(),
  };
  const config = fileSink.config.parse({
    type: 'file',
    path,
    kinds: ['finding', 'loss', 'coverage', 'traffic'],
  });
  return {
    sink: newFileSink(config as FileSinkConfig, deps(), target),
    secret: 'a file has none',
    stored: () => linesOf(path),
    attempts: () => attempts,
    accept: () => {
      mood = () => {};
    },
    fail: () => {
      mood = () => {
        throw new SinkError('SINK_UNAVAILABLE', 'wait', 'the disk is full');
      };
    },
    refuse: () => {
      mood = () => {
        throw new SinkError('SINK_NO_TARGET', 'act', 'cannot write: EACCES; check who may write');
      };
    },
    reject: (text) => {
      mood = (lines) => {
        if (lines.some((line) => line.includes(`"id":"${text}"`)))
          throw new SinkError('SINK_REJECTED', 'split', 'no form');
      };
    },
    hang: () => {
      mood = () => new Promise(() => {});
    },
    close: async () => directory.remove(),
  };
});

describe('the sink file', () => {
  let directory: ReturnType<typeof temporaryDirectory>;
  let path: string;

  beforeEach(() => {
    directory = temporaryDirectory();
    path = join(directory.path, 'logs', 'x.ndjson');
  });

  afterEach(() => directory.remove());

  function newSink(over: object = {}, now = T0): Sink {
    const config = fileSink.config.parse({ type: 'file', path, ...over });
    return fileSink.create(config, { ...deps(), now: () => now });
  }

  const batch = (...numbers: readonly number[]): Delivery[] => numbers.map((n) => entryOf(finding(n)));
  const textOf = (deliveries: readonly Delivery[]) => deliveries.map(({ text }) => `${text}\n`).join('');

  async function write(sink: Sink, deliveries: readonly Delivery[]): Promise<void> {
    await sink.prepare(never);
    await sink.write(deliveries, never);
  }

  it('writes one line a record, each as the store has it, to a file that the group may read', async () => {
    const records = batch(1, 2);

    await write(newSink(), records);

    expect(readFileSync(path, 'utf8')).toBe(textOf(records));
    expect(statSync(path).mode & 0o777).toBe(0o640);
  });

  it('writes the other formats', async () => {
    await write(newSink({ format: 'ecs' }), batch(1));
    await write(newSink({ format: 'cef', kinds: ['finding'], path: `${path}.cef` }), batch(1));

    expect(JSON.parse(linesOf(path)[0]!)).toMatchObject({
      ecs: { version: '8.11.0' },
      host: { name: 'host1' },
    });
    expect(linesOf(`${path}.cef`)[0]).toMatch(/^CEF:0\|Bridgewatch\|bridgewatch\|1\.2\.3\|/);
  });

  describe('after a kill', () => {
    it('does not repeat what is there though nobody remembers that it was delivered', async () => {
      const records = batch(1, 2, 3);
      await write(newSink(), records.slice(0, 2));

      await write(newSink(), records);

      expect(readFileSync(path, 'utf8')).toBe(textOf(records));
    });

    it('finds findings again though events were written first', async () => {
      const records = batch(1, 2, 3);
      const event = entryOf(coverage(1));
      await write(newSink(), records.slice(0, 2));
      const sink = newSink();

      await write(sink, [event]);
      await write(sink, records);

      expect(linesOf(path)).toEqual(
        [...records.slice(0, 2), event, ...records.slice(2)].map(({ text }) => text),
      );
    });

    it.each([1, 40, 300])('cuts %i bytes of a line that was begun, and writes it whole', async (bytes) => {
      const records = batch(1, 2);
      await write(newSink(), records.slice(0, 1));
      appendFileSync(path, records[1]!.text.slice(0, bytes));

      await write(newSink(), records);

      expect(readFileSync(path, 'utf8')).toBe(textOf(records));
    });

    it('takes a whole line without its end for one that was begun', async () => {
      const records = batch(1, 2);
      await write(newSink(), records);
      truncateSync(path, statSync(path).size - 1);

      await write(newSink(), records);

      expect(readFileSync(path, 'utf8')).toBe(textOf(records));
    });

    it('writes what is new though the same was written long before by itself', async () => {
      const records = batch(1, 2, 3);
      const sink = newSink();
      await write(sink, records);

      await write(sink, batch(4));
      await write(sink, records);

      expect(linesOf(path)).toHaveLength(7);
    });
  });

  it("never cuts another's line, and ends one that has no end", async () => {
    mkdirSync(join(directory.path, 'logs'));
    writeFileSync(path, 'one of another\nhalf of ano');
    const sink = newSink();

    await write(sink, batch(1));
    appendFileSync(path, 'more of another');
    await write(sink, batch(2));

    const [first, second] = batch(1, 2);
    expect(readFileSync(path, 'utf8')).toBe(
      `one of another\nhalf of ano\n${first!.text}\nmore of another\n${second!.text}\n`,
    );
  });

  it('goes on in a new file when the old one was moved, or cut, by somebody else', async () => {
    const sink = newSink();
    await write(sink, batch(1));

    renameSync(path, `${path}.moved`);
    await write(sink, batch(2));
    truncateSync(path, 0);
    await write(sink, batch(3));

    expect(linesOf(`${path}.moved`)).toEqual(batch(1).map(({ text }) => text));
    expect(linesOf(path)).toEqual(batch(3).map(({ text }) => text));
  });

  describe('rotation', () => {
    const size = textOf(batch(1)).length;

    it('moves the file before a write that would make it too large, and not before', async () => {
      const sink = newSink({ rotate_max_bytes: 2 * size });

      await write(sink, batch(1));
      await write(sink, batch(2));
      expect(existsSync(`${path}.1`)).toBe(false);
      await write(sink, batch(3));

      expect(readFileSync(`${path}.1`, 'utf8')).toBe(textOf(batch(1, 2)));
      expect(readFileSync(path, 'utf8')).toBe(textOf(batch(3)));
    });

    it('keeps as many as it is told, the oldest goes', async () => {
      const sink = newSink({ rotate_max_bytes: 1, rotate_keep: 2 });

      for (const n of [1, 2, 3, 4]) await write(sink, batch(n));

      expect([path, `${path}.1`, `${path}.2`].map((name) => readFileSync(name, 'utf8'))).toEqual(
        [4, 3, 2].map((n) => textOf(batch(n))),
      );
      expect(existsSync(`${path}.3`)).toBe(false);
    });

    it('moves a file that was begun too long ago', async () => {
      await write(newSink(), batch(1));
      const bornMicros = statSync(path).birthtimeMs * 1000;
      const at = (secs: number) => Math.ceil(bornMicros + secs * MICROS_PER_SECOND);
      const daily = { rotate_interval_secs: 86_400 };

      await write(newSink(daily, at(86_399)), batch(2));
      expect(existsSync(`${path}.1`)).toBe(false);
      await write(newSink(daily, at(86_401)), batch(3));

      expect(linesOf(`${path}.1`)).toHaveLength(2);
      expect(linesOf(path)).toHaveLength(1);
    });

    it('compresses what it moved, after a restart too, and loses nothing of it', async () => {
      const options = { rotate_max_bytes: 1, rotate_gzip: true, rotate_keep: 3 };
      const sink = newSink(options);
      for (const n of [1, 2, 3]) await write(sink, batch(n));
      await until('compression', () => existsSync(`${path}.1.gz`) && !existsSync(`${path}.1`));
      await sink.close();
      const text = (n: number) => gunzipSync(readFileSync(`${path}.${n}.gz`)).toString('utf8');
      expect([text(1), text(2)]).toEqual([textOf(batch(2)), textOf(batch(1))]);

      renameSync(path, `${path}.1`);
      renameSync(`${path}.1.gz`, `${path}.3.gz`);
      await newSink(options).prepare(never);
      await until('compression at the start', () => !existsSync(`${path}.1`));

      expect(text(1)).toBe(textOf(batch(3)));
      expect(statSync(`${path}.1.gz`).mode & 0o777).toBe(0o640);
    });

    it('is put off while what comes again may come once more', async () => {
      const records = batch(1, 2, 3);
      await write(newSink(), records.slice(0, 2));
      await write(newSink({ rotate_max_bytes: 1 }), records);

      await write(newSink({ rotate_max_bytes: 1 }), records);

      expect(existsSync(`${path}.1`)).toBe(false);
      expect(readFileSync(path, 'utf8')).toBe(textOf(records));
    });

    it('does not take a moved file for one that lost what comes again', async () => {
      const records = batch(1, 2);
      await write(newSink(), records);

      const sink = newSink({ rotate_max_bytes: 1 });
      await write(sink, records);
      await write(sink, batch(3));

      expect(readFileSync(`${path}.1`, 'utf8')).toBe(textOf(records));
      expect(readFileSync(path, 'utf8')).toBe(textOf(batch(3)));
    });
  });

  describe('its check', () => {
    it('says what is there and makes nothing', async () => {
      expect(await newSink().check(never)).toBe(`${path} will be made, native`);
      expect(existsSync(join(directory.path, 'logs'))).toBe(false);
      await write(newSink(), batch(1));
      expect(await newSink().check(never)).toMatch(/x\.ndjson, \d+ bytes so far, native$/);
    });

    it.each(['a directory', 'a pipe'])('refuses %s, as writing does', async (what) => {
      mkdirSync(join(directory.path, 'logs'));
      if (what === 'a directory') mkdirSync(path);
      else execFileSync('mkfifo', [path]);

      await expect(newSink().check(never)).rejects.toMatchObject({ remedy: 'act', code: 'SINK_NO_TARGET' });
      await expect(newSink().write(batch(1), never)).rejects.toThrow(/give the path of a file/);
    });
  });

  it('ends its wait when it is told to', async () => {
    await expect(newSink().write(batch(1), AbortSignal.abort())).rejects.toMatchObject({ remedy: 'wait' });
  });

  it('writes traffic again that is the same: nobody sends it twice', async () => {
    const sink = newSink({ kinds: ['traffic'] });
    const record = entryOf(traffic(1));
    await write(sink, [record]);

    await write(newSink({ kinds: ['traffic'] }), [record]);

    expect(linesOf(path)).toHaveLength(2);
  });
});

describe('the sink file on stdout', () => {
  it('writes one line a record', async () => {
    const stream = new PassThrough();
    const target = stdoutTarget(stream);

    await target.append(['{"a":1}', '{"a":2}'], 'finding');

    expect(String(stream.read())).toBe('{"a":1}\n{"a":2}\n');
    await target.close();
  });

  it('asks for a person when nobody reads it any more, and does not end the process', async () => {
    const stream = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
    });
    const target = stdoutTarget(stream);

    await expect(target.append(['x'], 'finding')).rejects.toMatchObject({
      remedy: 'act',
      message: expect.stringMatching(/stdout: EPIPE/),
    });
    await expect(target.append(['y'], 'finding')).rejects.toMatchObject({ remedy: 'act' });
    await target.close();
  });
});

const canMount = process.getuid?.() === 0;
if (!canMount) console.warn('*** not root: the sink file is not tried on a disk that is full or read-only');

describe.skipIf(!canMount)('the sink file on a real disk', () => {
  let directory: ReturnType<typeof temporaryDirectory>;
  let disk: string;

  beforeEach(() => {
    directory = temporaryDirectory();
    disk = join(directory.path, 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]);
  });

  afterEach(() => {
    execFileSync('umount', ['-l', disk]);
    directory.remove();
  });

  it('waits while it is full, and then writes each record once and whole', async () => {
    const path = join(disk, 'x.ndjson');
    const sink = fileSink.create(fileSink.config.parse({ type: 'file', path }), deps());
    const records = Array.from({ length: 60 }, (_, n) => entryOf(finding(n)));
    writeFileSync(join(disk, 'ballast'), Buffer.alloc(40_960));
    await sink.prepare(never);

    const failure = await sink.write(records, never).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      remedy: 'wait',
      message: expect.stringMatching(/x\.ndjson: ENOSPC; the disk is full/),
    });
    // Some of it arrived, and the last of that not whole.
    expect(statSync(path).size).toBeGreaterThan(0);
    truncateSync(join(disk, 'ballast'), 0);
    await sink.write(records, never);

    expect(linesOf(path)).toEqual(records.map(({ text }) => text));
  });

  it('waits while it is read-only, in words', async () => {
    const path = join(disk, 'x.ndjson');
    const sink = fileSink.create(fileSink.config.parse({ type: 'file', path }), deps());
    execFileSync('mount', ['-o', 'remount,ro', disk]);

    await expect(sink.write([entryOf(finding(1))], never)).rejects.toMatchObject({
      remedy: 'wait',
      message: expect.stringMatching(/EROFS; the file system is read-only/),
    });
    execFileSync('mount', ['-o', 'remount,rw', disk]);
    await sink.write([entryOf(finding(1))], never);

    expect(linesOf(path)).toHaveLength(1);
  });
});
