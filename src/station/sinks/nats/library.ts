/**
 * The two packages that speak NATS. They are optional peers: nobody pays for them who does not use the sink, so they are
 * loaded when a connection is first wanted, and this is the only place that does.
 */
import { serverWords } from '../server-words.ts';
import { SinkError } from '../sink.ts';

export type NatsTransport = typeof import('@nats-io/transport-node');
export type NatsJetStream = typeof import('@nats-io/jetstream');

export interface NatsLibrary {
  readonly transport: NatsTransport;
  readonly jetstream: NatsJetStream;
}

const WHAT_TO_INSTALL =
  'install them beside Bridgewatch: npm install @nats-io/transport-node@^3.4 @nats-io/jetstream@^3.4 (the image that the Dockerfile builds holds them)';

/** `load`: how a module is loaded, for tests. */
export async function loadNats(
  load: (name: string) => Promise<unknown> = (name) => import(name),
): Promise<NatsLibrary> {
  try {
    const [transport, jetstream] = await Promise.all([
      load('@nats-io/transport-node'),
      load('@nats-io/jetstream'),
    ]);
    return { transport: transport as NatsTransport, jetstream: jetstream as NatsJetStream };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why =
      code === 'ERR_MODULE_NOT_FOUND' ? 'are not installed' : `cannot be loaded: ${serverWords(message)}`;
    throw new SinkError(
      'SINK_MISCONFIGURED',
      'act',
      `the packages that the sink nats needs ${why}; ${WHAT_TO_INSTALL}`,
    );
  }
}
