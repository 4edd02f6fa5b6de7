/**
 * Opens, runs, fails, forgets and closes what the addon has to offer, and ends: LeakSanitizer then looks at what
 * nobody points to any more. Run by run.sh, from the root of a copy of the package.
 */
import { createRequire } from 'node:module';

const { Tap, Filter, Netlink, readInNamespace, libpcapVersion } = createRequire(import.meta.url)(
  './capture/native/build/Release/bridgewatch_pcap.node',
);
const numbers = () => new Uint32Array(64);
const batch = {
  data: new DataView(new ArrayBuffer(1024 * 1024)),
  offset: numbers(),
  capLen: numbers(),
  wireLen: numbers(),
  tsSec: numbers(),
  tsNsec: numbers(),
};
const OPTIONS = {
  interface: 'lo',
  netns: '',
  filter: 'udp',
  snaplenBytes: 65_535,
  bufferBytes: 262_144,
  readTimeoutMs: 10,
  promiscuous: true,
};
const datagrams = { data: new DataView(new ArrayBuffer(65_536)), offset: numbers(), length: numbers() };
const NETFILTER = { netns: '', groups: [1, 2, 3], bufferBytes: 65_536 };
const OURS = '/proc/self/ns/net';

console.log(libpcapVersion());
for (let i = 0; i < 20; i++) {
  const tap = new Tap({ ...OPTIONS, netns: i % 2 ? OURS : '' }, batch);
  tap.facts();
  if (i % 4 < 2)
    tap.run(
      () => {},
      () => {},
    );
  await new Promise((resolve) => setImmediate(resolve));
  tap.stats();
  tap.close();
  refused(() => new Tap({ ...OPTIONS, interface: 'none0' }, batch));
  refused(() => new Tap({ ...OPTIONS, netns: '/none' }, batch));
  refused(() => new Tap({ ...OPTIONS, filter: 'tcp prt 1' }, batch));
  const filter = new Filter('tcp port 80 or ip6', 1, 65_535);
  filter.apply(batch.data, batch.offset, batch.capLen, batch.wireLen, 64, new Uint8Array(64));
  filter.close();
  refused(() => new Filter('tcp or (', 1, 65_535));
  const netlink = new Netlink({ ...NETFILTER, netns: i % 2 ? OURS : '' }, datagrams);
  if (i % 4 < 2)
    netlink.run(
      () => {},
      () => {},
    );
  // A dump of all connections, which the kernel answers at once.
  netlink.send(Uint8Array.of(20, 0, 0, 0, 1, 1, 1, 3, ...new Uint8Array(12)));
  await new Promise((resolve) => setImmediate(resolve));
  netlink.drops();
  netlink.close();
  refused(() => new Netlink({ ...NETFILTER, netns: '/none' }, datagrams));
  refused(() => new Netlink({ ...NETFILTER, groups: [9999] }, datagrams));
  refused(() => new Netlink({ ...NETFILTER, groups: undefined }, datagrams));
  await readInNamespace(OURS, ['net/snmp', 'net/none']);
  await readInNamespace('/none', ['net/snmp']).catch(() => {});
}
// Closing goes on in threads.
await new Promise((resolve) => setTimeout(resolve, 500));

function refused(open) {
  try {
    open();
  } catch {
    return;
  }
  throw new Error('it was not refused');
}
