import { expect, it } from 'vitest';
import { isDecodedLinkType, linkTypeName, parseLinkType } from '../../capture/link-type.ts';

it.each([
  [0, 'NULL', true],
  [1, 'EN10MB', true],
  [12, 'RAW', true],
  [14, 'RAW', true],
  [101, 'RAW', true],
  [108, 'LOOP', true],
  [113, 'LINUX_SLL', true],
  [147, 'USER0', false],
  [228, 'IPV4', true],
  [229, 'IPV6', true],
  [276, 'LINUX_SLL2', true],
  [105, 'IEEE802_11', false],
  [65_000, 'LINKTYPE 65000', false],
])('%i is %s, decoded: %s', (linkType, name, decoded) => {
  expect(linkTypeName(linkType)).toBe(name);
  expect(isDecodedLinkType(linkType)).toBe(decoded);
});

it('is read by name or number', () => {
  expect(parseLinkType('linux_sll2')).toBe(276);
  // The number that files use, of the three that mean it.
  expect(parseLinkType('RAW')).toBe(101);
  expect(parseLinkType('65535')).toBe(65_535);
  expect(parseLinkType('65536')).toBeUndefined();
  expect(parseLinkType('ethernet II')).toBeUndefined();
  expect(parseLinkType('')).toBeUndefined();
});
