/**
 * Watches flows whose content is read for a login in clear, and tells once a flow that there was one. It reads a flow no
 * longer than its rule asks for, keeps three bytes a flow, and never a byte of what was said: neither the secret nor the
 * user's name can be in anything that comes out of here.
 */

import type { FlowRecord } from '../../model/flow.ts';
import type { CleartextLogin } from '../../model/login.ts';
import type { Micros } from '../../model/time.ts';
import { FRAGMENT, LAYER, type PacketView } from '../decode/packet-view.ts';
import { ldap, mysql, postgresql, redis } from './binary.ts';
import { httpAuthorization } from './http-head.ts';
import { type LoginRule, type Said, STATE } from './login-rule.ts';
import { isTelnet, telnet } from './telnet.ts';
import { ftp, imap, pop3, smtp } from './text-lines.ts';

/** At most 31. */
const RULES: readonly LoginRule[] = [
  httpAuthorization,
  redis,
  ftp,
  smtp,
  imap,
  pop3,
  ldap,
  postgresql,
  mysql,
  telnet,
];
const RULE_OF = new Map(RULES.map(({ service }, i) => [service, i + 1]));
const TELNET = RULE_OF.get(telnet.service)!;

/** In the byte of a flow: 1 + place in RULES, then what has happened. */
const RULE_MASK = 0x1f;
/** The flow's content is decided: its packets come for the login only. */
const DECIDED = 0x20;
const OVER = 0x40;

/** A TLS record with a handshake, after STARTTLS and its like: the rest is nobody's to read. */
const TLS_HANDSHAKE = 0x16;
const TLS_MAJOR = 0x03;

export interface LoginWatchOptions {
  readonly maxFlows: number;
  /** What the flow speaks, as far as it is known. Makes no string. */
  readonly serviceOf: (slot: number) => string | undefined;
  readonly recordOf: (slot: number) => FlowRecord;
  readonly onLogin: (login: CleartextLogin) => void;
  /** The flow's packets need not come any more. */
  readonly close: (slot: number) => void;
}

export class LoginWatch {
  readonly #options: LoginWatchOptions;
  readonly #flows: Uint8Array;
  readonly #states: Uint8Array;
  readonly #packets: Uint8Array;
  readonly #said: Said = { data: new DataView(new ArrayBuffer(0)), at: 0, end: 0, length: 0, token: 0 };

  constructor(options: LoginWatchOptions) {
    this.#options = options;
    this.#flows = new Uint8Array(options.maxFlows);
    this.#states = new Uint8Array(options.maxFlows);
    this.#packets = new Uint8Array(options.maxFlows);
  }

  /** The content of the flow is decided and would be closed; true when its packets are wanted here. */
  takesOver(slot: number): boolean {
    const rule = this.#ruleOf(slot);
    if (rule === 0 || (this.#flows[slot]! & OVER) !== 0) return false;
    this.#flows[slot]! |= DECIDED;
    return true;
  }

  /** Nobody else wants its packets. */
  isAlone(slot: number): boolean {
    return (this.#flows[slot]! & DECIDED) !== 0;
  }

  /** A packet with payload, of a flow whose content is read. The slab is borrowed for the call. */
  onPacket(data: DataView, p: PacketView, slot: number, fromOrig: boolean, time: Micros): void {
    if ((p.layers & LAYER.TCP) === 0 || p.payloadEnd <= p.payloadAt || p.fragment === FRAGMENT.LATER) return;
    if ((this.#flows[slot]! & OVER) !== 0) return;
    const said = this.#said;
    said.data = data;
    said.at = p.payloadAt;
    said.end = p.payloadEnd;
    said.length = p.payloadLength;
    const index = this.#ruleOf(slot) || this.#telnetOf(slot);
    if (index === 0) return;
    if (isHandshake(said)) {
      this.#end(slot);
      return;
    }
    const rule = RULES[index - 1]!;
    const state = rule.next(said, this.#states[slot]!, fromOrig);
    if (state === STATE.LOGIN) this.#tell(slot, rule.method, time);
    else if (state === STATE.OTHER_LOGIN) this.#tell(slot, rule.otherMethod!, time);
    this.#states[slot] = state;
    this.#packets[slot]!++;
    if (state >= STATE.OVER || this.#packets[slot]! >= rule.maxPackets) this.#end(slot);
  }

  /** The slot will be another flow's. */
  onFlowEnd(slot: number): void {
    if (this.#flows[slot] === 0) return;
    this.#flows[slot] = 0;
    this.#states[slot] = 0;
    this.#packets[slot] = 0;
  }

  /** 1 + place of the flow's rule, 0 while it has none. */
  #ruleOf(slot: number): number {
    const known = this.#flows[slot]! & RULE_MASK;
    if (known !== 0) return known;
    const service = this.#options.serviceOf(slot);
    if (service === undefined) return 0;
    const rule = RULE_OF.get(service) ?? 0;
    this.#flows[slot]! |= rule;
    return rule;
  }

  #telnetOf(slot: number): number {
    if (!isTelnet(this.#said)) return 0;
    this.#flows[slot]! |= TELNET;
    return TELNET;
  }

  #tell(slot: number, method: CleartextLogin['method'], time: Micros): void {
    this.#options.onLogin({ time, flow: this.#options.recordOf(slot), method });
  }

  #end(slot: number): void {
    this.#flows[slot]! |= OVER;
    if ((this.#flows[slot]! & DECIDED) !== 0) this.#options.close(slot);
  }
}

function isHandshake({ data, at, end }: Said): boolean {
  return end - at >= 3 && data.getUint8(at) === TLS_HANDSHAKE && data.getUint8(at + 1) === TLS_MAJOR;
}
