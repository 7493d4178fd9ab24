import test from 'ava'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { decodeAll } from '../../alerting/records.ts'
import type { KillPoint } from '../../pipeline/fault.ts'
import {
  busIn,
  measured,
  openDesk,
  openMailbox,
  mailTo,
  second,
  t0,
  tempDir,
  until,
} from './world.ts'

const at = (seconds: number) => t0 + seconds * second
const victim = fileURLToPath(new URL('victim.ts', import.meta.url))

/** Where it is killed, and how many mails may have gone out in the end (under one Message-ID). */
const kills: [KillPoint, number, number][] = [
  ['alert:before-state', 1, 1],
  ['notify:before-send', 1, 1],
  ['notify:after-send', 1, 2],
  ['notify:before-send', 2, 1],
  ['notify:after-send', 2, 1],
]

for (const [point, nth, firingMails] of kills) {
  test(`kill -9 at ${point} ${nth}: both pages arrive, each under one id`, async (t) => {
    const dir = await tempDir(t)
    const mailbox = await openMailbox(t)
    const before = await busIn(dir)
    const calm = await openDesk(t, before)
    await measured(before, at(-10), at(0), 1)
    await until('quiet', () => calm.alerting.through() === at(0))
    await calm.close()
    await measured(before, at(0), at(20), 40)
    await measured(before, at(20), at(40), 1)
    await before.close()

    const child = spawn(process.execPath, [victim, dir, String(mailbox.port)], {
      env: { ...process.env, MESOSCOPE_KILL_AT: `${point}:${nth}` },
      stdio: 'inherit',
    })
    const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
    t.is(signal, 'SIGKILL')

    const after = await busIn(dir)
    t.teardown(() => after.close())
    await openDesk(t, after, { mail: mailTo(mailbox.port) })
    await until('both sent', async () => {
      const { notifications } = decodeAll((await after.snapshot('alerts')).latest)
      return notifications.length === 2 && notifications.every(({ sent }) => sent)
    })
    const firing = mailbox.mails.filter(({ subject }) => subject?.startsWith('[FIRING]'))
    t.is(firing.length, firingMails)
    t.is(new Set(mailbox.mails.map(({ messageId }) => messageId)).size, 2)
  })
}
