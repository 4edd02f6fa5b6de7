import { describe, expect, it } from 'vitest';
import { eventText } from '../../../src/cli/events/text.ts';
import type { ListenerRecord } from '../../../src/model/listener.ts';
import { parseRecord, serializeRecord } from '../../../src/model/serialize.ts';
import { container, listener } from '../../support/records.ts';

describe('the line of a listener', () => {
  const said = (fields: Partial<ListenerRecord>) =>
    eventText(
      parseRecord(
        serializeRecord(listener({ subject: container('db', '172.30.0.2', { port: 4444 }), ...fields })),
      ),
    );

  it('says who listens where, and by which process', () => {
    expect(said({ process: 'nc' })).toMatch(
      /listener opened {2}shop\/db listens on 0\.0\.0\.0:4444\/tcp \(nc\)$/,
    );
    expect(said({ address: '::', change: 'closed' })).toMatch(
      /listener closed {2}shop\/db no longer listens on \[::\]:4444\/tcp$/,
    );
  });

  it('writes no byte of a process name to the terminal that would act there', () => {
    expect(said({ process: '\u001b[2Jnc\u009b' })).toMatch(/ \(\\x1b\[2Jnc\\x9b\)$/);
  });
});
