/** Removes labs whose owner died without doing it (`make clean`; every new lab does the same). */
import { removeStaleLabs } from './remains.ts';

const removed = removeStaleLabs();
if (removed.length > 0) console.log(`removed the remains of lab ${removed.join(', ')}`);
