import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { decodeAll } from '../../alerting/records.ts'
import { readStages } from '../../alerting/stages/read.ts'
import type { Bus } from '../../pipeline/bus/bus.ts'
import type { KillPoint } from '../../pipeline/fault.ts'
import { openHttpServer } from '../helpers/http-server.ts'
import {
  busIn,
  measured,
  openDesk,
  openMailbox,
  openWorld,
  second,
  t0,
  tempDir,
  until,
} from './world.ts'

/* Rules, routes and real receivers together. */

const at = (seconds: number) => t0 + seconds * second

function routesTo(dir: string, smtpPort: number, hook?: string): string {
  const file = join(dir, 'alertmanager.yml')
  const webhook = hook === undefined ? '' : `    webhook_configs: [{ url: '${hook}/hook' }]\n`
  writeFileSync(
    file,
    `global: { smtp_smarthost: '127.0.0.1:${smtpPort}', smtp_from: 'mesoscope@example.com', smtp_require_tls: false }
route: { receiver: team, group_by: [service], group_wait: 0s, group_interval: 1s, repeat_interval: 1h }
receivers:
  - name: team
    email_configs: [{ to: 'oncall@example.com', send_resolved: true }]
${webhook}`,
  )
  return file
}

interface Hook {
  status: string
  groupLabels: Record<string, string>
  alerts: { labels: Record<string, string>; status: string; generatorURL: string }[]
}

async function openHook(t: ExecutionContext) {
  const posts: Hook[] = []
  const { url } = await openHttpServer(t, ({ body }, response) => {
    posts.push(JSON.parse(body) as Hook)
    response.end()
  })
  return { posts, url }
}

async function calm(bus: Bus, through: () => number | undefined) {
  await measured(bus, at(-10), at(0), 1)
  await until('quiet', () => through() === at(0))
}

test('a rule that fires is told by mail and webhook, with what is behind it, and so is its end', async (t) => {
  const bus = await openWorld(t)
  const dir = await tempDir(t)
  const mailbox = await openMailbox(t)
  const hook = await openHook(t)
  const { config: stages } = readStages(routesTo(dir, mailbox.port, hook.url))
  const { host } = new URL(hook.url)
  const desk = await openDesk(t, bus, { stages, hosts: [host] })
  await calm(bus, desk.alerting.through)
  await measured(bus, at(0), at(20), 40)
  await until('both are told', () => mailbox.mails.length === 1 && hook.posts.length === 1)
  const [mail] = mailbox.mails
  t.is(mail?.subject, '[FIRING] HighErrorRate /shop/web: 8 errors/s > 5')
  t.regex(mail?.text ?? '', /boom/, 'the lines behind it')
  t.regex(mail?.text ?? '', /mesoscope silence add --for=2h/)
  t.like(hook.posts[0], { status: 'firing', groupLabels: { service: '/shop/web' } })
  t.like(hook.posts[0]?.alerts, {
    length: 1,
    0: { labels: { alertname: 'HighErrorRate', severity: 'page' }, status: 'firing' },
  })
  t.regex(hook.posts[0]?.alerts[0]?.generatorURL ?? '', /^http:\/\/logs\.test:8900\/#/)
  await measured(bus, at(20), at(40), 1)
  await until('both are told the end', () => mailbox.mails.length === 2 && hook.posts.length === 2)
  t.regex(mailbox.mails[1]?.subject ?? '', /^\[RESOLVED\]/)
  t.is(hook.posts[1]?.status, 'resolved')
  t.is(mailbox.mails[1]?.references, mailbox.mails[0]?.references, 'one thread')
  t.is(desk.alerting.trouble(), undefined)
})

const victim = fileURLToPath(new URL('victim.ts', import.meta.url))

/** Where it is killed, and how many mails of the beginning may have gone out in the end (under one Message-ID). */
const kills: [KillPoint, number, number][] = [
  ['notify:before-send', 1, 1],
  ['notify:after-send', 1, 2],
]

for (const [point, nth, firingMails] of kills) {
  test(`kill -9 at ${point} ${nth}, by routes: the page arrives, under one id`, async (t) => {
    const dir = await tempDir(t)
    const mailbox = await openMailbox(t)
    const routes = routesTo(dir, mailbox.port)
    const { config: stages } = readStages(routes)
    const before = await busIn(dir)
    const first = await openDesk(t, before, { stages })
    await calm(before, first.alerting.through)
    await first.close()
    await measured(before, at(0), at(20), 40)
    await before.close()

    const child = spawn(process.execPath, [victim, dir, String(mailbox.port), routes], {
      env: { ...process.env, MESOSCOPE_KILL_AT: `${point}:${nth}` },
      stdio: 'inherit',
    })
    const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
    t.is(signal, 'SIGKILL')

    const after = await busIn(dir)
    t.teardown(() => after.close())
    await openDesk(t, after, { stages })
    await until('it is told', async () => {
      return decodeAll((await after.snapshot('alerts')).latest).told.length === 1
    })
    await measured(after, at(20), at(40), 1)
    await until('its end is told', () =>
      mailbox.mails.some(({ subject }) => subject?.startsWith('[RESOLVED]')),
    )
    const firing = mailbox.mails.filter(({ subject }) => subject?.startsWith('[FIRING]'))
    t.is(firing.length, firingMails)
    t.is(new Set(mailbox.mails.map(({ messageId }) => messageId)).size, 2)
  })
}
