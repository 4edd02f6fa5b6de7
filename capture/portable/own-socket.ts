/**
 * Whether this process's packet socket still receives, as /proc/net/packet says (Linux net/packet/af_packet.c): the
 * kernel stops it when its interface goes down or away, and tells so once, with an error that a read in progress
 * takes. `cap` drops that error, and then waits for ever.
 */
import fs from 'node:fs';

/** Columns: sk, RefCnt, Type, Proto, Iface, R, Rmem, User, Inode. */
const RUNNING = 5;
const INODE = 8;

/** Undefined where it cannot be known: the file is root's, and other sockets of this process are none of its rows. */
export function isReceiving(): boolean | undefined {
  try {
    const own = new Set(fs.readdirSync('/proc/self/fd').map(inodeOf));
    const rows = fs.readFileSync('/proc/self/net/packet', 'utf8').trim().split('\n').slice(1);
    const ours = rows.map((row) => row.trim().split(/\s+/)).filter((row) => own.has(row[INODE]));
    return ours.length === 0 ? undefined : ours.every((row) => row[RUNNING] === '1');
  } catch {
    return undefined;
  }
}

function inodeOf(descriptor: string): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(fs.readlinkSync(`/proc/self/fd/${descriptor}`))?.[1];
  } catch {
    // The directory's own, closed since.
    return undefined;
  }
}
