import { describe, expect, it } from 'vitest';
import { PageRun, stepsOf } from './console-page.ts';

const PAGE = `# A page

Look:

\`\`\`console
$ tool list
ID                TIME      BYTES
5c1d9a03b2e4f611  14:02:07  100
...
2 in all
$ tool show 5c1d9a03b2e4f611
at 2026-11-23 14:02:07
\`\`\`

\`\`\`sh
$ never run
\`\`\`
`;

describe('a page whose console blocks are run', () => {
  it('has its commands, with their output, of console blocks only', () => {
    expect(stepsOf(PAGE).map(({ command, line }) => [command, line])).toEqual([
      ['tool list', 6],
      ['tool show 5c1d9a03b2e4f611', 11],
    ]);
  });

  it('takes other ids, times, numbers and widths of columns, and names them in later commands', () => {
    const [list, show] = stepsOf(PAGE);
    const run = new PageRun();
    const said = 'ID   TIME  BYTES\n00000000deadbeef  09:00:00  7\nffff0000deadbeef  09:00:01  8\n2 in all\n';

    expect(run.difference(list!, said)).toBeUndefined();
    expect(run.command(show!)).toBe('tool show 00000000deadbeef');
    expect(run.difference(show!, 'at 2027-01-01 00:00:00')).toBeUndefined();
  });

  it.each([
    ['another word', 'ID TIME SIZE\n00000000deadbeef 09:00:00 7\n2 in all', 'TIME      BYTES'],
    ['a line too few', 'ID TIME BYTES\n2 in all', '14:02:07  100'],
    ['a time where an id was', 'ID TIME BYTES\n09:00:00 09:00:00 7\n2 in all', '  100'],
    [
      'a line too many',
      'ID TIME BYTES\n00000000deadbeef 09:00:00 7\n2 in all\nand more',
      'more than the page',
    ],
  ])('does not take %s', (_, said, complaint) => {
    expect(new PageRun().difference(stepsOf(PAGE)[0]!, said)).toContain(complaint);
  });

  it('is written anew with what a run printed, cut where it was cut', () => {
    const said = 'ID  TIME\na\nb\nc\nd\n4 in all\n';
    const fresh = new PageRun().rewritten(PAGE, new Map([[6, said]]));

    expect(stepsOf(fresh)[0]!.output).toEqual(['ID  TIME', 'a', '...', '4 in all']);
    expect(fresh.replace(/```console[\s\S]*?```/, '')).toBe(PAGE.replace(/```console[\s\S]*?```/, ''));
  });

  it('is written anew with the names of the run, also where somebody chose the lines that are shown', () => {
    const chosen = PAGE.replace('2 in all', '...\n2 in all');
    const run = new PageRun();
    const said = 'ID TIME BYTES\n00000000deadbeef 09:00:00 7\n2 in all';
    run.difference(stepsOf(chosen)[0]!, said);

    const [list, show] = stepsOf(run.rewritten(chosen, new Map([[6, said]])));
    expect(list!.output).toEqual(['ID TIME BYTES', '00000000deadbeef 09:00:00 7', '...', '...', '2 in all']);
    expect(show!.command).toBe('tool show 00000000deadbeef');
  });
});
