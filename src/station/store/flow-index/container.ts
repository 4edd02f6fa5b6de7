/** `--workload` held against the ends that the index has: as `containers` of a stored flow says it (name-tokens.ts). */
import { workloadLabel } from '../../../model/network.ts';
import { type PublicFlow, SHORT_ID_LENGTH } from '../../../model/serialize.ts';
import { isIdPrefix } from '../rows.ts';

/** `unknown`: the index has not enough of the id. */
export function containerTest(wanted: string): ((flow: PublicFlow) => boolean) | 'unknown' {
  const isId = isIdPrefix(wanted);
  if ((isId && wanted.length > SHORT_ID_LENGTH) || /[\n#]/.test(wanted) || wanted === '') return 'unknown';
  return ({ orig, resp }) =>
    [orig, resp].some(({ workload }) => {
      if (workload === undefined) return false;
      const { name, composeService, containerId } = workload;
      const tokens = [`#${containerId}`, workloadLabel(workload), name, composeService];
      return tokens.some((token) => token === wanted || (isId && token?.startsWith(`#${wanted}`) === true));
    });
}
