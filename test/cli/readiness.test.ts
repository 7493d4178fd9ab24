import test, { type ExecutionContext } from 'ava'
import { postureNames, type ServicePosture } from '../../pipeline/posture.ts'
import { open } from '../dashboards/open.ts'
import { openInstance } from '../dashboards/shop.ts'
import { directory, leaveAddress, now, openTerminal } from './terminal.ts'

const posture: ServicePosture = {
  v: 1,
  service: '/shop/web',
  findings: Object.fromEntries(
    postureNames.map((name) => [name, { found: false, detail: 'fine', sinceMs: 1 }]),
  ),
  accept: [],
  containers: 2,
  app: true,
  identity: { service: '/shop/web', owner: 'shop', runbook: 'https://runbooks.test/web' },
  heardMs: 1,
}

async function running(t: ExecutionContext, more: Partial<ServicePosture> = {}) {
  const shown = { ...posture, ...more }
  const rule = { alert: 'ErrorsHigh', reads: ['errors'], labels: {} }
  const { url, store } = await open(t, {
    clock: openTerminal().io.clock,
    postures: { get: () => shown, services: () => [shown.service] },
    covering: () => [rule],
    retentionClasses: [],
  })
  const web = openInstance('/shop/web', 'web.1', 'a'.repeat(64))
  await store.appendLogs([web.write(now - 5000, [['info', 'x']])])
  const dir = directory(t)
  leaveAddress(dir, { url })
  return dir
}

test('readiness of what is fit ends with 0', async (t) => {
  const dir = await running(t)
  const { out, err, code } = await openTerminal().run('readiness', 'web', '--data', dir)
  t.is(code, 0)
  t.is(err, 'mesoscope: /shop/web is fit for production: all points are ok\n')
  t.regex(out, /^ok +logs +1 lines in a day, the last 5 s ago +-$/m)
})

test('readiness of what is not fit ends with 1, and tells what is missing first', async (t) => {
  const root = { found: true, detail: 'no user is \u001b[2Jnamed', sinceMs: 1 }
  const one = { found: true, detail: 'one', sinceMs: 1 }
  const findings = {
    ...posture.findings,
    root,
    'one-instance': one,
    'host-pid': undefined as never,
  }
  const dir = await running(t, { findings, accept: ['one-instance', 'odd\u001b[2J'] })
  const { out, err, code } = await openTerminal().run('readiness', 'web', '--data', dir)
  t.is(code, 1)
  t.is(err, 'mesoscope: /shop/web is not fit for production: 1 missing, 1 unknown, 1 accepted\n')
  const lines = out.split('\n')
  t.regex(
    lines[1] ?? '',
    /^missing +root +it runs as root \(no user is \\x1b\[2Jnamed\) +name a user/,
  )
  t.regex(lines[2] ?? '', /^unknown +host-pid/)
  t.regex(lines[3] ?? '', /^accepted +one-instance/)
  t.true(out.includes('mesoscope.posture.accept names "odd\\x1b[2J", which is no finding'))
})

test('readiness as JSON; exit codes of what is not there', async (t) => {
  const dir = await running(t)
  const { out, code } = await openTerminal().run('readiness', 'web', '--json', '--data', dir)
  t.is(code, 0)
  t.like(JSON.parse(out), { readiness: { service: '/shop/web', fit: true } })
  t.is((await openTerminal().run('readiness', 'nobody', '--data', dir)).code, 3)
  t.is((await openTerminal().run('readiness')).code, 2)
  const help = (await openTerminal().run('readiness', '--help')).out
  t.regex(help, /0 if the service is fit, with 1 if it is not/)
  t.is((await openTerminal().run('readiness', 'web', '--data', `${dir}/none`)).code, 1)
})
