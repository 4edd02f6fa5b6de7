/**
 * Why the child process could not capture, as an error that says what to do. All that `cap` gives are the words of
 * libpcap or of Node's module loader, so they are told apart by those.
 */
import { captureError } from '../capture-error.ts';
import type { CaptureError } from '../source.ts';
import { parseRefusal } from './cap-words.ts';
import { interfaceNames } from './interface-names.ts';

/** @param exit how the process ended. @param stderr what it said. */
export function refusalOf(name: string, exit: string, stderr: string): CaptureError {
  const refused = parseRefusal(stderr);
  if (refused === undefined) {
    return captureError(
      'CAPTURE_FAILED',
      `cannot open ${name}: the capture process ended (${exit}): ${stderr.trim()}`,
    );
  }
  const { what, words } = refused;
  const subject = `cannot open ${name}`;
  if (what === 'load' && words.includes('libpcap')) {
    return captureError(
      'CAPTURE_NO_LIBPCAP',
      `${subject}: libpcap is missing (${words}); install it: apt-get install libpcap0.8`,
    );
  }
  if (what === 'load') {
    const reason = words.split('\n')[0];
    return captureError(
      'CAPTURE_NO_BINDING',
      `${subject}: the npm package cap does not load (${reason}); npm install cap, or build the native backend with npm run build:native`,
    );
  }
  if (what === 'link-type') {
    return captureError('CAPTURE_UNSUPPORTED', `${subject}: cap does not know its link type (${words})`);
  }
  return openRefusal(subject, words);
}

/** The words of pcap_activate and pcap_compile, which have stayed the same since libpcap 1.0. */
function openRefusal(subject: string, words: string): CaptureError {
  if (/no such device|doesn't exist/i.test(words)) {
    const names = interfaceNames().join(', ');
    return captureError('CAPTURE_NO_INTERFACE', `${subject}: no such interface; available: ${names}`);
  }
  if (/not up|is down/i.test(words)) {
    return captureError('CAPTURE_INTERFACE_DOWN', `${subject}: it is down; ip link set it up first`);
  }
  if (/permission|not permitted|be root/i.test(words)) {
    return captureError(
      'CAPTURE_PERMISSION',
      `${subject}: ${words}; run as root or with the capability CAP_NET_RAW`,
    );
  }
  if (/filter|syntax|expression|parse|unknown host|illegal/i.test(words)) {
    return captureError(
      'CAPTURE_BAD_FILTER',
      `${subject}: bad filter; libpcap says: ${words}; see pcap-filter(7)`,
    );
  }
  return captureError('CAPTURE_FAILED', `${subject}: ${words}`);
}
