import { appendFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  announce,
  between,
  chance,
  complain,
  isActing,
  nowIso,
  print,
  takeOrders,
} from './service.ts'

/** Keeps its orders on the persistent volume: what was written is there again after a restart. */

const volume = join(process.env['MESOS_SANDBOX'] ?? '.', 'data')
const journal = join(volume, 'orders.log')
/** Bytes after which the journal begins anew. */
const journalLimit = 256 * 1024
const writeEveryMs = 500

let rows = 0
let sinceCheckpoint = 0

/** PostgreSQL's way of telling. */
function tell(level: string, text: string): void {
  print(`${nowIso().replace('T', ' ').replace('Z', ' UTC')} [${process.pid}] ${level}:  ${text}`)
}

function recover(): void {
  mkdirSync(volume, { recursive: true })
  tell('LOG', 'database system was interrupted; starting recovery')
  try {
    rows = readFileSync(journal, 'utf8').split('\n').length - 1
  } catch {
    // The first start: there is none yet.
  }
  tell('LOG', `recovered ${rows} rows from the volume`)
  tell('LOG', 'database system is ready to accept connections')
}

function insert(): void {
  if (isActing('hang')) return
  try {
    appendFileSync(
      journal,
      `${nowIso()} order=${between(1e5, 1e6)} cents=${between(199, 99_999)}\n`,
    )
    rows++
    if (++sinceCheckpoint >= 10) checkpoint()
  } catch (error) {
    complain(`${nowIso()} PANIC:  could not write to the volume: ${(error as Error).message}`)
  }
  if (chance() < 0.01) tell('WARNING', 'there is already a transaction in progress')
}

function checkpoint(): void {
  tell('LOG', `checkpoint complete: wrote ${sinceCheckpoint} buffers, ${rows} rows in all`)
  sinceCheckpoint = 0
  if (statSync(journal).size < journalLimit) return
  writeFileSync(journal, '')
  tell('LOG', `journal archived after ${rows} rows`)
  rows = 0
}

process.once('SIGTERM', () => {
  tell('LOG', 'received smart shutdown request')
  tell('LOG', 'database system is shut down')
  process.exit(0)
})
takeOrders()
recover()
announce()
setInterval(insert, writeEveryMs)
