/** A receiver of syslog on loopback that takes octet-counted frames as RFC 6587 has them, over TCP or TLS. */
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';

export interface SyslogPeer {
  readonly port: number;
  /** Whole messages, in order of coming. */
  readonly messages: string[];
  /** Connections so far. */
  connections(): number;
  /** Ends every connection and takes none, until `listen`. */
  down(): Promise<void>;
  listen(): Promise<void>;
  /** Breaks every connection, as a receiver that is killed does. */
  cut(): void;
  close(): Promise<void>;
}

export async function startSyslogPeer(tls?: TlsOptions): Promise<SyslogPeer> {
  const messages: string[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  let server: Server | undefined;
  let port = 0;
  const onSocket = (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    let rest = Buffer.alloc(0);
    socket.on('data', (bytes) => {
      rest = Buffer.concat([rest, bytes]);
      for (;;) {
        const digits = /^[1-9]\d* /.exec(rest.toString('latin1', 0, 8))?.[0];
        if (digits === undefined) {
          if (rest.length >= 8) throw new Error(`no octet count: ${rest.toString('latin1', 0, 40)}`);
          return;
        }
        const end = digits.length + Number(digits);
        if (rest.length < end) return;
        messages.push(rest.toString('utf8', digits.length, end));
        rest = rest.subarray(end);
      }
    });
  };
  const listen = async () => {
    server = tls === undefined ? createServer(onSocket) : createTlsServer(tls, onSocket);
    server.on('tlsClientError', () => {});
    await new Promise<void>((resolve) => server!.listen(port, '127.0.0.1', resolve));
    port = (server.address() as { port: number }).port;
  };
  const down = async () => {
    const old = server;
    server = undefined;
    const closed = new Promise((resolve) => old?.close(resolve) ?? resolve(undefined));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await listen();
  return {
    port,
    messages,
    connections: () => connections,
    down,
    listen,
    cut: () => {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    close: down,
  };
}
