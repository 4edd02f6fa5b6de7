/** A member whose ports are published: who comes in by them is answered, past the wall. */

import { loopbackPorts, portText } from '../../lib/published-ports.ts';
import { containerObject, listed, serviceRemedy } from '../../lib/verdicts.ts';
import { markOf } from '../marks.ts';
import { defineWay } from '../way.ts';

export default defineWay({
  id: 'published-port',
  title: "through a member's published port, in answers",
  // Who publishes is on another network: on an internal one alone the engine publishes nothing.
  toldBy: 'internal-and-external',
  needs: ['containers'],
  look: ({ members }, _facts, { traffic }) => ({
    open: members.flatMap(({ container }) => {
      const published = container.published ?? [];
      if (published.length === 0) return [];
      const ports = new Set<number | undefined>(published.map(({ containerPort }) => containerPort));
      const talks = (traffic.ok ? traffic.value.talks : []).filter(
        ({ direction, resp, respPort }) =>
          direction === 'ingress' && resp.service === container.label && ports.has(respPort),
      );
      const { mark, said, evidence } = markOf(talks);
      const texts = published.map(portText);
      return [
        {
          mark,
          severity: 'low' as const,
          objects: [containerObject(container)],
          explanation: `${container.label} publishes ${listed(texts)}: who asks there is answered from inside.${said}`,
          evidence: { ports: texts, ...evidence },
          remedy: serviceRemedy(
            container,
            'Publish on loopback what only this host asks for, and nothing where a proxy stands before it.',
            loopbackPorts(published),
            'with -p 127.0.0.1:PORT:PORT',
          ),
        },
      ];
    }),
    shut: { reason: 'no member publishes a port' },
  }),
});
