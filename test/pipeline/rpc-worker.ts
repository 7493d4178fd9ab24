import { workerData } from 'node:worker_threads'
import { Trouble } from '../../pipeline/errors.ts'
import { serve } from '../../pipeline/rpc.ts'

/* A worker whose functions answer, fail and die. */
const { die } = workerData as { die?: string }
if (die === 'trouble') throw new Trouble('the file is away', { remedy: 'bring it back' })
if (die === 'error') throw new TypeError('a defect')

const calls: number[] = []

const handlers = {
  echo: (value: unknown) => value,
  note: (n: number) => void calls.push(n),
  noted: () => calls,
  trouble: (retryable: boolean) => {
    throw new Trouble('the disk is full', { remedy: 'free space', retryable })
  },
  error: () => {
    throw new TypeError('a defect')
  },
  nothing: () => {
    // oxlint-disable-next-line no-throw-literal, typescript/only-throw-error -- that is what is tested
    throw undefined
  },
  uncloneable: () => () => 1,
  crash: () => {
    setImmediate(() => {
      throw new Error('out of memory')
    })
  },
  exit: () => process.exit(3),
  hang: () => {
    for (;;);
  },
}
export type TestHandlers = typeof handlers
serve(handlers)
