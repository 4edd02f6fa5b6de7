/** Options of networks that no driver knows, and that are nearly one that it does: Docker takes them in silence. */
import { defineCheck } from '../check.ts';
import { meantOption } from '../lib/driver-options.ts';
import { compose, composeNetworkName, judgeNetworks, listed } from '../lib/verdicts.ts';

export default defineCheck({
  id: 'network-options',
  title: 'No option of a network is misspelt',
  group: 'drivers',
  severity: 'medium',
  argument:
    'A driver ignores what it does not know, so whoever wrote the option believes in something that is not there. Medium; high where it should have been `encrypted`, because then what was to be secret crosses the wire in clear. Only what is near a known option is told: a driver may know more than this list.',
  needs: ['networks'],
  run: ({ networks }) =>
    judgeNetworks(
      networks.filter(({ options }) => Object.keys(options).length > 0),
      { right: 'Have options that their driver knows.', none: 'No network has options.' },
      (network) => {
        const wrong = Object.entries(network.options).flatMap(([option, value]) => {
          const meant = meantOption(network.driver, option);
          return meant === undefined ? [] : [{ option, value, meant }];
        });
        if (wrong.length === 0) return undefined;
        return {
          severity: wrong.some(({ meant }) => meant === 'encrypted') ? 'high' : 'medium',
          explanation: `${network.name} has ${listed(wrong.map(({ option, meant }) => `${option}, which its driver (${network.driver}) ignores; ${meant} was meant`))}.`,
          evidence: { ignored: wrong.map(({ option }) => option), meant: wrong.map(({ meant }) => meant) },
          remedy: {
            what: 'Make the network anew with the option as its driver calls it: options cannot be changed later.',
            compose: compose('networks', composeNetworkName(network), [
              'driver_opts:',
              ...wrong.map(({ meant, value }) => `  ${meant}: ${JSON.stringify(value)}`),
            ]),
          },
        };
      },
    ),
});
