/**
 * Zones whose names look like a tunnel's by design, and whose name servers belong to the service that makes the names:
 * whoever asks there tells that service, not a third party. Customers cannot have a part of them delegated.
 * Not an exemption: the thresholds are higher there, and only for questions that take a shared resolver.
 */

/** Look-ups that carry a hash, an address or an id as their purpose: antivirus, reputation, block lists, mail checks. */
const LOOK_UPS =
  'sophosxl.net mcafee.com trellix.com e5.sk eset.com avast.com avg.com avira.com bitdefender.net bitdefender.com ' +
  'kaspersky.com kaspersky-labs.com trendmicro.com f-secure.com fsapi.com symantec.com norton.com webroot.com ' +
  'brightcloud.com mailshell.net clamav.net cymru.com spamhaus.org spamhaus.net dnsbl.net spamcop.net ' +
  'barracudacentral.org barracuda.com surbl.org uribl.com sorbs.net msbl.org abuseat.org mailspike.net ' +
  'senderscore.com senderbase.org ironport.com cloudmark.com invaluement.com nixspam.net manitu.net junkemailfilter.com ' +
  'wpbl.info psbl.org surriel.com spamrats.com spameatingmonkey.net hostkarma.com dnswl.org backscatterer.org ' +
  'uceprotect.net blocklist.de efnetrbl.org dronebl.org fabel.dk s5h.net rspamd.com rspamd.net isipp.com habeas.com ' +
  'returnpath.net emailreg.org gbudb.net zapbl.net 0spam.org mxtoolbox.com team-cymru.com nerd.dk ' +
  'routeviews.org acm-validations.aws pki.goog letsencrypt.org';

/** Content networks, clouds and telemetry: names that the platform made for what it serves. */
const PLATFORMS =
  'amazonaws.com amazonaws.com.cn amazontrust.com amazon.com awsglobalaccelerator.com awsdns.com cloudfront.net ' +
  'aws.dev on.aws api.aws media-amazon.com akamai.net akamaiedge.net akamaized.net akamaihd.net akadns.net ' +
  'akamaitechnologies.com edgekey.net edgesuite.net fastly.net fastlylb.net fastly-edge.com cloudflare.com ' +
  'cloudflare.net cdn77.org b-cdn.net bunnycdn.com llnwd.net lldns.net stackpathdns.com hwcdn.net edgecastcdn.net ' +
  'v0cdn.net azureedge.net azure.com azure.net azurefd.net azure-dns.com azurewebsites.net cloudapp.net windows.net ' +
  'trafficmanager.net microsoft.com microsoftonline.com msedge.net msftncsi.com windowsupdate.com office.com ' +
  'office.net office365.com sharepoint.com live.com live.net skype.com outlook.com visualstudio.com s-msedge.net ' +
  'google.com googleapis.com googleusercontent.com googlevideo.com gstatic.com gvt1.com gvt2.com ggpht.com ' +
  'googlesyndication.com doubleclick.net google-analytics.com 1e100.net gcr.io pkg.dev run.app cloudfunctions.net ' +
  'youtube.com apple.com aaplimg.com apple-dns.net icloud.com icloud-content.com mzstatic.com cdn-apple.com ' +
  'facebook.com fbcdn.net whatsapp.net instagram.com cdninstagram.com twimg.com tiktokcdn.com tiktokv.com ' +
  'byteoversea.com netflix.com nflxvideo.net nflxso.net nflximg.net nflxext.com steamcontent.com steamserver.net ' +
  'steampowered.com steamstatic.com spotify.com scdn.co spotifycdn.com ttvnw.net twitch.tv hulu.com disneyplus.com ' +
  'dssott.com aliyuncs.com alicdn.com alikunlun.com myqcloud.com tencent-cloud.com qcloud.com bcebos.com ' +
  'bytecdn.cn kunlunsl.com wscdns.com cdngslb.com ksyuncdn.com oraclecloud.com digitaloceanspaces.com ' +
  'backblazeb2.com wasabisys.com linodeobjects.com ovh.net hetzner.com scaleway.com github.com githubusercontent.com ' +
  'docker.io docker.com quay.io npmjs.org elastic-cloud.com es.io found.io datadoghq.com datadoghq.eu ' +
  'sentry.io newrelic.com nr-data.net splunkcloud.com sumologic.com loggly.com honeycomb.io dynatrace.com ' +
  'appdynamics.com segment.io segment.com mixpanel.com amplitude.com bugsnag.com launchdarkly.com pendo.io ' +
  'mongodb.net mongodb.com cockroachlabs.cloud snowflakecomputing.com databricks.com salesforce.com force.com ' +
  'zendesk.com zoom.us webex.com slack.com slack-edge.com dropbox.com box.com ntp.org';

const KNOWN: ReadonlyMap<string, 'look-up service' | 'platform'> = new Map([
  ...LOOK_UPS.split(' ').map((zone) => [zone, 'look-up service'] as const),
  ...PLATFORMS.split(' ').map((zone) => [zone, 'platform'] as const),
]);

/** Looks for the zone and for what it stands under: `dscx.akamaiedge.net` belongs to akamaiedge.net. */
export function knownZone(zone: string): 'look-up service' | 'platform' | undefined {
  for (let rest = zone; rest.includes('.'); rest = rest.slice(rest.indexOf('.') + 1)) {
    const kind = KNOWN.get(rest);
    if (kind !== undefined) return kind;
  }
  return undefined;
}
