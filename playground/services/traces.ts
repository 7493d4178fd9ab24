import { between, nowIso, pick } from './service.ts'

/** Failures as three languages tell of them, on several lines each. */

/** The time as Java's usual log layouts print it. */
export function javaTime(): string {
  return nowIso().slice(0, 23).replace('T', ' ').replace('.', ',')
}

export function javaTrace(id: string): string {
  return [
    `${javaTime()} ERROR [pool-2-thread-${between(1, 4)}] shop.payments.Charge - charge ${id} failed`,
    'java.lang.IllegalStateException: card gateway answered 502',
    '\tat shop.payments.Gateway.post(Gateway.java:118)',
    '\tat shop.payments.Charge.run(Charge.java:54)',
    '\tat java.base/java.util.concurrent.ThreadPoolExecutor.runWorker(ThreadPoolExecutor.java:1136)',
    '\tat java.base/java.lang.Thread.run(Thread.java:840)',
    'Caused by: java.net.SocketTimeoutException: Read timed out',
    '\tat java.base/sun.nio.ch.NioSocketImpl.timedRead(NioSocketImpl.java:288)',
    '\t... 12 more',
  ].join('\n')
}

export function pythonTrace(id: string): string {
  return [
    `ERROR:payments.refund:refund ${id} failed`,
    'Traceback (most recent call last):',
    '  File "/app/payments/refund.py", line 87, in refund',
    '    receipt = receipts[charge_id]',
    `KeyError: '${id}'`,
  ].join('\n')
}

/** A real one: thrown and caught, with its cause. */
export function nodeTrace(id: string): Error {
  try {
    return settle(id)
  } catch (error) {
    return error as Error
  }
}

export function settle(id: string): never {
  try {
    return JSON.parse(pick(['{"amount": 12,', 'Bad Gateway', '<html>502</html>'])) as never
  } catch (cause) {
    throw new Error(`cannot settle ${id}: the gateway's answer is no JSON`, { cause })
  }
}
