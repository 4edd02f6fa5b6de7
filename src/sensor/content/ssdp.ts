/** SSDP (UPnP Device Architecture 1.3): HTTP-like lines over UDP multicast; answers come in a flow of their own. */
import { startsWithAny, type WordList, wordList } from './bytes.ts';
import { type FirstBytes, type Recognizer, VERDICT, type Verdict } from './recognizer.ts';

const STARTS = wordList(['M-SEARCH * HTTP/1.1', 'NOTIFY * HTTP/1.1']);
const REPLY = wordList(['HTTP/1.1 200 OK']);

export const ssdp: Recognizer = {
  service: 'ssdp',
  client: (bytes) => begins(bytes, STARTS),
  server: (bytes) => begins(bytes, REPLY),
};

function begins({ data, at, end }: FirstBytes, words: WordList): Verdict {
  return startsWithAny(data, at, end, words) ? VERDICT.SURE : VERDICT.NO;
}
