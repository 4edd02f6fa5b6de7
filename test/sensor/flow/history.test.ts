import { describe, expect, it } from 'vitest';
import { addFlip, addHistory, formatHistory, HISTORY } from '../../../src/sensor/flow/history.ts';
import { FlowRows } from '../../../src/sensor/flow/rows.ts';

describe('history letters', () => {
  it('hold every letter of both directions and the flip, in order, each once', () => {
    const rows = new FlowRows(4);
    addFlip(rows, 2);
    for (const fromOrig of [true, false, true]) {
      for (const letter of Object.values(HISTORY)) addHistory(rows, 2, letter, fromOrig);
    }

    expect(formatHistory(rows, 2)).toBe('^SHADFRGTWIQshadfrgtwiq');
    expect([formatHistory(rows, 1), formatHistory(rows, 3)]).toEqual(['', '']);
  });

  it('keep the order of events', () => {
    const rows = new FlowRows(1);
    addHistory(rows, 0, HISTORY.DATA, false);
    addHistory(rows, 0, HISTORY.SYN, true);
    addHistory(rows, 0, HISTORY.DATA, true);

    expect(formatHistory(rows, 0)).toBe('dSD');
  });
});
