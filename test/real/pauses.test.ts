import test, { type ExecutionContext } from 'ava'
import type { Page } from 'playwright-core'
import { wallClock } from '../../pipeline/clock.ts'
import type { Override, ScalingStatus } from '../../pipeline/decision.ts'
import { pausesOn } from '../../pipeline/scaling-desk.ts'
import { clusterScene } from '../dashboards/cluster-scene.ts'
import { open } from '../dashboards/open.ts'
import { memoryScalingDesk } from '../helpers/scaling-desk.ts'
import { barriers, openPage, phone, picture, wide, withBrowser } from './browser.ts'

/** Pauses of scaling on the page, in a real browser. */
withBrowser()

async function openService(t: ExecutionContext, viewport = wide) {
  const cluster = clusterScene(wallClock.now())
  const scalingDesk = memoryScalingDesk(wallClock)
  const { url } = await open(t, {
    signals: cluster.signals,
    serviceFacts: () => cluster.states,
    scaling: () =>
      cluster.scaling.map((one) => ({
        ...one,
        ...overridden(one, scalingDesk.overrides.get(one.service)),
        pauses: pausesOn(one.service, scalingDesk.pauses()),
      })),
    scalingDesk,
  })
  const { page, complaints } = await openPage(t, { viewport, colorScheme: 'dark' })
  await page.goto(`${url}/#/service?service=/shop/web`)
  await page.locator('.decision').first().waitFor()
  return { url, page, complaints, desk: scalingDesk }
}

function overridden({ last }: ScalingStatus, override: Override | undefined) {
  if (!last || !override) return {}
  const next = [{ change: 'goes on', when: 'its time is over', atMs: wallClock.now() + 600_000 }]
  return { last: { ...last, reason: 'override' as const, override, next } }
}

const form = (page: Page) => page.getByRole('dialog', { name: 'Pause scaling of /shop/web' })
const wider = 'document.documentElement.scrollWidth - document.documentElement.clientWidth'

test.serial(
  'scaling is paused for a time, in somebody’s name; seen in the list, and resumed',
  async (t) => {
    const { url, page, desk, complaints } = await openService(t)
    await page.getByRole('button', { name: 'Pause' }).click()
    await picture(page, 'pause-form')
    t.deepEqual(await barriers(page), [])
    await form(page).getByText('up', { exact: true }).click()
    await form(page).getByText('30m', { exact: true }).click()
    await form(page).getByRole('button', { name: 'Pause' }).click()
    t.true(await form(page).isVisible(), 'not without a name and a reason')
    await form(page).getByLabel('Who').fill('Ana')
    await form(page).getByLabel('Why').fill('<img src=x onerror="owned=1">')
    await form(page).getByRole('button', { name: 'Pause' }).click()
    const card = page.locator('.pause')
    await card.getByText('Scaling up is paused').waitFor()
    t.regex(await card.innerText(), /ends in (30|29) min[\s\S]*Ana: <img src=x onerror="owned=1">/)
    t.is(await page.evaluate('window.owned'), undefined)
    t.like(desk.pauses(), [{ service: '/shop/web', direction: 'up', by: 'Ana' }])
    await picture(page, 'paused')
    t.deepEqual(await barriers(page), [])
    await page.goto(`${url}/#/`)
    await page.locator('tr', { hasText: '/shop/web' }).getByText('scaling is paused').waitFor()
    await page.goBack()
    await card.getByLabel('who resumes it').fill('Bo')
    await card.getByRole('button', { name: 'Resume' }).click()
    await card.waitFor({ state: 'detached' })
    t.deepEqual(desk.pauses(), [])
    t.deepEqual(complaints, [])
  },
)

test.serial(
  'what was set by hand is shown, and scaled again when somebody resumes it',
  async (t) => {
    const { page, desk, complaints } = await openService(t)
    t.is(await page.locator('.pause').count(), 0)
    desk.overrides.set('/shop/web', { from: 2, instances: 5, sinceMs: wallClock.now() })
    await page.reload()
    const card = page.locator('.pause')
    await card.getByText('Instances were set by hand: 2 → 5').waitFor()
    t.regex(await card.innerText(), /ends in (10|9) min/)
    await picture(page, 'set-by-hand')
    t.deepEqual(await barriers(page), [])
    await card.getByLabel('who resumes it').fill('Bo')
    await card.getByRole('button', { name: 'Resume' }).click()
    await card.waitFor({ state: 'detached' })
    t.is(desk.overrides.size, 0)
    t.deepEqual(complaints, [])
  },
)

test.serial(
  'all services are paused at once; that nobody takes it is told in the form',
  async (t) => {
    const { page, desk, complaints } = await openService(t, phone)
    desk.isAway = true
    await page.getByRole('button', { name: 'Pause' }).click()
    await form(page).getByText('all services', { exact: true }).click()
    await form(page).getByLabel('Who').fill('Ana')
    await form(page).getByLabel('Why').fill('maintenance')
    await form(page).getByRole('button', { name: 'Pause' }).click()
    await form(page).getByText('nobody has taken it yet').waitFor()
    desk.isAway = false
    await form(page).getByRole('button', { name: 'Pause' }).click()
    await page.getByText('Scaling is paused for all services').waitFor()
    t.like(desk.pauses(), [{ service: '*', direction: 'both' }])
    t.is(await page.evaluate(wider), 0)
    await picture(page, 'phone-paused')
    t.true(complaints.every((one) => one.includes('503')))
  },
)
