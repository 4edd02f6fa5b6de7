/**
 * The search for the name that a client asked for, or that a server shows, in flows whose protocol has one. A search
 * lives for a few packets: it is told bytes until it has an answer or will have none.
 */
import type { FlowRecord } from '../../model/flow.ts';
import { readHttpHost } from './http.ts';
import { QuicInitial } from './quic-initial.ts';
import type { FirstBytes } from './recognizer.ts';
import { StreamPrefix } from './stream-prefix.ts';
import { RECORD, RECORD_HEADER_BYTES } from './tls.ts';
import { readCertificateName } from './tls-certificate.ts';
import { type ClientHello, readClientHello, readCutClientHello } from './tls-hello.ts';
import { unwrapRecords } from './tls-records.ts';

/** A hello with post-quantum key shares has 1.8 KiB; a request head rarely more. */
const MAX_HEAD_BYTES = 4096;
/** ServerHello and the server's own certificate; those of its issuers stand behind it and are not needed. */
const MAX_CERTIFICATE_BYTES = 8192;

export interface FoundName {
  readonly serverName?: string | undefined;
  readonly serverNameFrom: NonNullable<FlowRecord['serverNameFrom']>;
  /** TLS in which the client means to speak PostgreSQL (its ALPN says so). */
  readonly offersPostgresql?: boolean;
  /** A hello that asks for no name: the server's certificate may show one. */
  readonly wantsCertificate?: boolean;
}

export interface NameSearch {
  /** `undefined`: go on. `seq` is the TCP sequence number of the first byte. */
  take(bytes: FirstBytes, seq: number): FoundName | undefined;
  /** No more bytes will come: what can be said from what there is. */
  giveUp(): FoundName;
}

/** The client's hello: `server_name`, in clear in every version so far (without Encrypted Client Hello). */
export class ClientHelloSearch implements NameSearch {
  readonly #prefix: StreamPrefix;

  /** `next`: where the hello begins, when it is not the first thing said. */
  constructor(next?: number) {
    this.#prefix = new StreamPrefix(MAX_HEAD_BYTES, next);
  }

  /** The hello as it mostly comes, whole in one record and one segment: read where it stands. */
  static readWhole({ data, at, end }: FirstBytes): FoundName | undefined {
    const from = at + RECORD_HEADER_BYTES;
    const stop = Math.min(end, from + data.getUint16(at + 3));
    const hello = readClientHello(data, from, stop);
    return hello === 'more' ? undefined : foundHello(hello);
  }

  take({ data, at, end }: FirstBytes, seq: number): FoundName | undefined {
    const prefix = this.#prefix;
    if (!prefix.push(seq, data, at, end)) return undefined;
    if (prefix.bytes[0] !== RECORD.HANDSHAKE) return foundHello(undefined);
    const { view, bytes, isOver } = handshakeBytes(prefix);
    const hello = readClientHello(view, 0, bytes);
    if (hello !== 'more') return foundHello(hello);
    return isOver || prefix.isFull ? foundHello(readCutClientHello(view, 0, bytes)) : undefined;
  }

  giveUp(): FoundName {
    const { view, bytes } = handshakeBytes(this.#prefix);
    return foundHello(readCutClientHello(view, 0, bytes));
  }
}

/** The server's certificate, where TLS before 1.3 shows it. */
export class CertificateSearch implements NameSearch {
  readonly #prefix = new StreamPrefix(MAX_CERTIFICATE_BYTES);

  take({ data, at, end }: FirstBytes, seq: number): FoundName | undefined {
    const prefix = this.#prefix;
    if (!prefix.push(seq, data, at, end)) return undefined;
    const { view, bytes, isOver } = handshakeBytes(prefix);
    const found = readCertificateName(view, 0, bytes);
    if (found !== 'more') return { serverName: found.name, serverNameFrom: 'certificate' };
    return isOver || prefix.isFull ? this.giveUp() : undefined;
  }

  giveUp(): FoundName {
    return { serverNameFrom: 'certificate' };
  }
}

/** The Host field of the first request. */
export class HttpHostSearch implements NameSearch {
  readonly #prefix = new StreamPrefix(MAX_HEAD_BYTES);

  static readWhole({ data, at, end }: FirstBytes): FoundName | undefined {
    const found = readHttpHost(data, at, end);
    return found === 'more' ? undefined : { serverName: found.host, serverNameFrom: 'http-host' };
  }

  take({ data, at, end }: FirstBytes, seq: number): FoundName | undefined {
    const prefix = this.#prefix;
    if (!prefix.push(seq, data, at, end)) return undefined;
    const view = new DataView(prefix.bytes.buffer, prefix.bytes.byteOffset, prefix.filled);
    const found = readHttpHost(view, 0, prefix.filled);
    if (found !== 'more') return { serverName: found.host, serverNameFrom: 'http-host' };
    return prefix.isFull ? this.giveUp() : undefined;
  }

  giveUp(): FoundName {
    return { serverNameFrom: 'http-host' };
  }
}

/** The ClientHello in QUIC's Initial packets: frames in any order, over several datagrams. */
export class QuicSearch implements NameSearch {
  /** Datagrams that may still be opened now; shared, and filled up by its owner. */
  readonly #budget: { left: number; refused: number };
  readonly #initial = new QuicInitial();
  readonly #bytes = new Uint8Array(MAX_HEAD_BYTES);
  /** 1 where a byte is there. */
  readonly #known = new Uint8Array(MAX_HEAD_BYTES);
  #whole = 0;

  constructor(budget: { left: number; refused: number }) {
    this.#budget = budget;
  }

  take({ data, at, end }: FirstBytes): FoundName | undefined {
    if (this.#budget.left === 0) {
      this.#budget.refused++;
      return this.giveUp();
    }
    this.#budget.left--;
    this.#initial.read(data, at, end, this.#onCrypto);
    const hello = readClientHello(new DataView(this.#bytes.buffer), 0, this.#whole);
    if (hello !== 'more') return foundHello(hello, 'quic-sni');
    return this.#whole === MAX_HEAD_BYTES ? this.giveUp() : undefined;
  }

  giveUp(): FoundName {
    const view = new DataView(this.#bytes.buffer);
    return foundHello(readCutClientHello(view, 0, this.#whole), 'quic-sni');
  }

  readonly #onCrypto = (offset: number, data: Uint8Array): void => {
    const stop = Math.min(offset + data.length, MAX_HEAD_BYTES);
    if (stop <= offset) return;
    this.#bytes.set(data.subarray(0, stop - offset), offset);
    this.#known.fill(1, offset, stop);
    while (this.#whole < MAX_HEAD_BYTES && this.#known[this.#whole] === 1) this.#whole++;
  };
}

function foundHello(
  hello: ClientHello | undefined,
  serverNameFrom: 'tls-sni' | 'quic-sni' = 'tls-sni',
): FoundName {
  if (hello === undefined) return { serverNameFrom };
  const { serverName, offersPostgresql } = hello;
  const wantsCertificate = serverName === undefined && serverNameFrom === 'tls-sni';
  return { serverName, serverNameFrom, offersPostgresql, wantsCertificate };
}

/** On a copy, because unwrapping rewrites, and more records may come. */
function handshakeBytes(prefix: StreamPrefix): { view: DataView; bytes: number; isOver: boolean } {
  const copy = prefix.bytes.slice(0, prefix.filled);
  return { view: new DataView(copy.buffer), ...unwrapRecords(copy, prefix.filled) };
}
