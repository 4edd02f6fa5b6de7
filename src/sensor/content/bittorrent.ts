/** BitTorrent's peer protocol (BEP 3): both sides begin with 19 and `BitTorrent protocol`, 160 bits. */
import { ascii, startsWith } from './bytes.ts';
import { type FirstBytesRule, type Recognizer, VERDICT } from './recognizer.ts';

const HANDSHAKE = ascii('\x13BitTorrent protocol');
const handshake: FirstBytesRule = ({ data, at, end }) =>
  startsWith(data, at, end, HANDSHAKE) ? VERDICT.SURE : VERDICT.NO;

export const bittorrent: Recognizer = { service: 'bittorrent', client: handshake, server: handshake };
