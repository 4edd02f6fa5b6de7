import { describe, expect, it } from 'vitest';
import { missingCapabilities, PrivilegeError, requirePrivilege } from '../../src/sensor/privileges.ts';

/** As /proc/<pid>/status has it. */
const status = (effective: string) => `Name:\tnode\nCapPrm:\t000001ffffffffff\nCapEff:\t${effective}\n`;

describe('what the process may do', () => {
  it.each([
    ['everything', '000001ffffffffff', []],
    ['nothing', '0000000000000000', ['CAP_NET_ADMIN', 'CAP_NET_RAW', 'CAP_SYS_ADMIN']],
    // What Docker gives a container by default.
    ['a plain container', '00000000a80425fb', ['CAP_NET_ADMIN', 'CAP_SYS_ADMIN']],
  ])('is read from the kernel: %s', (_, effective, missing) => {
    expect(missingCapabilities(status(effective))).toEqual(missing);
  });

  it('is unknown where the kernel does not say', () => {
    expect(missingCapabilities('')).toBeUndefined();
    expect(missingCapabilities('CapEff:\tzz\n')).toBeUndefined();
  });

  it('is enough to capture with CAP_NET_RAW alone, and where it is unknown', () => {
    expect(() => requirePrivilege(['CAP_NET_ADMIN', 'CAP_SYS_ADMIN'])).not.toThrow();
    expect(() => requirePrivilege([])).not.toThrow();
  });

  it('is not enough without it, and the error says what to do', () => {
    expect(() => requirePrivilege(['CAP_NET_RAW'])).toThrow(PrivilegeError);
    expect(() => requirePrivilege(['CAP_NET_RAW'])).toThrow(/CAP_NET_RAW.*run as root.*--privileged/);
  });
});
