/** Zones of names, for analyzers; the command line sums up by them too, so what they are stands in src/model. */
export * from '../../src/model/dns-zone.ts';
