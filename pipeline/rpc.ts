import { extname } from 'node:path'
import { Worker, parentPort } from 'node:worker_threads'
import { fileURLToPath } from 'node:url'
import { Trouble } from './errors.ts'

/** Functions that a worker thread offers: plain data in, plain data out. */
export type Handlers = Record<string, (...args: never[]) => unknown>

/** The functions of a worker as its owner calls them. */
export type Remote<H extends Handlers> = {
  [Name in keyof H]: (...args: Parameters<H[Name]>) => Promise<Awaited<ReturnType<H[Name]>>>
}

interface Request {
  id: number
  name: string
  args: never[]
}
interface Failure {
  message: string
  remedy: string | undefined
  retryable: boolean
  code: unknown
}
interface Reply {
  id: number
  result?: unknown
  failure?: Failure
}

/** In a worker thread: answers the owner's calls one after the other. */
export function serve(handlers: Handlers): void {
  const port = parentPort
  if (!port) throw new Error('serve() is for worker threads')
  port.on('message', (request: Request) => {
    const reply: Reply = { id: request.id }
    try {
      const handler = handlers[request.name]
      if (!handler) throw new Error(`no function ${request.name}`)
      reply.result = handler(...request.args)
    } catch (error) {
      reply.failure = toFailure(error)
    }
    try {
      port.postMessage(reply)
    } catch (error) {
      port.postMessage({ id: request.id, failure: toFailure(error) })
    }
  })
}

function toFailure(error: unknown): Failure {
  const { message, remedy, retryable, errcode, code } = Object(error) as Partial<Trouble> & {
    errcode?: unknown
    code?: unknown
  }
  return {
    message: message ?? String(error),
    remedy,
    retryable: retryable ?? false,
    code: errcode ?? code,
  }
}

/**
 * Starts the module beside `importMeta` as a worker thread. Calls are answered in the order in which they were made;
 * when the thread dies all calls under way, and all later ones, reject.
 */
export function openWorker<H extends Handlers>(
  importMetaUrl: string,
  module: string,
  workerData: unknown,
): { remote: Remote<H>; close(): Promise<void> } {
  // The same whether we run from .ts or, installed from a tarball, from compiled .js.
  const file = new URL(`${module}${extname(fileURLToPath(importMetaUrl))}`, importMetaUrl)
  const worker = new Worker(file, { workerData })
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  let calls = 0
  let dead: Trouble | undefined

  const fail = (error: unknown) => {
    // An error that ended the thread has crossed as a plain copy.
    dead ??= error instanceof Trouble ? error : fromFailure(toFailure(error))
    for (const call of waiting.values()) call.reject(dead)
    waiting.clear()
  }
  worker.on('message', ({ id, result, failure }: Reply) => {
    const call = waiting.get(id)
    waiting.delete(id)
    if (failure) call?.reject(fromFailure(failure))
    else call?.resolve(result)
  })
  worker.on('error', fail)
  worker.on('exit', () => fail(new Trouble(`the thread ${module} has ended`)))

  const remote = new Proxy({} as Remote<H>, {
    get:
      (_, name: string) =>
      (...args: unknown[]) => {
        if (dead) return Promise.reject(dead)
        const call = Promise.withResolvers<unknown>()
        waiting.set(++calls, call)
        try {
          // Buffers are copied, not moved: the caller keeps them to be able to repeat a call that failed.
          worker.postMessage({ id: calls, name, args })
        } catch (error) {
          waiting.delete(calls)
          call.reject(error)
        }
        return call.promise
      },
  })
  return {
    remote,
    async close() {
      dead ??= new Trouble(`the thread ${module} was closed`)
      await worker.terminate()
    },
  }
}

function fromFailure({ message, remedy, retryable, code }: Failure): Trouble {
  return new Trouble(message, { ...(remedy ? { remedy } : {}), retryable, cause: code })
}
