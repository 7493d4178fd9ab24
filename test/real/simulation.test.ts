import test, { type ExecutionContext } from 'ava'
import { t0 } from '../autoscaling/app.ts'
import { openPast } from '../autoscaling/past.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { open } from '../dashboards/open.ts'
import { barriers, openPage, picture, withBrowser } from './browser.ts'

/** Another policy, tried on the page of a service, in a real browser. */
withBrowser()

async function openService(t: ExecutionContext, colorScheme: 'dark' | 'light', width = 1360) {
  const { simulate, state, status } = await openPast(t)
  const { url } = await open(t, {
    simulate,
    serviceFacts: () => [{ ...state, atMs: wallClock.now() }],
    scaling: () => (status ? [status] : []),
  })
  const viewport = { width, height: 900 }
  const { page, complaints } = await openPage(t, { viewport, colorScheme })
  const [from, to] = [t0, t0 + 200_000].map((ms) => new Date(ms).toISOString())
  await page.goto(`${url}/#/service?service=/shop/web&from=${from}&to=${to}`)
  await page.getByRole('button', { name: 'Try another policy' }).click()
  return { page, complaints }
}

test.serial(
  'the policy of now is shown, changed and tried; a fault is told with its line',
  async (t) => {
    const { page, complaints } = await openService(t, 'dark')
    const policy = page.getByLabel('A policy')
    t.regex(await policy.inputValue(), /^target:\n {2}requests: 15\nmin: 2\nmax: 10\n/)
    const simulate = page.getByRole('button', { name: 'Simulate' })
    const part = page.locator('.simulation')
    await simulate.click()
    await part.getByText('it does what was done').waitFor()
    await policy.fill('target: { requests: 7.5 }\nmax: 30\nstabilization: { down: 30s }')
    await simulate.click()
    await part.getByText('it does something else from').waitFor()
    t.regex(await part.locator('table').innerText(), /Instances\s+2 to 7\s+2 to 14/)
    await part.locator('canvas').nth(1).waitFor()
    await picture(page, 'simulation-dark', true)
    t.deepEqual(await barriers(page, '.simulation'), [])
    await policy.fill('target: { requests: 7.5 }\nmaxx: 30')
    await simulate.click()
    await part.getByRole('alert').getByText('policy:2: maxx: is not a setting').waitFor()
    t.deepEqual(
      complaints.filter((one) => !one.includes('400 (Bad Request)')),
      [],
    )
  },
)

test.serial('on a phone, in the light', async (t) => {
  const { page } = await openService(t, 'light', 390)
  await page.getByRole('button', { name: 'Simulate' }).click()
  await page.locator('.simulation').getByText('it does what was done').waitFor()
  await picture(page, 'simulation-phone', true)
  const { x, width } = (await page.locator('.simulation').boundingBox()) ?? { x: 0, width: 999 }
  t.true(x + width <= 390)
  t.deepEqual(await barriers(page, '.simulation'), [])
})
