import test, { type ExecutionContext } from 'ava'
import type { Page } from 'playwright-core'
import { parseFilter } from '../../alerting/stages/filter.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { open, until } from '../dashboards/open.ts'
import { memoryDesk } from '../helpers/desk.ts'
import { barriers, openPage, phone, picture, wide, withBrowser } from './browser.ts'

/** Silences on the page, in a real browser. */
withBrowser()

const yaml = `
route:
  receiver: wall
  routes: [{ matchers: [severity="page"], receiver: oncall }]
inhibit_rules:
  - { source_matchers: [alertname="Down"], target_matchers: [alertname="Slow"], equal: [service] }
receivers: [{ name: wall }, { name: oncall }]
`
const labelsOf = (alertname: string, service: string) => ({
  alertname,
  service,
  severity: 'page',
  team: 'shop',
})

interface Look {
  colorScheme?: 'dark' | 'light'
  viewport?: typeof wide
}

/** The page with two own alerts that fire, one that is inhibited and one that another system posted. */
async function openAlerts(
  t: ExecutionContext,
  { colorScheme = 'dark', viewport = wide }: Look = {},
) {
  const now = wallClock.now()
  const desk = memoryDesk(yaml, wallClock)
  const own = [
    labelsOf('ErrorsHigh', '/shop/web'),
    labelsOf('Down', '/shop/db'),
    labelsOf('Slow', '/shop/db'),
  ]
  const posted = { alertname: 'NodeFull', instance: 'node-7', team: 'base' }
  const startsAt = now - 300_000
  const annotations = { summary: 'the disk is full' }
  await desk.post(own.map((labels) => ({ labels, startsAt })))
  await desk.post([{ labels: posted, startsAt, annotations, generatorURL: 'http://prom.test/g' }])
  const opened = await open(t, { desk, parseMatcher: parseFilter })
  opened.state.alerts = own.map((labels) => ({
    incident: `${labels.alertname}-1`,
    alert: labels.alertname,
    service: labels.service,
    state: 'firing',
    since: startsAt,
    value: 4.2,
    threshold: '> 1',
    explanation: '4.2 > 1',
    labels,
    annotations: { summary: `${labels.service} is not well` },
  }))
  const { page, complaints } = await openPage(t, { viewport, colorScheme })
  await page.goto(`${opened.url}/#/alerts`)
  await page.locator('.alert').first().waitFor()
  return { ...opened, desk, page, complaints, now }
}

const wider = 'document.documentElement.scrollWidth - document.documentElement.clientWidth'
const cardOf = (page: Page, name: string) =>
  page.locator('.alert').filter({ has: page.locator('.alert-name', { hasText: name }) })
const form = (page: Page) => page.getByRole('dialog', { name: 'Silence' })

