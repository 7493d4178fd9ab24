import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { parseFilter } from '../../alerting/stages/filter.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { open } from '../dashboards/open.ts'
import { memoryDesk } from '../helpers/desk.ts'
import { tempDir } from '../helpers/pipeline.ts'

/* Debian's amtool speaks to us as to an Alertmanager. */

const amtool = '/usr/bin/amtool'

test.before('there is an amtool', (t) => {
  if (!existsSync(amtool)) t.fail(`no ${amtool}: apt-get install prometheus-alertmanager`)
})

const config = `
route:
  receiver: hook
  group_by: [alertname]
  routes:
  - receiver: dev
    matchers: ['env="dev"']
receivers:
- name: hook
- name: dev
inhibit_rules:
- source_matchers: ['severity="critical"']
  target_matchers: ['severity="warning"']
  equal: [cluster]
`
const token = 'open-sesame'

/** An amtool with a home of its own, that asks a desk of its own. */
async function openAmtool(t: ExecutionContext) {
  const dir = await tempDir(t)
  const desk = memoryDesk(config, wallClock)
  const { url } = await open(t, { desk, parseMatcher: parseFilter, token, version: '1.2.3' })
  const login = join(dir, 'login.yml')
  await writeFile(login, `authorization: {credentials: ${token}}\n`)
  const run = async (args: string[], more = [`--http.config.file=${login}`]) =>
    runAmtool(dir, [...args, `--alertmanager.url=${url}`, '--no-version-check', ...more])
  const say = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(args)
    t.is(code, 0, `${args.join(' ')}: ${stderr}`)
    t.is(stderr, '')
    return stdout.trim()
  }
  const json = async (...args: string[]) =>
    JSON.parse(await say(...args, '--output=json')) as { id: string; comment: string }[]
  await say(
    'alert',
    'add',
    'alertname=Down',
    'severity=critical',
    'cluster=c1',
    '--annotation=summary=it is down',
  )
  await say('alert', 'add', 'alertname=Slow', 'severity=warning', 'cluster=c1', 'env=dev')
  return { dir, desk, run, say, json }
}

async function runAmtool(home: string, args: string[]) {
  const child = spawn(amtool, args, { env: { HOME: home, TZ: 'UTC', USER: 'tester' } })
  const out = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => (out[name] += text))
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject).on('close', resolve)
  })
  return { code, ...out }
}

test('alerts are added and found', async (t) => {
  const { say, json } = await openAmtool(t)
  t.regex(await say('alert'), /^Alertname .*\nDown .* it is down +active$/)
  t.regex(await say('alert', 'query', '--inhibited'), /\nSlow .* suppressed$/)
  t.notRegex(await say('alert', 'query', 'cluster!=c1'), /Down/)
  t.regex(await say('alert', 'query', 'severity=~crit.*|warn', 'cluster=c1'), /\nDown/)
  t.regex(await say('alert', 'query', '--receiver=dev', '--inhibited'), /\nSlow/)
  t.notRegex(await say('alert', 'query', '--receiver=hook', '--inhibited'), /Slow/)
  t.like((await json('alert', 'query', 'Down'))[0], { receivers: [{ name: 'hook' }] })
  t.regex(
    await say('alert', 'query', '--output=extended'),
    /alertname="Down" cluster="c1" severity="critical"  summary="it is down"/,
  )
})

test('a silence is added, found, changed, ended and imported again', async (t) => {
  const { dir, say, json, desk } = await openAmtool(t)
  const id = await say(
    'silence',
    'add',
    'alertname=Down',
    'severity=~crit.*',
    '--author=ops',
    '--comment=maintenance',
    '--duration=2h',
  )
  t.like(desk.silences()[0], { id, createdBy: 'ops', comment: 'maintenance', state: 'active' })
  t.regex(await say('alert', 'query', '--silenced'), /\nDown .* suppressed$/)
  t.is(await say('silence', 'query', '--quiet', 'alertname=Down'), id)
  t.is(await say('silence', 'query', '--quiet', '--created-by=dev'), '')
  t.regex(await say('silence', 'query'), new RegExp(`\n${id} .* ops +maintenance$`))
  t.regex(
    await say('silence', 'update', id, '--comment=it takes longer', '--duration=3h'),
    new RegExp(`${id}.*it takes longer`),
  )
  const saved = await say('silence', 'query', '--output=json')
  await say('silence', 'expire', id)
  t.is(await say('silence', 'query', '--quiet'), '')
  t.is(await say('silence', 'query', '--quiet', '--expired'), id)
  t.notRegex(await say('alert', 'query', '--silenced'), /Down/)
  await writeFile(join(dir, 'saved.json'), saved)
  const imported = await say('silence', 'import', join(dir, 'saved.json'))
  t.not(imported, id, 'what has ended does not begin again')
  t.like((await json('silence', 'query'))[0], { id: imported, comment: 'it takes longer' })
})

test('what is refused is told, and the exit code is 1', async (t) => {
  const { run } = await openAmtool(t)
  const refused = async (...args: string[]) => {
    const { code, stderr } = await run(args)
    t.is(code, 1, args.join(' '))
    return stderr
  }
  t.regex(
    await refused('silence', 'add', 'alertname=~.*', '--comment=all'),
    /\[400\].* at least one matcher must not match the empty string/,
  )
  t.regex(
    await refused('silence', 'add', 'a=b', '--comment= '),
    /\[400\].*comment must not be empty/,
  )
  t.regex(
    await refused('silence', 'expire', '00000000-0000-4000-8000-000000000000'),
    /status 404|\[404\]/,
  )
  t.regex((await run(['alert', 'query'], [])).stderr, /401/)
})

test('its configuration: shown, and its routes tried', async (t) => {
  const { say } = await openAmtool(t)
  t.is(await say('config', 'show'), config.trim())
  t.regex(
    await say('config', 'routes', 'show'),
    /default-route  receiver: hook\n.*\{env="dev"\}  receiver: dev/,
  )
  t.is(await say('config', 'routes', 'test', 'env=dev'), 'dev')
  t.is(await say('config', 'routes', 'test', 'env=prod'), 'hook')
  t.regex(await say('cluster', 'show'), /Cluster Status: +disabled/)
})
