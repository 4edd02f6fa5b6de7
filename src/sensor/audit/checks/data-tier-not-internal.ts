/** A store of data on a network that has a way out: what is stolen from it can leave by itself. */
import { defineCheck } from '../check.ts';
import { dataStore } from '../lib/data-stores.ts';
import { compose, composeNetworkName, judgeMembers, listed } from '../lib/verdicts.ts';

export default defineCheck({
  id: 'data-tier-not-internal',
  title: 'Stores of data are on internal networks only',
  group: 'segmentation',
  severity: 'medium',
  argument:
    'A database calls nobody outside. With `internal: true` an intruder in it has no way to send away what he finds, and nothing reaches it that is not on its network: one line that turns a breach into an alarm. Medium, because somebody has to be in already. The label bridgewatch.tier says what is one: `data`, or anything else for what is none.',
  needs: ['networks', 'containers'],
  run: ({ networks, containers }) => {
    const stores = containers.flatMap((container) => {
      const because = dataStore(container);
      return because === undefined ? [] : [{ container, because }];
    });
    return judgeMembers(
      stores.map(({ container }) => container),
      networks,
      { right: 'Are on internal networks only.', none: 'No container looks like a store of data.' },
      (container) => {
        const open = networks.filter(
          ({ name, internal, driver }) => container.networks.includes(name) && !internal && driver !== 'null',
        );
        const onHost = container.networkMode === 'host';
        if (open.length === 0 && !onHost) return undefined;
        const because = stores.find((store) => store.container === container)!.because;
        const names = onHost ? ["the host's network"] : open.map(({ name }) => name);
        const network = open[0] === undefined ? 'data' : composeNetworkName(open[0]);
        return {
          explanation: `${container.label} keeps data (${because}) and is on ${listed(names)}, which has a way out.`,
          evidence: { because, networks: names },
          remedy: {
            what: 'Give the store a network of its own that is internal, and join to it those who ask; they keep their other network for the way out.',
            compose: `${compose('services', container.composeService ?? 'db', [`networks: [data]${network === 'data' ? '' : `  # instead of ${network}`}`])}\nnetworks:\n  data:\n    internal: true`,
          },
        };
      },
    );
  },
});
