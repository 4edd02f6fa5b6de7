/**
 * What the DNS intake has to know of taps that do not deliver yet: a container's question may cross its bridge before
 * the tap in its namespace is attached, or before the engine has told of the container at all.
 */
import type { Network } from '../../model/network.ts';

export interface ExpectedTaps {
  /** Its namespace will be read in a moment. */
  expects(containerId: string): boolean;
  /** Namespaces are read of which nobody knows yet whose they are: perhaps a container's on this network. */
  mayExpectOn(network: Network): boolean;
}

export const NO_TAPS_EXPECTED: ExpectedTaps = { expects: () => false, mayExpectOn: () => false };
