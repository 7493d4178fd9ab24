import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { openSqliteStore } from '../../pipeline/store/sqlite.ts'
import { open } from '../dashboards/open.ts'
import { openInstance } from '../dashboards/shop.ts'
import { directory, leaveAddress, now, openTerminal } from './terminal.ts'

const uuid = '8c1f2a3b-0000-4000-8000-00000000000'

/** Two instances of one service that write in turns, and one of another. */
function shop() {
  const [one, two, other] = [
    openInstance('/shop/web', `shop_web.${uuid}1`, 'a'.repeat(64)),
    openInstance('/shop/web', `shop_web.9${uuid.slice(1)}2`, 'b'.repeat(64)),
    openInstance('/blog/web', 'blog_web.1', 'c'.repeat(64)),
  ]
  return [
    one.write(now - 60_000, [
      ['info', 'one 0'],
      ['error', 'boom \u001b[31mred\u001b[0m \u001b]0;title\u0007\n  at cart.js:1'],
    ]),
    two.write(now - 59_999, [['warn', 'two 0']]),
    one.write(now - 1000, [['info', 'one 2']]),
    other.write(now - 500, [['info', 'blog']]),
  ]
}

/** A data directory with a running process behind it. */
async function running(t: ExecutionContext, token?: string) {
  const dashboards = await open(t, token === undefined ? {} : { token })
  await dashboards.store.appendLogs(shop())
  const dir = directory(t)
  leaveAddress(dir, { url: dashboards.url, ...(token !== undefined && { token }) })
  return { dir, dashboards }
}

/** A data directory whose process has ended. */
async function ended(t: ExecutionContext) {
  const dir = directory(t)
  const store = openSqliteStore({ dir: join(dir, 'store') })
  await store.appendLogs(shop())
  await store.close()
  return { dir }
}

const expected = `2026-11-22 18:29:00.000Z info  8c1f2a3b one 0
2026-11-22 18:29:00.001Z error 8c1f2a3b boom red \\x1b]0;title\\x07
      at cart.js:1
2026-11-22 18:29:00.001Z warn  9c1f2a3b two 0
2026-11-22 18:29:59.000Z info  8c1f2a3b one 2
`

for (const [where, prepare] of [
  ['a running process', running],
  ['a running process with a token', (t: ExecutionContext) => running(t, 'sesame')],
  ['the store of an ended one', ended],
] as const) {
  test(`all instances in true order, log content made harmless: from ${where}`, async (t) => {
    const { dir } = await prepare(t)
    const { run } = openTerminal()
    const { out, err, code } = await run('logs', '/shop/web', '--utc', '--data', dir)
    const complete = 'complete: 4 lines of 2 sources\n'
    t.deepEqual({ out, err, code }, { out: expected, err: complete, code: 0 })
  })

  test(`options choose lines: from ${where}`, async (t) => {
    const { dir } = await prepare(t)
    const { run } = openTerminal()
    const messages = async (...options: string[]) => {
      const { out } = await run('logs', 'shop/web', '--json', '--data', dir, ...options)
      const docs = out.split('\n').filter((line) => line !== '')
      return docs.map((line) => (JSON.parse(line) as { message: string }).message.slice(0, 5))
    }
    t.deepEqual(await messages('-n', '1'), ['one 2'])
    t.deepEqual(await messages('--since', '30s'), ['one 2'])
    t.deepEqual(await messages('--until', '2026-11-22T18:29:00.001Z'), ['one 0'])
    t.deepEqual(await messages('--level', 'error,warn'), ['boom ', 'two 0'])
    t.deepEqual(await messages('--grep', '^(one|two) 0$'), ['one 0', 'two 0'])
    t.deepEqual(await messages('--query', 'two OR 2'), ['two 0', 'one 2'])
    t.deepEqual(await messages('--task', `shop_web.9${uuid.slice(1)}2`), ['two 0'])
  })

  test(`a name that can mean several services lists them, exit code 2: from ${where}`, async (t) => {
    const { dir } = await prepare(t)
    const { out, err, code } = await openTerminal().run('logs', 'web', '--data', dir)
    t.is(out, '')
    t.regex(err, /^mesoscope: "web" can mean 2 services: .*\/blog\/web, \/shop\/web\n$/)
    t.is(code, 2)
  })

  test(`nothing found is exit code 3: from ${where}`, async (t) => {
    const { dir } = await prepare(t)
    const { run } = openTerminal()
    const unknown = await run('logs', 'shop', '--data', dir)
    t.regex(unknown.err, /^mesoscope: no service "shop" has written a line yet: services are .*\n$/)
    t.is(unknown.code, 3)
    const none = await run('logs', '/shop/web', '--grep', 'nowhere', '--data', dir)
    t.is(
      none.err,
      'complete: 4 lines of 2 sources\nmesoscope: no line matches: widen --since, --level, --grep or --query\n',
    )
    t.is(none.code, 3)
  })
}

