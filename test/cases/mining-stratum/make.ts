import { capture, OUTSIDE, PROXY, tcpExchange, text } from '../world.ts';

const LOGIN =
  '{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"4AB","pass":"x","agent":"XMRig/6.21.0","algo":["rx/0"]}}\n';
const JOB =
  '{"id":1,"jsonrpc":"2.0","error":null,"result":{"id":"b1","job":{"blob":"10","job_id":"7","target":"b8"},"status":"OK"}}\n';

export function make(): Uint8Array {
  return capture(tcpExchange(PROXY, OUTSIDE, { sport: 40_000, dport: 8080 }, [text(LOGIN), text(JOB)]));
}
