/**
 * Stratum, between a miner and its pool: JSON objects, one a line, on any port (slushpool's "Stratum Mining Protocol" for
 * Bitcoin and its kin, xmrig-proxy's STRATUM.md for Monero, EIP-1571 and nodes' `eth_getWork` for Ethereum's kin).
 *
 *   {"id":1,"method":"mining.subscribe",...}     {"id":null,"method":"mining.notify",...}
 *   {"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"...","pass":"x","agent":"XMRig/..."}}
 *                                                {"id":1,"result":{"id":"...","job":{"blob":"...","job_id":"..."}}}
 *   {"worker":"eth1","jsonrpc":"2.0","id":1,"method":"eth_submitLogin",...}
 *
 * A quoted method's name is 11 fixed bytes and more. The same calls inside HTTP are HTTP.
 */
import { ascii, startsWith } from './bytes.ts';
import { type FirstBytes, type Recognizer, VERDICT, type Verdict } from './recognizer.ts';

/** XMRig tells its algorithms after all that is looked for. */
const MAX_BYTES = 1024;
const OPEN_BRACE = 0x7b;
const QUOTE = 0x22;

const MINERS = quoted(
  'mining.subscribe',
  'mining.authorize',
  'mining.configure',
  'mining.submit',
  'mining.extranonce.subscribe',
  'eth_submitLogin',
  'eth_getWork',
  'eth_submitWork',
  'eth_submitHashrate',
);
const POOLS = quoted(
  'mining.notify',
  'mining.set_difficulty',
  'mining.set_extranonce',
  'mining.set_target',
  'mining.set_version_mask',
  'client.show_message',
  'client.reconnect',
  'client.get_version',
);
const METHOD = ascii('"method"');
const LOGIN = ascii('"login"');
const PARAMS = ascii('"params"');
/** XMRig and its kin name themselves, their algorithms, or the rig. */
const OF_MINERS = quoted('agent', 'algo', 'rigid');
const JOB_ID = ascii('"job_id"');
/** Blob and target of a job of Monero's kin. */
const OF_JOBS = quoted('blob', 'target', 'seed_hash');
const RESULT = ascii('"result"');
const ERROR = ascii('"error"');

/** Either may speak first: some pools answer, or greet, before anybody has logged in. */
export const stratum: Recognizer = { service: 'stratum', client: miner, server: pool };

function miner({ data, at, end }: FirstBytes): Verdict {
  if (data.getUint8(at) !== OPEN_BRACE) return VERDICT.NO;
  const stop = Math.min(end, at + MAX_BYTES);
  if (hasAny(data, at, stop, MINERS)) return VERDICT.SURE;
  const isLogin =
    has(data, at, stop, METHOD) &&
    has(data, at, stop, LOGIN) &&
    has(data, at, stop, PARAMS) &&
    hasAny(data, at, stop, OF_MINERS);
  return isLogin ? VERDICT.SURE : VERDICT.NO;
}

function pool({ data, at, end }: FirstBytes): Verdict {
  if (data.getUint8(at) !== OPEN_BRACE) return VERDICT.NO;
  const stop = Math.min(end, at + MAX_BYTES);
  if (hasAny(data, at, stop, POOLS)) return VERDICT.SURE;
  if (has(data, at, stop, JOB_ID) && hasAny(data, at, stop, OF_JOBS)) return VERDICT.SURE;
  // `{"id":1,"result":true,"error":null}`: an answer to whoever asked in stratum.
  return has(data, at, stop, RESULT) || has(data, at, stop, ERROR) ? VERDICT.MAYBE : VERDICT.NO;
}

function hasAny(data: DataView, at: number, end: number, words: readonly Uint8Array[]): boolean {
  for (const word of words) if (has(data, at, end, word)) return true;
  return false;
}

/** `word` begins with a quote, so most places are passed over by one look. */
function has(data: DataView, at: number, end: number, word: Uint8Array): boolean {
  for (let i = at; i + word.length <= end; i++) {
    if (data.getUint8(i) === QUOTE && startsWith(data, i, end, word)) return true;
  }
  return false;
}

function quoted(...names: readonly string[]): readonly Uint8Array[] {
  return names.map((name) => ascii(`"${name}"`));
}
