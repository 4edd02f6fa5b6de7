/**
 * Names of link types (LINKTYPE_ registry of the tcpdump project), for messages and `--link-type`. What is
 * decoded is decided by the decoder; this table only says which of them that is, so that a message can.
 */
import type { LinkType } from './source.ts';

interface LinkTypeEntry {
  readonly name: string;
  readonly decoded: boolean;
}

const LINK_TYPES: ReadonlyMap<LinkType, LinkTypeEntry> = new Map([
  [0, { name: 'NULL', decoded: true }],
  [1, { name: 'EN10MB', decoded: true }],
  [6, { name: 'IEEE802', decoded: false }],
  [8, { name: 'SLIP', decoded: false }],
  [9, { name: 'PPP', decoded: false }],
  [10, { name: 'FDDI', decoded: false }],
  // DLT_RAW is 12 on Linux and 14 on OpenBSD; files should say 101, and some say what the writer's DLT was.
  [12, { name: 'RAW', decoded: true }],
  [14, { name: 'RAW', decoded: true }],
  [50, { name: 'PPP_HDLC', decoded: false }],
  [51, { name: 'PPP_ETHER', decoded: false }],
  [100, { name: 'ATM_RFC1483', decoded: false }],
  [101, { name: 'RAW', decoded: true }],
  [104, { name: 'C_HDLC', decoded: false }],
  [105, { name: 'IEEE802_11', decoded: false }],
  [107, { name: 'FRELAY', decoded: false }],
  [108, { name: 'LOOP', decoded: true }],
  [113, { name: 'LINUX_SLL', decoded: true }],
  [117, { name: 'PFLOG', decoded: false }],
  [119, { name: 'PRISM_HEADER', decoded: false }],
  [127, { name: 'IEEE802_11_RADIOTAP', decoded: false }],
  [147, { name: 'USER0', decoded: false }],
  [187, { name: 'BLUETOOTH_HCI_H4', decoded: false }],
  [189, { name: 'USB_LINUX', decoded: false }],
  [195, { name: 'IEEE802_15_4_WITHFCS', decoded: false }],
  [201, { name: 'BLUETOOTH_HCI_H4_WITH_PHDR', decoded: false }],
  [220, { name: 'USB_LINUX_MMAPPED', decoded: false }],
  [227, { name: 'CAN_SOCKETCAN', decoded: false }],
  [228, { name: 'IPV4', decoded: true }],
  [229, { name: 'IPV6', decoded: true }],
  [230, { name: 'IEEE802_15_4_NOFCS', decoded: false }],
  [231, { name: 'DBUS', decoded: false }],
  [239, { name: 'NFLOG', decoded: false }],
  [249, { name: 'USBPCAP', decoded: false }],
  [253, { name: 'NETLINK', decoded: false }],
  [276, { name: 'LINUX_SLL2', decoded: true }],
]);

/** `EN10MB`, or `LINKTYPE 147` style for those without a name here. */
export function linkTypeName(linkType: LinkType): string {
  return LINK_TYPES.get(linkType)?.name ?? `LINKTYPE ${linkType}`;
}

/** Whether frames of this link type can be decoded. */
export function isDecodedLinkType(linkType: LinkType): boolean {
  return LINK_TYPES.get(linkType)?.decoded ?? false;
}

/** Link type by its name (any case) or number; `undefined` when it is neither. */
export function parseLinkType(text: string): LinkType | undefined {
  if (/^\d{1,5}$/.test(text)) {
    const value = Number(text);
    return value <= 0xffff ? value : undefined;
  }
  if (text.toUpperCase() === 'RAW') return 101;
  for (const [linkType, entry] of LINK_TYPES) {
    if (entry.name === text.toUpperCase()) return linkType;
  }
  return undefined;
}
