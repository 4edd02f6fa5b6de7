import { describe, expect, it } from 'vitest';
import { MAX_REORDER_MICROS, MAX_STEP_MICROS, PacketClock } from '../../../src/sensor/flow/clock.ts';

const T = 1_700_000_000_000_000;

describe('PacketClock', () => {
  it('follows packet time', () => {
    const clock = new PacketClock();

    expect([0, 5, 5, 1_000_000].map((t) => clock.advance(T + t))).toEqual([0, 5, 5, 1_000_000]);
    expect(clock.jumps).toBe(0);
  });

  it('takes a step of a minute and clamps a longer one', () => {
    const clock = new PacketClock();
    clock.advance(T);

    expect(clock.advance(T + MAX_STEP_MICROS)).toBe(MAX_STEP_MICROS);
    expect(clock.jumps).toBe(0);
    expect(clock.advance(T + 2 * MAX_STEP_MICROS + 1)).toBe(2 * MAX_STEP_MICROS);
    expect(clock.jumps).toBe(1);
  });

  it('stands still for reordered packets, and catches up without counting time twice', () => {
    const clock = new PacketClock();
    clock.advance(T);
    clock.advance(T + MAX_REORDER_MICROS);

    expect(clock.advance(T)).toBe(MAX_REORDER_MICROS);
    expect(clock.advance(T + MAX_REORDER_MICROS + 7)).toBe(MAX_REORDER_MICROS + 7);
    expect(clock.jumps).toBe(0);
  });

  it('goes on from where a clock was set back to', () => {
    const clock = new PacketClock();
    clock.advance(T);
    clock.advance(T + 20_000_000);

    expect(clock.advance(T + 20_000_000 - MAX_REORDER_MICROS - 1)).toBe(20_000_000);
    expect(clock.jumps).toBe(1);
    expect(clock.advance(T + 20_000_000 - MAX_REORDER_MICROS)).toBe(20_000_001);
  });
});
