import { inspect } from 'node:util'
import { badLines, hugeLine } from './bad-lines.ts'
import {
  announce,
  between,
  chance,
  complain,
  failsNow,
  isActing,
  print,
  takeOrders,
} from './service.ts'
import { javaTime, javaTrace, nodeTrace, pythonTrace, settle } from './traces.ts'

/** Charges cards in plain text lines; fails now and then with a stack trace, rarely it dies of one. */

const everyMs = 300
const failEvery = 55
/** Not in the first minutes, and then about once in six. */
const safeCharges = 300
const deathChance = 1 / 1200

let charges = 0

function charge(): void {
  if (isActing('hang')) return
  charges++
  const id = `ch_${between(100_000, 999_999)}`
  if (charges > safeCharges && chance() < deathChance) settle(id)
  if (failsNow() || charges % failEvery === 8) return tellFailure(id)
  if (charges % 70 === 20) sayKey()
  const level = chance() < 0.03 ? 'WARN ' : 'INFO '
  const text = level === 'WARN ' ? 'is slow' : 'ok'
  const cents = between(199, 19_999)
  print(`${javaTime()} ${level} [main] shop.payments.Charge - charge ${id} ${text} amount=${cents}`)
}

function tellFailure(id: string): void {
  const kind = Math.floor(charges / failEvery) % 3
  if (kind === 0) complain(javaTrace(id))
  else if (kind === 1) complain(pythonTrace(id))
  else complain(inspect(nodeTrace(id)))
}

/** As careless as real programs are: Mesoscope has to hide this. */
function sayKey(): void {
  print(
    `${javaTime()} DEBUG [main] shop.payments.Gateway - POST /charge api_key=demo${between(1e8, 1e9)}`,
  )
}

function printBadLines(): void {
  if (isActing('bad-lines')) for (const line of badLines) process.stdout.write(line)
}

takeOrders((order) => {
  if (order.kind !== 'fault' || order.fault !== 'bad-lines' || !order.on) return
  printBadLines()
  process.stdout.write(hugeLine())
})
announce()
print(`${javaTime()} INFO  [main] shop.payments.Main - started`)
setInterval(charge, everyMs)
setInterval(printBadLines, 5000)
