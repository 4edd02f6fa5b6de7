/** From a condition to a predicate over public records: what a filter means, everywhere. */
import { cidrContains, isIpv4Words, parseIp } from '../model/ip.ts';
import type { PublicRecord } from '../model/serialize.ts';
import type { Condition, Test } from './condition.ts';
import { ID_MARK } from './ends.ts';
import { type Scalar, valuesOf } from './fields.ts';
import { matchesPattern } from './pattern.ts';

export type Predicate = (record: PublicRecord) => boolean;

/** An absent field passes no test; so `not` of any test of it holds. */
export function predicateOf(condition: Condition): Predicate {
  switch (condition.type) {
    case 'all': {
      const parts = condition.parts.map(predicateOf);
      return (record) => parts.every((part) => part(record));
    }
    case 'any': {
      const parts = condition.parts.map(predicateOf);
      return (record) => parts.some((part) => part(record));
    }
    case 'not': {
      const part = predicateOf(condition.part);
      return (record) => !part(record);
    }
    case 'test': {
      const { field } = condition;
      const passes = scalarTest(condition.test);
      return (record) => valuesOf(field, record).some((value) => value !== undefined && passes(value));
    }
  }
}

function scalarTest(test: Test): (value: Exclude<Scalar, undefined>) => boolean {
  switch (test.type) {
    case 'exists':
      return () => true;
    case 'text':
      return (value) => matchesPattern(test.pattern, String(value));
    case 'container':
      return (value) => {
        const text = String(value);
        if (!text.startsWith(ID_MARK)) return matchesPattern(test.pattern, text);
        return test.idPrefix !== undefined && text.startsWith(test.idPrefix, ID_MARK.length);
      };
    case 'choice':
      return (value) => test.accepted.has(String(value));
    case 'range':
      return (value) => typeof value === 'number' && value >= test.from && value < test.before;
    case 'ip': {
      const { cidr } = test;
      return (value) => {
        const ip = parseIp(String(value));
        // `::/0` are all of IPv6, and not also all of IPv4 by its mapped form.
        return (
          ip !== undefined &&
          isIpv4Words(ip[0], ip[1], ip[2]) === (cidr.family === 4) &&
          cidrContains(cidr, ip)
        );
      };
    }
  }
}
