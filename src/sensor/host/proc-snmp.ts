/**
 * The kernel's counters of sends that no route would take, from the texts of net/snmp and net/snmp6
 * (net/ipv4/proc.c, net/ipv6/proc.c). Undefined where the kernel has no such counter.
 */
export interface NoRouteCounters {
  readonly ipv4: number | undefined;
  readonly ipv6: number | undefined;
}

export function noRouteCounters(snmp: string | undefined, snmp6: string | undefined): NoRouteCounters {
  return { ipv4: outNoRoutes(snmp ?? ''), ipv6: ip6OutNoRoutes(snmp6 ?? '') };
}

/** Two lines begin with `Ip:`: the names of the columns, then their values. Columns were added over time. */
function outNoRoutes(snmp: string): number | undefined {
  const [names, values] = snmp.split('\n').filter((line) => line.startsWith('Ip:'));
  const column = names?.split(' ').indexOf('OutNoRoutes') ?? -1;
  return column < 0 ? undefined : count(values?.split(' ')[column]);
}

/** One `name value` a line. */
function ip6OutNoRoutes(snmp6: string): number | undefined {
  return count(snmp6.match(/^Ip6OutNoRoutes\s+(\d+)/m)?.[1]);
}

function count(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
