import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../../../src/model/finding.ts';
import { harmless } from '../../../../src/station/sinks/told-text.ts';
import { discordComposer } from '../../../../src/station/sinks/webhook/discord.ts';
import { ntfyComposer, ntfyTopic } from '../../../../src/station/sinks/webhook/ntfy.ts';
import type { Composer } from '../../../../src/station/sinks/webhook/outgoing.ts';
import { slackComposer } from '../../../../src/station/sinks/webhook/slack.ts';
import { entryOf } from '../../support/harness.ts';
import { hostileText } from '../../support/hostile.ts';
import { database, endpoint, finding, outside } from '../../support/records.ts';

const slack = slackComposer('host1');
const discord = discordComposer('host1');
const ntfy = ntfyComposer('host1', () => 'alerts');

// biome-ignore lint/suspicious/noExplicitAny: read as the service would, field by field.
function bodiesOf(composer: Composer, ...findings: Finding[]): any[] {
  return [...composer(findings.map(entryOf))].map(({ body }) => JSON.parse(body));
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

/** Wherever a name from the wire, or of a container, can stand. */
function named(name: string): Finding {
  return finding(1, {
    explanation: `${name} spoke`,
    network: name,
    subject: endpoint({ workload: { ...database, composeService: name } }),
    peers: [outside({ names: [name] })],
    evidence: { query: name, [name]: [name] },
    exception: { reason: name, severity: 'high' },
  });
}

const CALLS = ['@everyone', '@here', '<!channel>', '<!here|x>', '<@U123>', '<@&42>', '<#C1>'];
const LINKS = [
  'https://evil.example/x',
  '[text](https://evil.example)',
  '<https://evil.example|bank>',
  'www.evil.example',
];

describe('Slack', () => {
  it('shows a finding as an attachment in the colour of its severity', () => {
    const [message] = bodiesOf(slack, finding(1));

    expect(message.text).toBe('high: Egress from an internal network');
    const [attachment] = message.attachments;
    expect(attachment.color).toBe('#e5484d');
    expect(attachment.blocks.map(({ type }: { type: string }) => type)).toEqual([
      'header',
      'section',
      'section',
      'section',
      'context',
    ]);
    expect(attachment.blocks[1].text.text).toBe(
      'shop/db tried to reach 198.51.100.7:443 from the internal network shop_data',
    );
    expect(textsIn(attachment)).toContain('Who\nshop/db');
    expect(textsIn(attachment)).toContain('Evidence\nattempts=3, ports=443 8443');
  });

  it('says when it is over, in another colour', () => {
    const [message] = bodiesOf(slack, finding(1, { status: 'closed', reason: 'quiet for 900 s' }));

    expect(message.text).toBe('over, was high: Egress from an internal network');
    expect(message.attachments[0].color).toBe('#2e9e5b');
    expect(textsIn(message)).toContain('Over because\nquiet for 900 s');
  });

  it('puts ten findings into a message at most', () => {
    const messages = bodiesOf(slack, ...Array.from({ length: 23 }, (_, i) => finding(i)));

    expect(messages.map(({ attachments }) => attachments.length)).toEqual([10, 10, 3]);
  });

  it.each([...CALLS, ...LINKS])('is not moved by %s in a name', (name) => {
    const [message] = bodiesOf(slack, named(name));

    expect(message).toMatchObject({ mrkdwn: false, link_names: false, parse: 'none' });
    for (const text of textsIn(message)) {
      expect(text).not.toMatch(/[<>]/);
      expect(text).not.toMatch(/@[a-zA-Z&]/);
      expect(text).not.toMatch(/:\/\/|www\./);
    }
    expect(JSON.stringify(message)).not.toContain('mrkdwn"}');
  });

  it('keeps within the bounds of blocks for any name', () => {
    fc.assert(
      fc.property(hostileText, fc.integer({ min: 1, max: 4000 }), (name, times) => {
        const [message] = bodiesOf(slack, named(name.repeat(Math.ceil(times / (name.length + 1)))));
        for (const { blocks } of message.attachments) {
          expect(blocks[0].text.text.length).toBeLessThanOrEqual(150);
          expect(blocks[1].text.text.length).toBeLessThanOrEqual(3000);
          for (const { fields = [] } of blocks) {
            expect(fields.length).toBeLessThanOrEqual(10);
            for (const { text } of fields) expect(text.length).toBeLessThanOrEqual(2000);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('Discord', () => {
  it('shows a finding as an embed in the colour of its severity', () => {
    const [message] = bodiesOf(discord, finding(1, { severity: 'critical' }));

    expect(message.embeds[0]).toMatchObject({
      title: 'critical: Egress from an internal network',
      color: 0xb00020,
      footer: { text: 'internal-egress f-1' },
    });
    expect(message.embeds[0].fields).toContainEqual({ name: 'Who', value: 'shop/db', inline: true });
  });

  it.each([...CALLS, ...LINKS])('is not moved by %s in a name', (name) => {
    const [message] = bodiesOf(discord, named(name));

    expect(message.allowed_mentions).toEqual({ parse: [] });
    for (const text of textsIn(message)) {
      expect(text).not.toMatch(/@[a-zA-Z&]/);
      expect(text).not.toMatch(/:\/\/|www\./);
      expect(text.replace(/\\[^a-z]/g, '')).not.toMatch(/[<>[\]()#]/);
    }
  });

  it('keeps within the bounds of embeds for any name and number', () => {
    fc.assert(
      fc.property(
        hostileText,
        fc.integer({ min: 1, max: 2000 }),
        fc.integer({ min: 1, max: 12 }),
        (name, times, count) => {
          const one = named(name.repeat(Math.ceil(times / (name.length + 1))));
          const messages = bodiesOf(
            discord,
            ...Array.from({ length: count }, (_, i) => ({ ...one, id: `f-${i}` })),
          );
          expect(messages.flatMap(({ embeds }) => embeds)).toHaveLength(count);
          for (const { embeds } of messages) {
            expect(embeds.length).toBeLessThanOrEqual(10);
            const sizes = embeds.map((embed: object) => textsIn(embed).join('').length);
            expect(sizes.reduce((sum: number, size: number) => sum + size, 0)).toBeLessThanOrEqual(6000);
            for (const { title, description, fields } of embeds) {
              expect(title.length).toBeLessThanOrEqual(256);
              expect(description.length).toBeLessThanOrEqual(4096);
              expect(fields.length).toBeLessThanOrEqual(25);
              for (const { value } of fields) {
                expect(value.length).toBeLessThanOrEqual(1024);
                expect(value).not.toBe('');
              }
            }
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('ntfy', () => {
  it.each([
    ['critical', 5],
    ['high', 4],
    ['medium', 3],
    ['low', 2],
    ['informational', 1],
  ] as const)('%s has priority %i', (severity, priority) => {
    expect(bodiesOf(ntfy, finding(1, { severity }))[0]).toMatchObject({
      topic: 'alerts',
      title: `${severity}: Egress from an internal network`,
      priority,
      tags: [expect.any(String), severity],
    });
  });

  it('is a notification each, and quiet about what is over', () => {
    const [open, closed] = bodiesOf(ntfy, finding(1), finding(1, { status: 'closed' }));

    expect(open.message.split('\n').slice(0, 2)).toEqual([
      'shop/db tried to reach 198.51.100.7:443 from the internal network shop_data',
      'Who: shop/db',
    ]);
    expect(closed).toMatchObject({ priority: 2, tags: ['white_check_mark', 'high'] });
  });

  it('stays below the length that makes a file of it', () => {
    const long = named('漢'.repeat(5000));

    expect(Buffer.byteLength(bodiesOf(ntfy, long)[0].message)).toBeLessThanOrEqual(4096);
  });

  it.each([
    ['https://ntfy.sh/alerts', 'https://ntfy.sh/', 'alerts'],
    ['https://ntfy.example/base/alerts?auth=x', 'https://ntfy.example/base/?auth=x', 'alerts'],
  ])('%s is published at %s', (url, root, topic) => {
    const found = ntfyTopic(new URL(url));

    expect([found.root.href, found.topic]).toEqual([root, topic]);
  });

  it.each(['https://ntfy.sh', 'https://ntfy.sh/a/', 'https://ntfy.sh/a%20b'])('%s names no topic', (url) => {
    expect(() => ntfyTopic(new URL(url))).toThrow(/names no topic/);
  });
});

describe('harmless text', () => {
  it('is never longer than asked, calls nobody and links nothing, whatever it was', () => {
    fc.assert(
      fc.property(
        hostileText,
        fc.constantFrom('@', '://', 'www.', '@everyone'),
        fc.integer({ min: 2, max: 40 }),
        (text, act, max) => {
          const told = harmless(`${act}${text}${act}a`, max);
          expect(told.length).toBeLessThanOrEqual(max);
          expect(told).not.toMatch(/@[a-z]|:\/\/|www\./);
          expect(Buffer.from(told, 'utf8').toString('utf8')).toBe(told);
        },
      ),
    );
  });
});
