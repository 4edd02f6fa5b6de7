/**
 * A stand-in for nats-server with one stream, as much of the protocol as a publisher needs: what the real one cannot be
 * asked for (an error code, silence, a refusal in the middle) can be set here. Duplicates are known for ever.
 */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

export interface NatsMessage {
  readonly subject: string;
  readonly id: string;
  readonly text: string;
}

export interface NatsPeer {
  readonly url: string;
  /** Stored, once each. */
  readonly messages: NatsMessage[];
  /** What the server says of a message instead of taking it: JetStream's error, `silence` or `-ERR` of permissions. */
  mood: (message: NatsMessage) => Refusal | undefined;
  /** Messages that came, taken or not. */
  attempts(): number;
  connections(): number;
  /** Of the handshake: what a password that is wrong gets. */
  authorization: boolean;
  stream: { readonly subjects: readonly string[] } | undefined;
  close(): Promise<void>;
}

export type Refusal =
  | { readonly err_code: number; readonly description: string }
  | 'silence'
  | 'forbidden'
  | 'nobody';

export async function startNatsPeer({ maxPayload = 1_048_576 } = {}): Promise<NatsPeer> {
  const sockets = new Set<Socket>();
  const ids = new Set<string>();
  let attempts = 0;
  let connections = 0;

  const server = createServer((socket) => {
    sockets.add(socket);
    connections += 1;
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    const { port } = server.address() as { port: number };
    const info = { server_id: 'X', version: '2.9.10', proto: 1, headers: true, max_payload: maxPayload };
    socket.write(`INFO ${JSON.stringify({ ...info, host: '127.0.0.1', port })}\r\n`);
    let inbox = '1';
    let rest = Buffer.alloc(0);
    const reply = (subject: string, data: string) =>
      socket.write(`MSG ${subject} ${inbox} ${Buffer.byteLength(data)}\r\n${data}\r\n`);

    const onPublish = (subject: string, replyTo: string, head: string, text: string): unknown => {
      if (subject.startsWith('$JS.API.')) return reply(replyTo, JSON.stringify(answer(subject)));
      attempts += 1;
      const message = { subject, text, id: /^Nats-Msg-Id: (.*)$/m.exec(head)?.[1]?.trim() ?? '' };
      const refusal = peer.mood(message);
      if (refusal === 'silence') return undefined;
      if (refusal === 'forbidden')
        return socket.write(`-ERR 'Permissions Violation for Publish to "${subject}"'\r\n`);
      if (refusal === 'nobody') {
        const status = 'NATS/1.0 503\r\n\r\n';
        return socket.write(`HMSG ${replyTo} ${inbox} ${status.length} ${status.length}\r\n${status}\r\n`);
      }
      if (refusal !== undefined)
        return reply(replyTo, JSON.stringify({ error: { code: 503, ...refusal }, stream: 'S', seq: 0 }));
      if (!ids.has(message.id)) peer.messages.push(message);
      ids.add(message.id);
      return reply(replyTo, JSON.stringify({ stream: 'S', seq: peer.messages.length }));
    };

    socket.on('data', (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      for (;;) {
        const end = rest.indexOf('\r\n');
        if (end < 0) return;
        const [verb, ...words] = rest.toString('utf8', 0, end).split(' ');
        let used = end + 2;
        if (verb === 'HPUB' || verb === 'PUB') {
          const length = Number(words.at(-1));
          if (rest.length < used + length + 2) return;
          const headLength = verb === 'HPUB' ? Number(words.at(-2)) : 0;
          const body = rest.subarray(used, used + length);
          used += length + 2;
          onPublish(
            words[0]!,
            words[1]!,
            body.toString('utf8', 0, headLength),
            body.toString('utf8', headLength),
          );
        } else if (verb === 'PING') {
          if (peer.authorization) socket.write('PONG\r\n');
          else socket.end("-ERR 'Authorization Violation'\r\n");
        } else if (verb === 'SUB') inbox = words.at(-1)!;
        rest = rest.subarray(used);
      }
    });
  });

  function answer(subject: string): object {
    const { stream } = peer;
    if (stream === undefined && subject.includes('.STREAM.INFO.'))
      return { error: { code: 404, err_code: 10059, description: 'stream not found' } };
    if (subject.includes('.STREAM.CREATE.')) peer.stream = { subjects: ['bridgewatch.>'] };
    const config = { name: 'S', duplicate_window: 6e11, max_age: 0, discard: 'old', ...peer.stream };
    return { config, state: { messages: peer.messages.length, bytes: 0 }, created: '2026-01-01T00:00:00Z' };
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const peer: NatsPeer = {
    url: `nats://127.0.0.1:${port}`,
    messages: [],
    mood: () => undefined,
    attempts: () => attempts,
    connections: () => connections,
    authorization: true,
    stream: { subjects: ['bridgewatch.>'] },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return peer;
}
