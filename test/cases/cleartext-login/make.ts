import { API, capture, DB, OUTSIDE, PROXY, tcpExchange, text } from '../world.ts';

export function make(): Uint8Array {
  const head = 'GET / HTTP/1.1\r\nHost: outside\r\nAuthorization: Basic bWU6Y29ycmVjdC1ob3JzZQ==\r\n\r\n';
  return capture([
    ...tcpExchange(API, DB, { sport: 40_000, dport: 6379 }, [
      text('*2\r\n$4\r\nAUTH\r\n$13\r\ncorrect-horse\r\n'),
      text('+OK\r\n'),
    ]),
    ...tcpExchange(PROXY, OUTSIDE, { sport: 40_001, dport: 80, startSecs: 1 }, [
      text(head),
      text('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'),
    ]),
  ]);
}
