import test, { type ExecutionContext } from 'ava'
import { parseFilter } from '../../alerting/stages/filter.ts'
import type { DashboardsOptions, MailView } from '../../dashboards/api.ts'
import { wallClock } from '../../pipeline/clock.ts'
import type { ServicePosture } from '../../pipeline/posture.ts'
import { decodeDocs } from '../../pipeline/record.ts'
import { open, until } from '../dashboards/open.ts'
import { clusterScene } from '../dashboards/cluster-scene.ts'
import { shopScene } from '../dashboards/scene.ts'
import { deadLetter, openInstance } from '../dashboards/shop.ts'
import { memoryDesk } from '../helpers/desk.ts'
import { openPage, picture, wide, withBrowser } from './browser.ts'

/** The page in a real browser. */
withBrowser()

/** A page on a small shop; what the browser complains of is collected. */
async function openShop(
  t: ExecutionContext,
  colorScheme: 'dark' | 'light' = 'dark',
  more: Partial<DashboardsOptions> = {},
) {
  const now = wallClock.now()
  const mails: MailView[] = []
  const faults = {
    list: () => [{ name: 'errors', sentence: 'The web service answers with 502' }],
    apply: async (name: string) => {
      const addresses = { from: 'mesoscope@shop.test', to: 'oncall@shop.test' }
      const subject = `[FIRING] ${name} <b>/shop/web</b>`
      mails.push({ ...addresses, receivedAt: now, subject, messageId: '<1@m>', text: 'value 5.2' })
    },
  }
  const cluster = clusterScene(now)
  const opened = await open(t, {
    mails: () => mails,
    faults,
    signals: cluster.signals,
    serviceFacts: () => cluster.states,
    scaling: () => cluster.scaling,
    desk: memoryDesk('{ route: { receiver: mail }, receivers: [{ name: mail }] }', wallClock),
    parseMatcher: parseFilter,
    ...more,
  })
  const scene = shopScene(now)
  await opened.store.appendLogs(scene.records)
  await opened.store.putBuckets(cluster.buckets)
  await opened.store.putDocs('changes', cluster.changes)
  await opened.store.putDocs('decisions', cluster.decisions)
  opened.state.alerts = scene.alerts
  const { page, complaints } = await openPage(t, {
    viewport: wide,
    colorScheme,
  })
  return { ...opened, page, complaints, now }
}

