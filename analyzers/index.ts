/** The analyzers, written out. src/sensor/agent.ts is the only reader in src. */
import type { AnalyzerDefinition } from '../src/sensor/analysis/analyzer.ts';
import dnsBypass from './dns-bypass.ts';
import dnsTunnel from './dns-tunnel.ts';
import internalEgress from './internal-egress.ts';

export const analyzers: readonly AnalyzerDefinition[] = [dnsBypass, dnsTunnel, internalEgress];
