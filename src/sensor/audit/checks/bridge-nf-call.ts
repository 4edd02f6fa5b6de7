/** `icc: false` on one bridge is a rule of iptables, and sees frames within a bridge only with br_netfilter. */
import { defineCheck } from '../check.ts';
import { compose, composeNetworkName, judgeNetworks } from '../lib/verdicts.ts';

const ICC = 'com.docker.network.bridge.enable_icc';

export default defineCheck({
  id: 'bridge-nf-call',
  title: 'Where containers of a network are kept apart, the kernel filters within bridges',
  group: 'engine',
  severity: 'high',
  argument:
    'Without `bridge-nf-call-iptables` a frame from one port of a bridge to another never meets iptables: `icc` is off on paper, and all talk with all. High, because somebody relies on it. Where no network has icc off, nothing depends on the switch; it then only changes what a published port looks like on the wire.',
  needs: ['networks', 'switches'],
  run: ({ networks, switches }) =>
    judgeNetworks(
      networks.filter(({ driver, options }) => driver === 'bridge' && options[ICC] === 'false'),
      {
        right: 'Have icc off, and the kernel filters within their bridges.',
        none: 'No network has icc off.',
      },
      (network) => {
        const v4 = switches['bridge.bridge-nf-call-iptables'];
        const v6 = switches['bridge.bridge-nf-call-ip6tables'];
        const isOff = v4 !== 1 || (network.hasIpv6 && v6 !== 1);
        if (!isOff) return undefined;
        const name = v4 !== 1 ? 'bridge-nf-call-iptables' : 'bridge-nf-call-ip6tables';
        const state =
          (v4 !== 1 ? v4 : v6) === undefined ? 'is not there (br_netfilter is not loaded)' : 'is 0';
        return {
          explanation: `${network.name} has icc off, and net.bridge.${name} ${state}: its containers reach each other all the same.`,
          evidence: { icc: 'false', [name]: state },
          remedy: {
            what: 'Load the module and turn the switch on, now and at each start; or give each container a network of its own.',
            commands: [
              'modprobe br_netfilter',
              'echo br_netfilter > /etc/modules-load.d/br_netfilter.conf',
              `printf 'net.bridge.bridge-nf-call-iptables = 1\\nnet.bridge.bridge-nf-call-ip6tables = 1\\n' > /etc/sysctl.d/99-bridge-nf.conf`,
              'sysctl --system',
            ],
            compose: compose('networks', composeNetworkName(network), ['driver_opts:', `  ${ICC}: "false"`]),
          },
        };
      },
    ),
});
