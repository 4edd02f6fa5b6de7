/** Which containers keep data: by the image's name, by a label, or by a port that only a store opens. */
import { SENSITIVE_TCP_PORTS } from '../../../model/sensitive-ports.ts';
import type { ContainerFacts } from '../../docker/container-facts.ts';

/** The last part of an image's name, or its beginning up to a dash (`postgres-ha`, `redis-stack`). */
const IMAGES: ReadonlySet<string> = new Set(
  (
    'postgres postgresql postgis timescaledb pgvector mysql mariadb percona mongo mongodb redis valkey keydb dragonfly memcached ' +
    'elasticsearch opensearch cassandra scylla couchdb couchbase influxdb clickhouse neo4j etcd rabbitmq mssql oracle cockroach ' +
    'arangodb rethinkdb victoriametrics solr'
  ).split(' '),
);
/** What stands beside a store, and is none: an exporter or a console has its name too. */
const BESIDE = /exporter|express|admin|commander|insight|proxy|backup|client|operator|ui$/;

/** What says that it is one; undefined where nothing does. */
export function dataStore(container: ContainerFacts): string | undefined {
  const { image, labels, exposed = [] } = container;
  if (labels['bridgewatch.tier'] === 'data') return 'label bridgewatch.tier=data';
  if (labels['bridgewatch.tier'] !== undefined) return undefined;
  const name = (image.replace(/@.*$/, '').split('/').at(-1) ?? '').replace(/:.*$/, '').toLowerCase();
  if (BESIDE.test(name)) return undefined;
  if (IMAGES.has(name) || IMAGES.has(name.split('-')[0]!)) return `image ${image}`;
  const port = exposed.find((text) => {
    const [number, protocol] = text.split('/');
    return protocol === 'tcp' && SENSITIVE_TCP_PORTS.get(Number(number))?.kind === 'data';
  });
  return port === undefined ? undefined : `port ${port}`;
}
