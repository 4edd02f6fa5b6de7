/**
 * What two programs said to each other, put into packets and through decoder, flow table and intake: the answer is
 * what a flow record would say.
 */
import { ContentIntake } from '../../../src/sensor/content/intake.ts';
import { Decoder } from '../../../src/sensor/decode/decoder.ts';
import { LAYER, PacketView } from '../../../src/sensor/decode/packet-view.ts';
import { FLOW_EVENT, FlowTable } from '../../../src/sensor/flow/table.ts';
import { LINKTYPE, type TcpFields, tcpFrame, udpFrame } from '../../support/packet-builder.ts';

export type Side = 'client' | 'server';
/** One payload: who said it, and what. */
export type Saying = readonly [side: Side, payload: Uint8Array];
export type Transport = 'tcp' | 'udp';

export const CLIENT = '172.30.20.3';
export const SERVER = '172.30.20.2';
/** Of nobody's: services are never told by ports. */
const PORTS = { client: 40_000, server: 61_234 };
const FIRST_SEQ = { client: 1000, server: 900_000 };

/** Many flows over one table and one intake. */
export class ContentWorld {
  readonly table: FlowTable;
  readonly content: ContentIntake;
  /** How often the intake was called. */
  looks = 0;
  readonly #decoder = new Decoder();
  readonly #view = new PacketView();
  #time = 1_790_000_000_000_000;

  constructor(maxFlows = 4096) {
    this.table = new FlowTable({ onEnd: (slot) => this.content.onFlowEnd(slot) }, { maxFlows });
    this.content = new ContentIntake(this.table);
  }

  /** Returns the slot. */
  frame(frame: Uint8Array, capLen = frame.length): number {
    const data = new DataView(frame.buffer, frame.byteOffset, capLen);
    const view = this.#view;
    this.#time += 1000;
    this.#decoder.decode(data, 0, capLen, frame.length, LINKTYPE.ETHERNET, view);
    const slot = this.table.observe(view, this.#time, 0);
    const { events, fromOrig } = this.table;
    const isNew = (events & FLOW_EVENT.NEW) !== 0 && (view.layers & (LAYER.TCP | LAYER.UDP)) !== 0;
    if (isNew) this.table.openContent(slot);
    if (isNew || (events & FLOW_EVENT.CONTENT) !== 0) {
      this.looks++;
      this.content.onPacket(data, view, slot, fromOrig);
    }
    return slot;
  }

  /** A TCP connection from its handshake on. */
  connect(clientPort = PORTS.client): TcpTalk {
    return new TcpTalk(this, clientPort);
  }

  datagram(side: Side, payload: Uint8Array, clientPort = PORTS.client): number {
    return this.frame(udpFrame(ends(side, clientPort), payload));
  }
}

export class TcpTalk {
  slot: number;
  readonly seq = { client: FIRST_SEQ.client + 1, server: FIRST_SEQ.server + 1 };
  readonly #world: ContentWorld;
  readonly #port: number;

  constructor(world: ContentWorld, clientPort: number) {
    this.#world = world;
    this.#port = clientPort;
    this.segment('client', { flags: 'S', seq: FIRST_SEQ.client });
    this.segment('server', { flags: 'SA', seq: FIRST_SEQ.server, ack: this.seq.client });
    this.slot = this.segment('client', { flags: 'A', seq: this.seq.client, ack: this.seq.server });
  }

  say(side: Side, payload: Uint8Array): void {
    const ack = side === 'client' ? this.seq.server : this.seq.client;
    this.segment(side, { flags: 'PA', seq: this.seq[side], ack }, payload);
    this.seq[side] += payload.length;
  }

  segment(side: Side, fields: Omit<TcpFields, 'sport' | 'dport'>, payload?: Uint8Array): number {
    return this.#world.frame(tcpFrame({ ...ends(side, this.#port), ...fields }, payload));
  }
}

function ends(side: Side, clientPort: number) {
  return side === 'client'
    ? { src: CLIENT, dst: SERVER, sport: clientPort, dport: PORTS.server }
    : { src: SERVER, dst: CLIENT, sport: PORTS.server, dport: clientPort };
}

export type Heard = ReturnType<ContentIntake['of']>;

export function converse(transport: Transport, says: readonly Saying[]): Heard {
  const world = new ContentWorld();
  if (transport === 'tcp') {
    const talk = world.connect();
    for (const [side, payload] of says) talk.say(side, payload);
    return world.content.of(talk.slot);
  }
  let slot = -1;
  for (const [side, payload] of says) slot = world.datagram(side, payload);
  return world.content.of(slot);
}

export function text(value: string): Uint8Array {
  return Uint8Array.from(Buffer.from(value, 'latin1'));
}
