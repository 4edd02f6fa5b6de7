/** The answers to questions, from one look into the database. Runs in the worker thread; every look is bounded. */
import { compileFilter } from '../../query/filter.ts';
import type { RecordFilter, RowPlace, StoredRecord, StoreReader } from '../store/reader.ts';
import { containersOf, knownUntil, whoHeld } from '../store/who-held.ts';
import type { Holders, Inventory, Page, PageQuestion, Question } from './question.ts';

/** Rows that one page of a filter looks at: a second or so. A page that ends there tells where to go on. */
const MAX_ROWS = 100_000;
const MAX_HISTORY = 10_000;
const MAX_LEASES = 10_000;

export function answerQuestion(reader: StoreReader, question: Question): unknown {
  switch (question.type) {
    case 'page':
      return page(reader, question);
    case 'finding':
      return reader
        .queryFindings({ id: question.id, history: true, limit: MAX_HISTORY })
        .map(({ text }) => text);
    case 'holders':
      return holders(reader, question);
    case 'inventory':
      return inventory(reader, question);
  }
}

function page(reader: StoreReader, question: PageQuestion): Page {
  const { filter, kinds, now, limit } = question;
  const asOf = question.asOf ?? reader.lastSeq('events');
  let stopped: RowPlace | undefined;
  const where: RecordFilter = {
    ...given('since', question.since),
    ...given('until', question.until),
    ...given('network', question.network),
    ...given('container', question.container),
    ...given('before', question.before),
    // One more than asked for tells whether there is a next page.
    limit: limit + 1,
    ...(filter === undefined
      ? {}
      : {
          matching: {
            filter: compileFilter(filter, { kinds, now }),
            maxRows: MAX_ROWS,
            onStopped: (time, seq) => {
              stopped = { time, seq };
            },
          },
        }),
  };
  const rows = ask(reader, question, where, asOf).reverse();
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  const next = rows.length > limit && last !== undefined ? { time: last.time, seq: last.seq } : stopped;
  return { items: items.map(({ text }) => text), next, asOf };
}

function ask(reader: StoreReader, question: PageQuestion, where: RecordFilter, asOf: number): StoredRecord[] {
  switch (question.of) {
    case 'findings':
      return reader.queryFindings({
        ...where,
        ...given('severity', question.severity),
        ...(question.history === true ? { history: true } : { asOf }),
      });
    case 'flows':
      return reader.queryFlows(where);
    case 'dns':
      return reader.queryDns(where);
    case 'events':
      return reader.queryEvents({ ...where, kinds: question.kinds });
  }
}

function holders(reader: StoreReader, { subject, at, now }: Extract<Question, { type: 'holders' }>): Holders {
  const held = whoHeld(reader, subject, at);
  return {
    holders: held.holders.map(({ text }) => text),
    containers: containersOf(held.holders).length,
    before: held.before?.text,
    after: held.after?.text,
    gap: held.gap,
    knownUntil: knownUntil(reader, now),
  };
}

function inventory(reader: StoreReader, { at, now }: Extract<Question, { type: 'inventory' }>): Inventory {
  const { holders: leases, gap } = whoHeld(reader, {}, at);
  const networks = reader
    .networks()
    .filter(({ seenAt, removedAt }) => seenAt <= at && (removedAt === undefined || at < removedAt));
  return {
    networks: networks.map(({ text }) => text),
    leases: leases.slice(0, MAX_LEASES).map(({ text }) => text),
    isCut: leases.length >= MAX_LEASES,
    gap,
    knownUntil: knownUntil(reader, now),
  };
}

function given<K extends string, V>(name: K, value: V | undefined): { readonly [N in K]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [N in K]?: V });
}