test.serial('an alert is silenced, with a look at what that mutes; seen, and ended', async (t) => {
  const { page, desk, complaints } = await openAlerts(t)
  const card = cardOf(page, 'ErrorsHigh')
  await card.getByText('goes to oncall').waitFor()
  await card.getByRole('link', { name: 'Silence' }).click()
  await form(page).getByText('1 alert would be muted now:').waitFor()
  await form(page).getByRole('checkbox', { name: 'alertname' }).uncheck()
  await form(page).getByRole('checkbox', { name: 'service' }).uncheck()
  await form(page).getByText('3 alerts would be muted now:').waitFor()
  await form(page).getByRole('checkbox', { name: 'service' }).check()
  await form(page).getByText('1 alert would be muted now:').waitFor()
  await form(page).getByText('8h').click()
  await form(page).getByLabel('Who').fill('Ana')
  await form(page).getByLabel('Why').fill('deploy <b>7</b>')
  await picture(page, 'form-dark')
  t.deepEqual(await barriers(page), [])
  await form(page).getByRole('button', { name: 'Silence' }).click()

  const silence = page.locator('.silence')
  await silence.getByText('deploy <b>7</b>').waitFor()
  t.is(await form(page).count(), 0)
  t.true(page.url().endsWith('#/alerts'))
  t.regex(await silence.innerText(), /service="\/shop\/web",severity="page",team="shop"/)
  t.regex(await silence.innerText(), /ends in\s+7 h 59 min/)
  t.regex(await cardOf(page, 'ErrorsHigh').innerText(), /silenced by Ana until\s+\S+ UTC: deploy/)
  const [kept] = desk.silences()
  t.like(kept, { createdBy: 'Ana', comment: 'deploy <b>7</b>', state: 'active' })
  t.true(Math.abs((kept?.endsAt ?? 0) - wallClock.now() - 8 * 3_600_000) < 30_000)
  const names = page.locator('.alert .alert-name')
  t.deepEqual(await names.allInnerTexts(), ['Down', 'NodeFull', 'ErrorsHigh', 'Slow'])
  t.deepEqual(await barriers(page), [])
  const strong = `[...document.querySelectorAll('.alert-muted .since b, .alert-muted .alert-name')]
    .map((one) => getComputedStyle(one).color)`
  const colours = (await page.evaluate(strong)) as string[]
  t.is(colours.length, 4)
  t.is(new Set(colours).size, 1)
  await picture(page, 'muted-dark-list', true)

  await silence.getByRole('button', { name: 'End now' }).click()
  await page.getByText('Nothing is silenced').waitFor()
  await cardOf(page, 'ErrorsHigh').getByText('goes to oncall').waitFor()
  t.is(desk.silences()[0]?.state, 'expired')
  await page.getByText('Ended lately').click()
  await page.getByRole('link', { name: 'Silence again' }).click()
  await form(page).getByText('1 alert would be muted now:').waitFor()
  t.is(await form(page).getByLabel('Who').inputValue(), 'Ana')
  t.deepEqual(complaints, [])
})

test.serial('what inhibits an alert, and where one of another system comes from', async (t) => {
  const { page, complaints } = await openAlerts(t, { colorScheme: 'light' })
  const slow = cardOf(page, 'Slow')
  await slow.getByText('inhibited by Down /shop/db').waitFor()
  t.is(await slow.getByText('goes to').count(), 0)
  const posted = cardOf(page, 'NodeFull')
  t.regex(await posted.innerText(), /posted by another system[\s\S]*the disk is full/)
  const link = posted.getByRole('link', { name: 'Where it comes from' })
  t.is(await link.getAttribute('href'), 'http://prom.test/g')
  t.deepEqual(await barriers(page), [])
  await picture(page, 'muted-light-list', true)
  t.deepEqual(complaints, [])
})

test.serial('a link opens the form; all of it works with keys alone', async (t) => {
  const { url, page, desk, complaints } = await openAlerts(t, { colorScheme: 'light' })
  const other = await page.context().newPage()
  const text = encodeURIComponent('{service="/shop/db",alertname=~"Sl.*|Do.*"}')
  await other.goto(`${url}/#/alerts?silence=${text}`)
  await form(other).getByText('2 alerts would be muted now:').waitFor()
  await other.keyboard.type('Bo')
  await other.keyboard.press('Tab')
  await other.keyboard.type('two in one')
  await picture(other, 'form-light')
  await other.keyboard.press('Enter')
  await other.locator('.silence').getByText('two in one').waitFor()
  t.deepEqual(
    desk.silences()[0]?.matchers.map(({ name, isRegex }) => [name, isRegex]),
    [
      ['service', false],
      ['alertname', true],
    ],
  )
  await page.reload()
  await cardOf(page, 'Down').getByText('silenced by Bo until').waitFor()
  const silence = cardOf(page, 'ErrorsHigh').getByRole('link', { name: 'Silence' })
  await silence.focus()
  await page.keyboard.press('Enter')
  await form(page).waitFor()
  await page.keyboard.press('Escape')
  await until('the form to close', () => page.url().endsWith('#/alerts'))
  t.is(await form(page).count(), 0)
  t.is(await page.evaluate('document.activeElement.textContent.trim()'), 'Silence')
  t.deepEqual(complaints, [])
})

