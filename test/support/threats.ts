/** Lists for tests, through the real parsers, without files. */
import type { ThreatMatch, Threats } from '../../src/sensor/analysis/analyzer.ts';
import { detectFormat, PARSERS } from '../../src/sensor/threat-lists/formats/detect.ts';
import { IndicatorSet, type IndicatorSetOptions } from '../../src/sensor/threat-lists/indicator-set.ts';

export function setOf(
  text: string,
  options: Partial<IndicatorSetOptions> = {},
  pieceChars = 7,
): IndicatorSet {
  const set = new IndicatorSet({ maxIndicators: 1_000_000, allowPrivate: false, ...options });
  const parser = PARSERS[detectFormat(text)](set);
  for (let at = 0; at < text.length; at += pieceChars) parser.push(text.slice(at, at + pieceChars));
  parser.end();
  set.seal();
  return set;
}

export function threatsOf(
  text: string,
  list: Partial<Pick<ThreatMatch, 'list' | 'severity' | 'confidence' | 'fileChanged' | 'alsoIn'>> = {},
): Threats {
  const set = setOf(text);
  const facts = {
    list: 'mine',
    severity: 'high',
    confidence: 'high',
    fileChanged: 0,
    alsoIn: [],
    ...list,
  } as const;
  return {
    isConfigured: true,
    hasAddresses: set.addressCount + set.networkCount > 0,
    hasNames: set.nameCount > 0,
    listsAddress: (ip) => set.hasAddress(ip),
    listsName: (name) => set.hasName(name),
    ofAddress(ip) {
      const entry = set.ofAddress(ip);
      return entry === undefined ? undefined : { ...facts, ...entry };
    },
    ofName(name) {
      const entry = set.ofName(name);
      return entry === undefined ? undefined : { ...facts, ...entry };
    },
  };
}
