import { existsSync, readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { AxeResults } from 'axe-core'
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'

/**
 * The page in a real browser (Debian's chromium; CHROMIUM names another). MESOSCOPE_SHOTS=<directory> keeps a picture
 * of each view.
 */
const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
const shots = process.env['MESOSCOPE_SHOTS']

export const wide = { width: 1360, height: 850 }
export const phone = { width: 390, height: 844 }

let browser: Browser | undefined

/** Opens it before the tests of this file, which all fail without one, and closes it behind them. */
export function withBrowser(): void {
  test.before('there is a browser', async (t) => {
    if (!existsSync(executablePath)) {
      t.fail(`no ${executablePath}: apt-get install chromium, or name another in CHROMIUM`)
      return
    }
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  })
  test.after.always(() => browser?.close())
}

/** An empty page; what the browser complains of is collected. */
export async function openPage(
  t: ExecutionContext,
  look: BrowserContextOptions = {},
): Promise<{ page: Page; complaints: string[] }> {
  const context = await (browser as Browser).newContext(look)
  t.teardown(() => context.close())
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`))
  page.on('pageerror', (error) => complaints.push(`thrown: ${error.message}`))
  return { page, complaints }
}

export async function picture(page: Page, name: string, fullPage = false): Promise<void> {
  if (!shots) return
  await mkdir(shots, { recursive: true })
  await page.screenshot({ path: join(shots, `${name}.png`), fullPage })
}

let axe: string | undefined

/** What keeps people from using it, or a part of it, as axe sees it; each with where. */
export async function barriers(page: Page, part?: string): Promise<string[]> {
  axe ??= readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  await page.evaluate(axe)
  const run = `axe.run(${part === undefined ? '' : JSON.stringify(part)})`
  const { violations } = (await page.evaluate(run)) as AxeResults
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}`))
}
