/** What any container asks beside everything else: its neighbours by name, the services it uses, again and again. */
import { addressAnswer, type Happening } from './exchange.ts';
import { popular, type Random } from './random.ts';
import { exchange } from './tunnel.ts';

const SERVICES = ['db', 'redis', 'queue', 'mail', 'search'];
const OUTSIDE = (
  'api.stripe.com hooks.slack.com api.github.com registry.npmjs.org pypi.org files.pythonhosted.org ' +
  'smtp.sendgrid.net api.twilio.com sts.amazonaws.com s3.eu-west-1.amazonaws.com login.microsoftonline.com ' +
  'oauth2.googleapis.com www.googleapis.com deb.debian.org security.debian.org o4501.ingest.sentry.io ' +
  'api.openweathermap.org time.cloudflare.com api.mailgun.net cdn.jsdelivr.net fonts.gstatic.com'
).split(' ');

/** A and AAAA as getaddrinfo asks them, then a connection. */
export function* ordinary(from: Random, untilSecs: number, everySecs: number): Generator<Happening> {
  for (let at = from.gap(everySecs); at < untilSecs; at += from.gap(everySecs)) {
    if (from.next() < 0.4) {
      const answers = [addressAnswer(`172.30.0.${from.int(20, 40)}`, 600)];
      yield exchange(at, [from.pick(SERVICES)], { answers });
      continue;
    }
    const name = popular(from, OUTSIDE);
    const ip = `198.51.100.${100 + OUTSIDE.indexOf(name)}`;
    yield exchange(at, name.split('.'), { answers: [addressAnswer(ip, 300)], contact: ip });
    yield exchange(at, name.split('.'), { qtype: 'AAAA', rcode: 'NOERROR' });
  }
}
