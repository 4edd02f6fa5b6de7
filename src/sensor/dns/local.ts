/**
 * Multicast DNS (RFC 6762, and DNS-SD in it, RFC 6763) and LLMNR (RFC 4795): names without a server. Who asks, asks a
 * group; who answers, answers from an address of its own, or unasked. So nothing is paired, and a record says what one
 * message said: of a question `server` is the group that was asked, and there is a record for each of the message's
 * questions; of an answer `server` is who answered and `client` whom it told, which may be the group. An mDNS answer
 * repeats no question (RFC 6762 6): its record is named by the first of its answers.
 */
import type { DnsRecord } from '../../model/dns.ts';
import { type DnsView, dnsLabels, dnsOptions, nextQuestion } from '../decode/dns.ts';
import { dnsClassName } from '../decode/dns-mnemonics.ts';
import { type DnsContent, MAX_OPTIONS, readDnsContent, readQuestionText } from '../decode/dns-record.ts';
import { type Carrier, messageRecord } from './record.ts';
import type { Views } from './views.ts';

/** Questions of a message that are told; browsers of services ask for a dozen types at once. */
const MAX_QUESTIONS = 32;
/** RFC 6762 5.4: the top bit of the class asks for an answer to the asker alone. */
const CLASS_BITS = 0x7fff;

export function localRecords(data: DataView, m: DnsView, carrier: Carrier, views: Views): void {
  if (carrier.protocol === 'mdns') m.qclass &= CLASS_BITS;
  // Further questions stand before the rest, which readDnsContent walks to.
  const content = readDnsContent(data, m);
  if (m.isResponse) {
    const named = content.question === undefined ? namedByAnswer(content) : content;
    if (named.question !== undefined) views.alone(messageRecord(named, carrier));
    return;
  }
  if (!m.hasQuestion) return;
  const options = dnsOptions(data, m, MAX_OPTIONS);
  let record = messageRecord(content, carrier);
  tell(record);
  for (let i = 1; i < Math.min(m.questions, MAX_QUESTIONS) && nextQuestion(data, m); i++) {
    m.qclass &= CLASS_BITS;
    record = { ...record, ...readQuestionText(data, m) };
    tell(record);
  }

  function tell(question: DnsRecord): void {
    views.asked(question, dnsLabels(data, m), options);
    views.alone(question);
  }
}

function namedByAnswer(content: DnsContent): DnsContent {
  const [first] = content.answers;
  if (first === undefined) return content;
  const question = { query: first.name, qtype: first.type, qclass: dnsClassName(1) };
  return { ...content, question };
}
