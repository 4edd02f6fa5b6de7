/**
 * The thread that questions run in, so that a long look never holds up the station. It opens the database anew for each
 * question, read-only: a file that was replaced meanwhile is the new one, and nothing keeps the log from shrinking.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { QueryError } from '../../query/error.ts';
import { StoreError } from '../store/error.ts';
import { openStoreReadOnly } from '../store/reader.ts';
import { answerQuestion } from './answers.ts';
import type { Fault, Question, Reply } from './question.ts';

const { storePath } = workerData as { readonly storePath: string };

parentPort!.on('message', async ({ id, question }: { readonly id: number; readonly question: Question }) => {
  parentPort!.postMessage(await replyTo(id, question));
});

async function replyTo(id: number, question: Question): Promise<Reply> {
  try {
    const reader = await openStoreReadOnly(storePath);
    try {
      return { id, answer: answerQuestion(reader, question) };
    } finally {
      reader.close();
    }
  } catch (error) {
    return { id, fault: faultOf(error) };
  }
}

function faultOf(error: unknown): Fault {
  if (error instanceof QueryError) {
    const { problem, text, from, to } = error;
    return { reason: 'filter', problem, text, from, to };
  }
  if (error instanceof StoreError) return { reason: 'store', code: error.code };
  return { reason: 'fault', message: error instanceof Error ? error.message : String(error) };
}
