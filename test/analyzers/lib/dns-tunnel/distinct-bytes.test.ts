import { describe, expect, it } from 'vitest';
import { DistinctBytes, slotOf } from '../../../../analyzers/lib/dns-tunnel/distinct-bytes.ts';
import { hashLabels } from '../../../../analyzers/lib/dns-tunnel/name-hash.ts';

/** A stream of different names of 10 to 59 bytes, fed `times` times over. */
function measure(run: number, names: number, times = 1): { sketch: DistinctBytes; truth: number } {
  const sketch = new DistinctBytes();
  let truth = 0;
  for (let round = 0; round < times; round++) {
    for (let i = 0; i < names; i++) {
      const weight = 10 + ((i * 7 + run) % 50);
      if (round === 0) truth += weight;
      sketch.add(slotOf(hashLabels([Buffer.from(`${run}-${i}`)], 0, 1), weight));
    }
  }
  return { sketch, truth };
}

function errors(names: number, runs = 300): { rms: number; bias: number; rmsOfNames: number } {
  let squares = 0;
  let sum = 0;
  let squaresOfNames = 0;
  for (let run = 0; run < runs; run++) {
    const { sketch, truth } = measure(run, names);
    const error = sketch.bytes / truth - 1;
    squares += error * error;
    sum += error;
    squaresOfNames += (sketch.names / names - 1) ** 2;
  }
  return { rms: Math.sqrt(squares / runs), bias: sum / runs, rmsOfNames: Math.sqrt(squaresOfNames / runs) };
}

describe('distinct bytes', () => {
  it.each([0, 1, 8, 9, 63, 64])('is exact for %i names, however often they repeat', (names) => {
    const { sketch, truth } = measure(1, names, 3);

    expect(sketch.bytes).toBe(truth);
    expect(sketch.names).toBe(names);
    expect(sketch.isExact).toBe(true);
  });

  it('estimates from the 65th name on', () => {
    const { sketch, truth } = measure(1, 65);

    expect(sketch.isExact).toBe(false);
    expect(Math.abs(sketch.bytes / truth - 1)).toBeLessThan(0.1);
  });

  it('does not move when a sampled stream comes again', () => {
    expect(measure(3, 500, 2).sketch.bytes).toBe(measure(3, 500, 1).sketch.bytes);
  });

  // The published figures for k = 64: RMS 0.088, 0.112 and 0.127, bias within 2 %.
  it.each([
    [150, 0.088],
    [600, 0.112],
    [5000, 0.127],
  ])('errs over %i names as the estimator should: RMS about %f', (names, published) => {
    const { rms, bias, rmsOfNames } = errors(names);

    expect(rms).toBeGreaterThan(published * 0.8);
    expect(rms).toBeLessThan(published * 1.2);
    expect(Math.abs(bias)).toBeLessThan(0.02);
    expect(rmsOfNames).toBeLessThan(0.2);
  });

  it('merges two streams into the sketch of both, repeats taken out', () => {
    const whole = measure(5, 400).sketch;
    const left = new DistinctBytes();
    const right = new DistinctBytes();
    for (let i = 0; i < 400; i++) {
      const weight = 10 + ((i * 7 + 5) % 50);
      const slot = slotOf(hashLabels([Buffer.from(`5-${i}`)], 0, 1), weight);
      if (i < 250) left.add(slot);
      if (i >= 150) right.add(slot);
    }
    left.merge(right);

    expect(left.bytes).toBeCloseTo(whole.bytes, 6);
  });
});

describe('hash of a name', () => {
  const hash = (...labels: string[]) =>
    hashLabels(
      labels.map((label) => Buffer.from(label)),
      0,
      labels.length,
    );

  it('folds case, and keeps labels apart', () => {
    expect(hash('Ab', 'c')).toBe(hash('aB', 'C'));
    expect(hash('ab', 'c')).not.toBe(hash('a', 'bc'));
    expect(hash('abc')).not.toBe(hash('ab', 'c'));
  });

  it('has no collision among a million short names', () => {
    const seen = new Set<number>();
    for (let i = 0; i < 1_000_000; i++) seen.add(hash(i.toString(36)));

    expect(seen.size).toBe(1_000_000);
  });
});
