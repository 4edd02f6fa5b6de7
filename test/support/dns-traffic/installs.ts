/** Package managers and image pulls: few zones, the same names again and again, everything contacted. */
import { type Happening, nameAnswer } from './exchange.ts';
import { type Pace, paced, visit } from './pace.ts';
import { HEX, popular, type Random } from './random.ts';
import { exchange } from './tunnel.ts';

/** apt asks for `_http._tcp` of each mirror first (apt-transport-http), then for what that names. */
export function* apt(from: Random, pace: Pace): Generator<Happening> {
  const mirrors = [
    'deb.debian.org',
    'security.debian.org',
    'archive.ubuntu.com',
    'apt.postgresql.org',
    'deb.nodesource.com',
  ];
  yield* paced(from, pace, (at) => {
    const mirror = from.pick(mirrors);
    const answers = [nameAnswer('SRV', 'debian.map.fastlydns.net')];
    return [
      exchange(at, ['_http', '_tcp', ...mirror.split('.')], { qtype: 'SRV', answers }),
      ...visit(at + 0.02, 'debian.map.fastlydns.net'),
      ...visit(at + 0.1, mirror),
    ];
  });
}

/** The registry for every package, then what install scripts fetch. */
export function* npm(from: Random, pace: Pace): Generator<Happening> {
  const others = (
    'codeload.github.com github.com objects.githubusercontent.com nodejs.org playwright.azureedge.net ' +
    'binaries.prisma.sh download.cypress.io cdn.cypress.io storage.googleapis.com registry.yarnpkg.com raw.githubusercontent.com'
  ).split(' ');
  yield* paced(from, pace, (at) => visit(at, from.next() < 0.8 ? 'registry.npmjs.org' : from.pick(others)));
}

export function* pip(from: Random, pace: Pace): Generator<Happening> {
  const hosts = ['pypi.org', 'files.pythonhosted.org', 'download.pytorch.org', 'pypi.nvidia.com'];
  yield* paced(from, pace, (at) => visit(at, popular(from, hosts)));
}

/** GOPROXY=direct: each vanity import path is a host of its own. */
export function* go(from: Random, pace: Pace): Generator<Happening> {
  const hosts = (
    'proxy.golang.org sum.golang.org github.com golang.org go.uber.org gopkg.in google.golang.org k8s.io sigs.k8s.io ' +
    'go.opentelemetry.io cloud.google.com go.etcd.io gonum.org go.mongodb.org modernc.org honnef.co rsc.io mvdan.cc ' +
    'filippo.io gitlab.com bitbucket.org gotest.tools go4.org dario.cat gorm.io gioui.org storj.io zgo.at lukechampine.com'
  ).split(' ');
  yield* paced(from, pace, (at) => visit(at, popular(from, hosts)));
}

/** Registry, token server, then the storage behind it, which differs by account and region. */
export function* imagePulls(from: Random, pace: Pace): Generator<Happening> {
  const regions = ['eu-west-1', 'us-east-1', 'eu-central-1'];
  const steady = (
    'registry-1.docker.io auth.docker.io production.cloudflare.docker.com ghcr.io pkg-containers.githubusercontent.com ' +
    'quay.io cdn01.quay.io cdn02.quay.io cdn03.quay.io registry.k8s.io gcr.io mcr.microsoft.com ' +
    'docker-images-prod.6aa30f8b08e16409b46e0173d6de2f56.r2.cloudflarestorage.com'
  ).split(' ');
  yield* paced(from, pace, (at, i) => {
    if (i % 5 !== 4) return visit(at, from.pick(steady));
    const region = from.pick(regions);
    return visit(
      at,
      from.next() < 0.5
        ? `${from.int(100_000_000_000, 100_000_000_050)}.dkr.ecr.${region}.amazonaws.com`
        : `prod-${region}-starport-layer-bucket.s3.${region}.amazonaws.com`,
    );
  });
}

/** A build that fetches from a mirror of the company's own: content-addressed paths, but one host. */
export function* artifactStore(from: Random, pace: Pace): Generator<Happening> {
  const shards = Array.from({ length: 16 }, () => `blob-${from.text(HEX, 4)}.artifacts.example-corp.com`);
  yield* paced(from, pace, (at) => visit(at, from.pick(shards)));
}