test.serial('what cannot be silenced is said before and after', async (t) => {
  const { url, page, desk } = await openAlerts(t)
  await page.goto(`${url}/#/alerts?silence=${encodeURIComponent('no matcher at all')}`)
  await form(page).getByText('This link names no labels that can be read.').waitFor()
  t.true(await form(page).getByRole('button', { name: 'Silence' }).isDisabled())
  await form(page).getByLabel('name of the new label').fill('team')
  await form(page).getByLabel('how team is compared').selectOption('=~')
  await form(page).getByLabel('value of team').fill('(')
  await form(page)
    .getByText(/invalid regular expression/)
    .waitFor()
  await form(page).getByLabel('Who').fill('Ana')
  await form(page).getByLabel('Why').fill('x')
  await form(page).getByRole('button', { name: 'Silence' }).click()
  await form(page)
    .getByRole('alert')
    .getByText(/invalid regular expression/)
    .waitFor()
  t.deepEqual(desk.silences(), [])
  await form(page).getByLabel('value of team').fill('shop|none')
  await form(page).getByText('3 alerts would be muted now:').waitFor()
  await form(page).getByRole('button', { name: 'Silence' }).click()
  await page.locator('.silence').first().waitFor()
  t.is(desk.silences().length, 1)
})

test.serial('hostile labels, names and comments are only text', async (t) => {
  const { page, desk, complaints } = await openAlerts(t)
  const hostile = '"><img src=x onerror=owned=1><script>owned=1</script>\u202e{{7*7}}'
  const labels = { alertname: hostile, service: 'javascript:owned=1', '"}<b>': hostile }
  const generatorURL = 'javascript:owned=1'
  await desk.post([{ labels, generatorURL, annotations: { runbook: generatorURL } }])
  const matchers = [{ name: 'alertname', value: hostile, isRegex: false, isEqual: true }]
  const times = { startsAt: wallClock.now(), endsAt: wallClock.now() + 3_600_000 }
  await desk.setSilence({ ...times, matchers, createdBy: hostile, comment: hostile })
  const card = cardOf(page, 'img src=x')
  await card.getByText('silenced by').waitFor()
  const shown = hostile.replace('\u202e', '⟨U+202E⟩')
  t.true((await card.innerText()).includes(shown))
  t.true((await page.locator('.silence').innerText()).includes(shown))
  await card.getByRole('link', { name: 'Silence' }).click()
  await form(page).getByText('1 alert would be muted now:').waitFor()
  await form(page).getByLabel('Who').fill(hostile)
  await form(page).getByLabel('Why').fill('hostile')
  await form(page).getByRole('button', { name: 'Silence' }).click()
  await page.locator('.silence', { hasText: ': hostile' }).waitFor()
  t.is(desk.silences().length, 2)
  t.is(await page.evaluate('window.owned'), undefined)
  t.is(await page.locator('main img, main script, main a[href^="javascript"]').count(), 0)
  t.deepEqual(complaints, [])
})

test.serial('on a telephone the form and the list are no wider than the page', async (t) => {
  const { page, desk, complaints } = await openAlerts(t, { viewport: phone })
  const value = `/shop/${'long-'.repeat(40)}`
  await desk.post([{ labels: { ...labelsOf('Long', value), pod: value } }])
  await cardOf(page, 'Long').getByRole('link', { name: 'Silence' }).click()
  await form(page).getByText('1 alert would be muted now:').waitFor()
  t.is(await page.evaluate(wider), 0)
  const width = (one: { scrollWidth: number; clientWidth: number }) =>
    one.scrollWidth - one.clientWidth
  t.is(await form(page).evaluate(width), 0)
  await picture(page, 'phone-form')
  await form(page).getByLabel('Who').fill('Ana')
  await form(page).getByLabel('Why').fill('on the way home')
  await form(page).getByRole('button', { name: 'Silence' }).click()
  await page.locator('.silence').waitFor()
  t.is(await page.evaluate(wider), 0)
  t.deepEqual(await barriers(page), [])
  await picture(page, 'phone-list', true)
  t.deepEqual(complaints, [])
})
