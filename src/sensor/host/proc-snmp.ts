/**
 * Counters of a network namespace, from the texts of net/snmp and net/snmp6 (net/ipv4/proc.c, net/ipv6/proc.c): sends
 * that no route would take, and packets of others that it passed on. Undefined where the kernel has no such counter.
 */
export interface NoRouteCounters {
  readonly ipv4: number | undefined;
  readonly ipv6: number | undefined;
}

export interface ForwardCounters {
  /** Whether it passes on packets of others at all (net.ipv4.ip_forward). */
  readonly isOn: boolean | undefined;
  readonly ipv4: number | undefined;
  readonly ipv6: number | undefined;
}

export function noRouteCounters(snmp: string | undefined, snmp6: string | undefined): NoRouteCounters {
  return { ipv4: ofIp(snmp ?? '', 'OutNoRoutes'), ipv6: ofIp6(snmp6 ?? '', 'Ip6OutNoRoutes') };
}

export function forwardCounters(snmp: string | undefined, snmp6: string | undefined): ForwardCounters {
  // RFC 1213 ipForwarding: 1 passes on, 2 does not.
  const forwarding = ofIp(snmp ?? '', 'Forwarding');
  return {
    isOn: forwarding === undefined ? undefined : forwarding === 1,
    ipv4: ofIp(snmp ?? '', 'ForwDatagrams'),
    ipv6: ofIp6(snmp6 ?? '', 'Ip6OutForwDatagrams'),
  };
}

/** Two lines begin with `Ip:`: the names of the columns, then their values. Columns were added over time. */
function ofIp(snmp: string, name: string): number | undefined {
  const [names, values] = snmp.split('\n').filter((line) => line.startsWith('Ip:'));
  const column = names?.split(' ').indexOf(name) ?? -1;
  return column < 0 ? undefined : count(values?.split(' ')[column]);
}

/** One `name value` a line. */
function ofIp6(snmp6: string, name: string): number | undefined {
  return count(new RegExp(`^${name}\\s+(\\d+)`, 'm').exec(snmp6)?.[1]);
}

function count(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
