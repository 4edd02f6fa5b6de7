/**
 * Elastic Common Schema. The version is the oldest that has every field used here; newer ones only add. What ECS has no
 * field for is under `bridgewatch`, by kind and native name.
 */
import { type PublicRecord, printableJson } from '../../model/serialize.ts';
import { ecsDns } from './ecs/dns.ts';
import { ecsFinding } from './ecs/finding.ts';
import { ecsFlow } from './ecs/flow.ts';
import { ecsOther } from './ecs/other.ts';
import { timeOf } from './facts.ts';
import { type Format, PRODUCT, VENDOR } from './format.ts';

export const ECS_VERSION = '8.11.0';

export const ecs: Format = {
  carries: () => true,
  encode(record, { host, version }) {
    const time = timeOf(record);
    if (time === undefined) return undefined;
    const { event, observer, ...rest }: Body = body(record);
    return printableJson({
      '@timestamp': time,
      ecs: { version: ECS_VERSION },
      event: { ...event, module: 'bridgewatch', dataset: `bridgewatch.${record.kind}` },
      ...rest,
      host: { name: host },
      observer: { name: host, vendor: VENDOR, product: PRODUCT, version, type: 'ids', ...observer },
    });
  },
};

interface Body {
  readonly event: object;
  readonly observer?: object;
}

function body(record: PublicRecord): Body {
  switch (record.kind) {
    case 'finding':
      return ecsFinding(record);
    case 'flow':
      return ecsFlow(record);
    case 'dns':
      return ecsDns(record);
    default:
      return ecsOther(record);
  }
}
