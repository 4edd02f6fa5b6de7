/**
 * Each audit in a thread of its own, which ends with it. In the midst of the loop that serves the taps one of 200 containers
 * held that up for 220 ms; from here its start and its answer take 4 ms together (docs/audit).
 */
import type { Worker } from 'node:worker_threads';
import { startThread, threadScript } from '../../../start-thread.ts';
import type { AuditAnswer, AuditReply, AuditRequest } from './audit-request.ts';

/** An engine that answers each of hundreds of questions slowly; beyond it something hangs. */
const TIME_LIMIT_MS = 300_000;
/** Of the thread: 1,000 containers took less than 100 MiB. */
const MAX_HEAP_MIB = 512;

export class AuditThread {
  #worker: Worker | undefined;

  /** Rejects with why it could not be made. One at a time. */
  run(request: AuditRequest): Promise<AuditAnswer> {
    return new Promise((resolve, reject) => {
      const worker = startThread(threadScript('sensor/audit/watch/audit-worker'), {
        workerData: request,
        resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB },
      });
      this.#worker = worker;
      const timer = setTimeout(() => {
        reject(new Error(`the audit took longer than ${TIME_LIMIT_MS / 1000} s`));
        void worker.terminate();
      }, TIME_LIMIT_MS);
      worker.once('message', (reply: AuditReply) => {
        if ('problem' in reply) reject(new Error(reply.problem));
        else resolve(reply);
        void worker.terminate();
      });
      worker.once('error', reject);
      worker.once('exit', (code) => {
        clearTimeout(timer);
        // Where it has answered, this changes nothing.
        reject(new Error(`the thread of the audit ended with ${code}`));
      });
    });
  }

  /** One that is under way is given up. */
  stop(): void {
    void this.#worker?.terminate();
  }
}
