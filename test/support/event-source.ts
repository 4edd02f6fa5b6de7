/**
 * A client of Server-Sent Events over node:http that follows WHATWG HTML 9.2.5 and 9.2.6 to the letter: bytes to lines
 * to fields to events, and coming back with `Last-Event-ID`. Chunks may be cut anywhere.
 */
import { type ClientRequest, get, type IncomingMessage } from 'node:http';
import { StringDecoder } from 'node:string_decoder';

export interface StreamEvent {
  readonly type: string;
  readonly data: string;
  readonly lastEventId: string;
}

/** 9.2.5, 9.2.6: what a stream of text means. */
export class EventParser {
  /** Survives the connection. */
  lastEventId = '';
  retryMs: number | undefined;
  readonly comments: string[] = [];
  readonly #onEvent: (event: StreamEvent) => void;
  readonly #decoder = new StringDecoder('utf8');
  #text = '';
  #isFirst = true;
  #type = '';
  #data = '';
  #id: string;

  constructor(onEvent: (event: StreamEvent) => void, lastEventId = '') {
    this.#onEvent = onEvent;
    this.lastEventId = lastEventId;
    this.#id = lastEventId;
  }

  push(bytes: Buffer): void {
    this.#text += this.#decoder.write(bytes);
    if (this.#isFirst && this.#text.length > 0) {
      this.#isFirst = false;
      if (this.#text.startsWith('\uFEFF')) this.#text = this.#text.slice(1);
    }
    const end = /\r\n|\n|\r/g;
    let from = 0;
    for (let found = end.exec(this.#text); found !== null; found = end.exec(this.#text)) {
      // Its other half may still come.
      if (found[0] === '\r' && end.lastIndex === this.#text.length) break;
      this.#line(this.#text.slice(from, found.index));
      from = end.lastIndex;
    }
    this.#text = this.#text.slice(from);
  }

  #line(line: string): void {
    if (line === '') {
      this.#dispatch();
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) {
      this.comments.push(line.slice(1).trimStart());
      return;
    }
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.#type = value;
    else if (field === 'data') this.#data += `${value}\n`;
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    else if (field === 'retry' && /^[0-9]+$/.test(value)) this.retryMs = Number(value);
  }

  #dispatch(): void {
    this.lastEventId = this.#id;
    const { lastEventId } = this;
    const type = this.#type || 'message';
    const data = this.#data.replace(/\n$/, '');
    const isEmpty = this.#data === '';
    this.#type = '';
    this.#data = '';
    if (!isEmpty) this.#onEvent({ type, data, lastEventId });
  }
}

export interface EventClientOptions {
  readonly socketPath: string;
  /** `/api/v1/stream?kinds=finding` */
  readonly path: string;
  readonly lastEventId?: string;
  /** In place of keeping them. */
  readonly onEvent?: (event: StreamEvent) => void;
  /** Comes back when the stream ends, after this instead of what the server says. */
  readonly retryMs?: number;
}

export class EventClient {
  readonly events: StreamEvent[] = [];
  readonly comments: string[] = [];
  connections = 0;
  endings = 0;
  status: number | undefined;
  /** Of an answer that is no stream. */
  refusal = '';
  #lastEventId: string;
  #retryMs: number | undefined;
  #isClosed = false;
  #request: ClientRequest | undefined;
  #response: IncomingMessage | undefined;
  readonly #options: EventClientOptions;

  constructor(options: EventClientOptions) {
    this.#options = options;
    this.#lastEventId = options.lastEventId ?? '';
    this.#connect();
  }

  get lastEventId(): string {
    return this.#lastEventId;
  }

  /** What the server said that it should wait. */
  get retryMs(): number | undefined {
    return this.#retryMs;
  }

  get headers() {
    return this.#response?.headers;
  }

  get records(): Record<string, unknown>[] {
    return this.events.map(({ data }) => JSON.parse(data) as Record<string, unknown>);
  }

  /** Reads no further, as a program that hangs. */
  stall(): void {
    this.#response?.pause();
  }

  goOn(): void {
    this.#response?.resume();
  }

  /** As when the network breaks: the server is told nothing. */
  drop(): void {
    this.#request?.destroy();
  }

  close(): void {
    this.#isClosed = true;
    this.#request?.destroy();
  }

  #connect(): void {
    const { socketPath, path } = this.#options;
    const headers = {
      accept: 'text/event-stream',
      'cache-control': 'no-store',
      ...(this.#lastEventId !== '' && { 'last-event-id': this.#lastEventId }),
    };
    const request = get({ socketPath, path, headers, agent: false }, (response) => {
      this.#response = response;
      this.status = response.statusCode;
      if (response.statusCode !== 200) {
        response.setEncoding('utf8').on('data', (text: string) => {
          this.refusal += text;
        });
        return;
      }
      this.connections += 1;
      const parser = new EventParser((event) => {
        if (this.#options.onEvent === undefined) this.events.push(event);
        else this.#options.onEvent(event);
      }, this.#lastEventId);
      response.on('data', (bytes: Buffer) => {
        parser.push(bytes);
        this.#lastEventId = parser.lastEventId;
        this.#retryMs = parser.retryMs ?? this.#retryMs;
        this.comments.push(...parser.comments.splice(0));
      });
      response.on('end', () => {
        this.endings += 1;
      });
    });
    this.#request = request;
    request.on('error', () => {});
    request.once('close', () => {
      if (this.#isClosed || (this.status !== 200 && this.status !== undefined)) return;
      const { retryMs } = this.#options;
      if (retryMs !== undefined) setTimeout(() => !this.#isClosed && this.#connect(), retryMs);
    });
  }
}
