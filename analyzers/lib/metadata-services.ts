/**
 * Where clouds hand out metadata and credentials to whoever asks from the machine: each address with who serves it there
 * and where they say so. Several clouds share 169.254.169.254, so that it alone does not tell which one it is.
 */
import { formatIp, type IpWords, isIpv4Words, parseIp } from '../../src/model/ip.ts';

export interface MetadataService {
  readonly address: string;
  /** `machine`: the role of the whole machine. `task`: credentials made for the one task or pod that asks. */
  readonly whose: 'machine' | 'task';
  readonly clouds: readonly string[];
  readonly source: string;
}

export const METADATA_SERVICES: readonly MetadataService[] = [
  {
    address: '169.254.169.254',
    whose: 'machine',
    clouds: ['AWS', 'Azure', 'Google', 'Oracle', 'DigitalOcean', 'Hetzner', 'OpenStack', 'Vultr', 'Linode'],
    source:
      'docs.aws.amazon.com/AWSEC2 (instancedata-data-retrieval), learn.microsoft.com (instance-metadata-service), cloud.google.com/compute/docs/metadata, docs.oracle.com (gettingmetadata), docs.digitalocean.com/reference/api/metadata, docs.hetzner.cloud (server metadata), docs.openstack.org/nova (metadata)',
  },
  {
    address: 'fd00:ec2::254',
    whose: 'machine',
    clouds: ['AWS'],
    source: 'docs.aws.amazon.com/AWSEC2 (instancedata-data-retrieval, IPv6)',
  },
  {
    address: 'fd20:ce::254',
    whose: 'machine',
    clouds: ['Google'],
    source: 'cloud.google.com/compute/docs/metadata (IPv6-only instances)',
  },
  {
    address: 'fd00:c1::a9fe:a9fe',
    whose: 'machine',
    clouds: ['Oracle'],
    source: 'docs.oracle.com/iaas (gettingmetadata, IPv6)',
  },
  {
    address: 'fe80::a9fe:a9fe',
    whose: 'machine',
    clouds: ['OpenStack'],
    source: 'docs.openstack.org/nova (metadata service over IPv6)',
  },
  {
    address: '169.254.42.42',
    whose: 'machine',
    clouds: ['Scaleway'],
    source: 'scaleway.com/docs (instance metadata)',
  },
  {
    address: 'fd00:42::42',
    whose: 'machine',
    clouds: ['Scaleway'],
    source: 'scaleway.com/docs (instance metadata, IPv6)',
  },
  {
    address: '169.254.0.23',
    whose: 'machine',
    clouds: ['Tencent'],
    source: 'cloud.tencent.com (metadata.tencentyun.com)',
  },
  {
    address: '100.100.100.200',
    whose: 'machine',
    clouds: ['Alibaba'],
    source: 'alibabacloud.com/help/ecs (instance metadata)',
  },
  {
    address: '168.63.129.16',
    whose: 'machine',
    clouds: ['Azure'],
    source: 'learn.microsoft.com (what is IP address 168.63.129.16: wire server)',
  },
  {
    address: '169.254.170.2',
    whose: 'task',
    clouds: ['AWS ECS'],
    source: 'docs.aws.amazon.com/AmazonECS (task-iam-roles)',
  },
  {
    address: '169.254.170.23',
    whose: 'task',
    clouds: ['AWS EKS'],
    source: 'docs.aws.amazon.com/eks (pod identity agent)',
  },
  {
    address: 'fd00:ec2::23',
    whose: 'task',
    clouds: ['AWS EKS'],
    source: 'docs.aws.amazon.com/eks (pod identity agent, IPv6)',
  },
];

/** Names by which programs ask for it, in TLS or as the Host of HTTP; whatever the address, they mean metadata. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ['metadata.google.internal', 'Google'],
  ['metadata.goog', 'Google'],
  ['metadata.tencentyun.com', 'Tencent'],
  ['metadata.azure.internal', 'Azure'],
  ['metadata.platformequinix.com', 'Equinix'],
]);

const BY_ADDRESS: ReadonlyMap<string, MetadataService> = new Map(
  METADATA_SERVICES.map((service) => [formatIp(...parseIp(service.address)!), service]),
);
const V4_WORDS: ReadonlySet<number> = new Set(
  METADATA_SERVICES.map(({ address }) => parseIp(address)!)
    .filter(([w0, w1, w2]) => isIpv4Words(w0, w1, w2))
    .map((words) => words[3]),
);
const V6_WORDS = METADATA_SERVICES.map(({ address }) => parseIp(address)!).filter(
  ([w0, w1, w2]) => !isIpv4Words(w0, w1, w2),
);

/** Asked of every flow: no strings. */
export function isMetadataWords([w0, w1, w2, w3]: IpWords): boolean {
  if (isIpv4Words(w0, w1, w2)) return V4_WORDS.has(w3);
  return V6_WORDS.some((words) => words[0] === w0 && words[1] === w1 && words[2] === w2 && words[3] === w3);
}

export function metadataServiceAt(ip: string): MetadataService | undefined {
  return BY_ADDRESS.get(ip);
}

/** The cloud whose metadata goes by that name. */
export function cloudOfName(name: string): string | undefined {
  return NAMES.get(name.toLowerCase().replace(/\.$/, ''));
}