test.serial(
  'from the ill service to its lines, the live tail, a line’s context and its address',
  async (t) => {
    const { url, page, complaints, tails, store } = await openShop(t)
    await page.goto(url)
    const ill = page.locator('.ill')
    await ill.getByText('HighErrorRate').waitFor()
    t.regex(await ill.innerText(), /\/shop\/web[\s\S]*since \d\d:\d\d:\d\d UTC · 4 min/)
    const rows = page.locator('table.services tbody tr')
    t.is(await rows.count(), 4)
    t.regex(await rows.first().innerText(), /^\/shop\/web\s+firing/)
    t.is(await page.title(), '(1) Services – Mesoscope')
    await picture(page, 'services-dark')

    await ill.getByRole('link', { name: '/shop/web', exact: true }).click()
    await page.getByRole('link', { name: 'Its lines →' }).click()
    await page.locator('.line').first().waitFor()
    await page.locator('.histogram canvas').waitFor()
    t.true(page.url().endsWith('#/logs?service=/shop/web'))
    t.is(await page.locator('.line').count(), 200)
    await picture(page, 'logs-dark')

    await page.keyboard.press('/')
    await page.keyboard.type('"connection refused" AND level:error')
    await page.keyboard.press('Enter')
    await page.locator('.line mark').first().waitFor()
    t.is(await page.locator('.line:not(.line-error)').count(), 0)

    await page.getByRole('button', { name: 'Live' }).click()
    await until('the live tail', () => tails.count() === 1)
    await page.getByText('new lines come in on top').waitFor()
    const instance = openInstance('/shop/web', 'shop_web.live', '0'.repeat(64))
    const record = instance.write(wallClock.now(), [
      ['info', 'GET / 200 not asked for'],
      ['error', 'GET /live 502 connection refused'],
      ['error', 'GET /last 502 connection refused'],
    ])
    tails.emit(decodeDocs(record))
    await store.appendLogs([record])
    const top = page.locator('.line').first()
    await top.getByText('GET /last 502').waitFor()
    t.is(await page.getByText('not asked for').count(), 0)
    await picture(page, 'live-dark')

    await top.click()
    const context = page.locator('.around-line')
    await context.first().waitFor()
    t.is(await context.count(), 3)
    t.regex(await page.locator('.around-line.chosen').innerText(), /GET \/last/)
    t.regex(await page.locator('.fields').innerText(), /mesos\.task\.id\s+shop_web\.live/)
    const link = (await page.locator('a.permalink').getAttribute('href')) ?? ''
    t.regex(link, /^#\/logs\?service=\/shop\/web&from=.*&to=.*&id=0{64}:o:\d+:0$/)

    const other = await page.context().newPage()
    await other.goto(`${url}/${link}`)
    await other.locator('.pinned .around-line.chosen').getByText('GET /last 502').waitFor()
    await other.locator('.line').first().waitFor()
    await picture(other, 'permalink-dark')
    t.deepEqual(complaints, [])
  },
)

test.serial('a service: load, instances, what happened and why it was scaled', async (t) => {
  const { url, page, complaints } = await openShop(t)
  await page.goto(`${url}/#/service?service=web`)
  await page.locator('.service-head h1').getByText('/shop/web').waitFor()
  t.regex(await page.locator('.service-head').innerText(), /3 of 4 healthy, 1 starting/)
  await until('five charts', async () => (await page.locator('.chart canvas').count()) === 5)
  const titles = await page.locator('.chart figcaption b:first-child').allInnerTexts()
  t.deepEqual(
    titles
      .map((title) => title.toLowerCase())
      .filter((title) => /of limit|^inst|^req|^lines/.test(title)),
    ['instances', 'requests and errors', 'cpu, of limit', 'memory, of limit', 'lines'],
  )
  await picture(page, 'service-dark', true)
  const told = await page.locator('.timeline').innerText()
  for (const part of [
    'requests 60/s over 2 ready instances',
    'out of memory (exit code 137)',
    'deployment 97c136bf succeeded',
  ]) {
    t.true(told.includes(part), part)
  }
  t.false(told.includes('mesos-1 started'), 'what Docker tells of containers is there on request')
  await page.getByRole('button', { name: 'its last lines' }).click()
  await page.locator('.last-lines').getByText('<script>alert(1)</script> out of room').waitFor()
  const scaling = page.locator('.decision').getByText('14.4 ÷ 15 = 0.96, rounded up')
  await scaling.first().waitFor()
  t.false(told.includes('deployment 97c136bf started: 2 → 4'), 'what has ended has one line')
  await page.getByRole('button', { name: 'everything' }).click()
  await page.locator('.timeline').getByText('mesos-1 started').waitFor()
  await page.locator('.timeline').getByText('deployment 97c136bf started: 2 → 4').waitFor()

  await page.evaluate('window.scrollTo(0, 0)')
  const plot = await page.locator('.chart .u-over').first().boundingBox()
  if (!plot) return t.fail('there is no chart')
  await page.mouse.move(plot.x + plot.width * 0.3, plot.y + 20)
  await page.mouse.down()
  await page.mouse.move(plot.x + plot.width * 0.6, plot.y + 30, { steps: 5 })
  await page.mouse.up()
  await until('the range in the address', () => /&from=20.*Z&to=20.*Z/.test(page.url()))
  await page.getByRole('button', { name: 'Back to now' }).click()
  await until('no range in the address', () => !page.url().includes('&to='))
  return t.deepEqual(complaints, [])
})

test.serial('a service: whether it is fit, and what is missing', async (t) => {
  const held = { found: true, detail: 'no user is <b>named</b>', sinceMs: 1 }
  const posture: ServicePosture = {
    v: 1,
    service: '/shop/web',
    findings: { root: held, privileged: { ...held, found: false }, capabilities: held },
    accept: ['capabilities'],
    containers: 2,
    app: true,
    identity: { service: '/shop/web' },
    heardMs: 1,
  }
  const postures = { get: () => posture, services: () => ['/shop/web'] }
  const { url, page, complaints } = await openShop(t, 'light', { postures })
  await page.goto(`${url}/#/service?service=/shop/web`)
  const rows = page.locator('table.readiness tr')
  await rows.first().waitFor()
  const texts = await rows.allInnerTexts()
  t.regex(texts[0] ?? '', /^missing\s+root\s+it runs as root \(no user is <b>named<\/b>\)/)
  t.true(texts.some((text) => /^accepted\s+capabilities/.test(text)))
  t.true(texts.some((text) => /^unknown\s+mutable-tag/.test(text)))
  t.false(texts.some((text) => text.startsWith('ok')))
  await page.getByRole('button', { name: /^Show \d+ that are ok/ }).click()
  await page.locator('.readiness-ok').first().waitFor()
  t.deepEqual(complaints, [])
})

test.serial('a hostile line is only text', async (t) => {
  const { url, page, complaints, store } = await openShop(t)
  const hostile = openInstance('/shop/<img src=x onerror=owned=1>', 'evil.1', '9'.repeat(64))
  await store.appendLogs([
    hostile.write(wallClock.now() - 1000, [
      [
        'error',
        '<script>window.owned = 1</script>\u001b[31mred\u001b[0m\u0007 \u202egnp\n<svg onload=owned=1>',
      ],
    ]),
  ])
  await page.goto(`${url}/#/logs?level=error&query=script`)
  const line = page.locator('.line')
  await line.first().click()
  await page.locator('.fields').waitFor()
  const shown = '<script>window.owned = 1</script>red⟨07⟩ ⟨U+202E⟩gnp'
  t.true((await line.innerText()).includes(shown))
  t.true((await line.innerText()).includes('<svg onload=owned=1>'))
  await page.goto(`${url}/#/services`)
  await page.getByText('/shop/<img src=x onerror=owned=1>').first().waitFor()
  t.is(await page.evaluate('window.owned'), undefined)
  t.deepEqual(complaints, [])
})

test.serial(
  'older lines come as one scrolls; dragging over the histogram narrows the time',
  async (t) => {
    const { url, page, complaints } = await openShop(t, 'light')
    await page.goto(`${url}/#/logs?service=web`)
    const lines = page.locator('.line')
    await until('the exact name', () => page.url().endsWith('#/logs?service=/shop/web'))
    await until('the first page', async () => (await lines.count()) === 200)
    await page.mouse.wheel(0, 10_000)
    await until('the next page', async () => (await lines.count()) >= 400)
    await page.evaluate('window.scrollTo(0, 0)')
    const plot = await page.locator('.histogram .u-over').boundingBox()
    if (!plot) return t.fail('there is no histogram')
    await page.mouse.move(plot.x + plot.width * 0.25, plot.y + 20)
    await page.mouse.down()
    await page.mouse.move(plot.x + plot.width * 0.5, plot.y + 30, { steps: 5 })
    await page.mouse.up()
    await until('the range in the address', () => /&from=20.*Z&to=20.*Z/.test(page.url()))
    await until(
      'fewer lines',
      async () => (await lines.count()) < 1000 && (await lines.count()) > 0,
    )
    await page.locator('.chip-error').click()
    await until('only errors', async () => (await page.locator('.line-info').count()) === 0)
    await picture(page, 'range-light')
    await page.goBack()
    await page.goBack()
    t.true(page.url().endsWith('#/logs?service=/shop/web'))
    return t.deepEqual(complaints, [])
  },
)

test.serial('while one reads further down new lines wait', async (t) => {
  const { url, page, complaints, tails } = await openShop(t)
  await page.goto(`${url}/#/logs?service=/shop/web&live=1`)
  await page.locator('.line').first().waitFor()
  await until('the live tail', () => tails.count() === 1)
  await page.mouse.wheel(0, 1500)
  await until('the scrolling', async () => Number(await page.evaluate('window.scrollY')) > 1000)
  const instance = openInstance('/shop/web', 'shop_web.live', '0'.repeat(64))
  tails.emit(decodeDocs(instance.write(wallClock.now(), [['info', 'GET /waiting 200']])))
  const pill = page.getByRole('button', { name: '1 new line' })
  await pill.waitFor()
  t.is(await page.getByText('GET /waiting 200').count(), 0)
  await pill.click()
  await page.locator('.line').first().getByText('GET /waiting 200').waitFor()
  t.deepEqual(complaints, [])
})

test.serial('the demo: break it, and read the mail', async (t) => {
  const { url, page, complaints } = await openShop(t, 'light')
  await page.goto(`${url}/#/alerts`)
  await page.getByText('No mail yet').waitFor()
  await page.getByRole('button', { name: 'errors', exact: true }).click()
  await page.getByText('The web service answers with 502').waitFor()
  await page.locator('.mail').getByText('[FIRING] errors <b>/shop/web</b>').waitFor()
  t.is(await page.locator('.mail pre').innerText(), 'value 5.2')
  t.is(await page.locator('.alert-firing').count(), 1)
  t.is(await page.locator('.alert-resolved').count(), 1)
  await picture(page, 'alerts-light')
  await page.getByRole('link', { name: 'Its lines →' }).first().click()
  await until('error lines', async () => (await page.locator('.line-error').count()) > 10)
  t.is(await page.locator('.line-info').count(), 0)
  t.deepEqual(complaints, [])
})

test.serial(
  'on a cluster: which process is ill, and a dead letter that is given back',
  async (t) => {
    const given: string[][] = []
    const now = wallClock.now()
    const process = (id: string, more: object) => ({
      id,
      host: `host-${id}`,
      roles: ['processor'],
      atMs: now,
      health: { status: 'green' as const, components: [] },
      status: 'green' as const,
      isSilent: false,
      ...more,
    })
    const index = { name: 'index', status: 'red' as const, trouble: 'Elasticsearch is away' }
    const { url, page, store, complaints } = await openShop(t, 'light', {
      processes: () => [
        process('1', { status: 'red', health: { status: 'red', components: [index] } }),
        process('2', { status: 'amber', isSilent: true }),
        process('3', {}),
      ],
      async redrive(letters) {
        given.push(letters.map((letter) => letter['event.id']))
        return { sent: [], impossible: [] }
      },
    })
    const original = { topic: 'logs' as const, key: 'k', headers: {}, value: 'YQ==' }
    await store.putDocs('dead', [{ ...deadLetter(now), 'event.id': 'dead:"1"', original }])
    await page.goto(`${url}/#/services`)
    await page
      .getByText('index (Elasticsearch is away), processor on host-2 (silent)', { exact: false })
      .waitFor()
    await page.goto(`${url}/#/health`)
    await page.getByText('it has not told how it is since then').waitFor()
    await page.getByText('Elasticsearch is away').first().waitFor()
    await picture(page, 'health-cluster')
    await page.getByRole('button', { name: 'give back' }).click()
    await page.getByText('given back', { exact: true }).waitFor()
    t.deepEqual(given, [['dead:"1"']])
    t.deepEqual(complaints, [])
  },
)

test.serial('what went wrong is said with what to do', async (t) => {
  const { url, page, state } = await openShop(t)
  state.alerts = []
  state.health = {
    status: 'amber',
    components: [{ name: 'mail', status: 'amber', trouble: 'refused', remedy: 'start it' }],
  }
  await page.goto(`${url}/#/services`)
  await page.getByText('Mesoscope itself is in trouble: mail (refused)').waitFor()
  await page.getByText('No alert is firing on the 4 services, as far as can be seen').waitFor()
  await page.goto(`${url}/#/logs?service=nix`)
  await page.getByText('no service "nix" has written a line yet').waitFor()
  await page.goto(`${url}/#/logs?query=a%20AND%20(b`)
  await page.getByText('cannot read the query').waitFor()
  t.is(await page.locator('.failure').count(), 1)
  await page.goto(`${url}/#/logs?service=/shop/web&query=zebra`)
  await page.getByRole('button', { name: 'Without the query' }).click()
  await page.locator('.line').first().waitFor()
  await page.goto(`${url}/#/health`)
  await page.getByText('start it').waitFor()
  await page.getByText('Every line that was read is stored.').waitFor()
  await page.goto(`${url}/#/changes?service=/shop/mailer`)
  await page.getByText('Nothing happened in this time').waitFor()
  await picture(page, 'changes-dark')
  t.pass('each sentence came')
})

test.serial(
  'on a telephone nothing is wider than the page, and no number is without its name',
  async (t) => {
    const { url, page, complaints } = await openShop(t)
    await page.setViewportSize({ width: 390, height: 844 })
    for (const view of [
      'services',
      'service?service=/shop/web',
      'logs',
      'alerts',
      'changes',
      'health',
    ]) {
      await page.goto(`${url}/#/${view}`)
      await page.locator('main :is(table, .line, .alert)').first().waitFor()
      const wider = 'document.documentElement.scrollWidth - document.documentElement.clientWidth'
      t.is(await page.evaluate(wider), 0, view)
      await picture(page, `phone-${view.split('?')[0]}`)
    }
    await page.goto(`${url}/#/service?service=/shop/web`)
    await page.locator('.tasks th').getByText('Memory').waitFor()
    t.deepEqual(complaints, [])
  },
)

test.serial('a death in the list of changes leads to its post-mortem', async (t) => {
  const { url, page, complaints } = await openShop(t)
  await page.goto(`${url}/#/changes?kind=task`)
  await page.locator('.changes a[title="why it ended"]').first().click()
  await page.locator('table.why').waitFor()
  await page.locator('table.why').getByText('number 1 of the service within 10 minutes').waitFor()
  await page
    .locator('table.why')
    .getByText(/begun .* before/)
    .waitFor()
  await picture(page, 'why-dark')
  await page.setViewportSize({ width: 390, height: 844 })
  const wider = 'document.documentElement.scrollWidth - document.documentElement.clientWidth'
  t.is(await page.evaluate(wider), 0)
  await page.goto(`${url}/#/why?task=nothing-like-it`)
  await page.getByText('No such task has ended').waitFor()
  t.deepEqual(complaints, [])
})

test.serial('a link from a mail survives the login', async (t) => {
  const { url, store } = await open(t, { token: 'open-sesame' })
  const instance = openInstance('/shop/web', 'web.1', 'a'.repeat(64))
  await store.appendLogs([instance.write(wallClock.now() - 1000, [['info', 'hello']])])
  const { page } = await openPage(t)
  await page.goto(`${url}/#/logs?service=/shop/web`)
  await page.getByLabel('Token').fill('wrong')
  await page.keyboard.press('Enter')
  await page.getByText('That was not the token.').waitFor()
  await page.getByLabel('Token').fill('open-sesame')
  await picture(page, 'login')
  await page.keyboard.press('Enter')
  await page.locator('.line').getByText('hello').waitFor()
  t.true(page.url().endsWith('/#/logs?service=/shop/web'))
})