test('more lines than one page holds come whole, newest count and whole range alike', async (t) => {
  const { dir, dashboards } = await running(t)
  const batch = openInstance('/batch', 'batch.1', 'd'.repeat(64))
  const lines = Array.from({ length: 2500 }, (_, i) => ['info', `line ${i}`] as const)
  await dashboards.store.appendLogs([batch.write(now - 10_000, lines)])
  const { run } = openTerminal()
  const numbers = (out: string) =>
    [...out.matchAll(/line (\d+)\n/g)].map(([, number]) => Number(number))
  const all = numbers((await run('logs', 'batch', '--since', '1m', '--data', dir)).out)
  t.deepEqual(
    all,
    lines.map((_, i) => i),
  )
  const newest = numbers((await run('logs', 'batch', '-n', '2100', '--data', dir)).out)
  t.deepEqual(newest, all.slice(400))
})

test('levels are coloured on a terminal only', async (t) => {
  const { dir } = await ended(t)
  const terminal = openTerminal()
  terminal.io.colors = true
  const { out } = await terminal.run('logs', '/shop/web', '-n', '2', '--data', dir)
  t.true(out.includes(' \u001b[33mwarn \u001b[0m '))
  t.is(out.split('\u001b').length, 5, 'two levels, each with its end; nothing from the lines')
})

test('an address where nobody answers is told, and the store is read', async (t) => {
  const { dir } = await ended(t)
  leaveAddress(dir, { url: 'http://127.0.0.1:9' })
  const { out, err, code } = await openTerminal().run('logs', '/blog/web', '--utc', '--data', dir)
  t.is(
    err,
    `mesoscope: nobody answers at http://127.0.0.1:9; reading the store in ${dir}\ncomplete: 1 line of 1 source\n`,
  )
  t.regex(out, /blog\n$/)
  t.is(code, 0)
})

test('a wrong token is a failure that says so, not an empty answer', async (t) => {
  const { dir, dashboards } = await running(t, 'sesame')
  leaveAddress(dir, { url: dashboards.url, token: 'wrong' })
  const { err, code } = await openTerminal().run('logs', '/shop/web', '--data', dir)
  t.regex(err, /^mesoscope: a token is needed: /)
  t.is(code, 1)
})

const misuses: [string, string[], RegExp][] = [
  ['no service', ['logs'], /missing required argument 'service'/],
  [
    'an unknown option',
    ['logs', 'web', '--levl', 'x'],
    /unknown option '--levl'\n\(Did you mean --level\?\)/,
  ],
  [
    'an unknown level',
    ['logs', 'web', '--level', 'loud'],
    /--level .* 'loud' is invalid\. Levels are fatal/,
  ],
  ['no number of lines', ['logs', 'web', '-n', 'many'], /Give a whole number from 1/],
  ['no time', ['logs', 'web', '--since', 'soon'], /"soon" is no time/],
  ['a pattern that is none', ['logs', 'web', '--grep', 'a('], /--grep .* not a regular expression/],
  [
    'a query that is none',
    ['logs', 'web', '--query', 'level:('],
    /--query .* cannot read the query/,
  ],
  ['an end with --follow', ['logs', 'web', '-f', '--until', '1m'], /--follow has no end/],
  [
    'times the wrong way round',
    ['logs', 'web', '--since', '1m', '--until', '2m'],
    /--since is not before/,
  ],
]
for (const [what, words, complaint] of misuses) {
  test(`wrong use is exit code 2: ${what}`, async (t) => {
    const { out, err, code } = await openTerminal().run(...words)
    t.is(out, '')
    t.regex(err, /^mesoscope: /)
    t.regex(err, complaint)
    t.is(code, 2)
  })
}
