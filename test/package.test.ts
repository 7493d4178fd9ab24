import test from 'ava'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { runningProcess } from '../pipeline/owner.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('..', import.meta.url))

test('the packed tarball, installed in an empty directory, runs the demo compiled', async (t) => {
  t.timeout(300_000)
  const dir = mkdtempSync(join(tmpdir(), 'mesoscope-package-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true, maxRetries: 3 }))

  // npm compiles before it packs (`prepack`).
  const packed = await run('npm', ['pack', '--json', '--pack-destination', dir], { cwd: root })
  const [{ filename, files }] = JSON.parse(packed.stdout.slice(packed.stdout.indexOf('['))) as [
    { filename: string; files: { path: string }[] },
  ]
  const paths = files.map(({ path }) => path)
  t.true(paths.includes('dist/main.js'))
  t.false(paths.some((path) => path.startsWith('test/') || path.endsWith('.ts')))

  writeFileSync(join(dir, 'package.json'), '{ "private": true }')
  await run(
    'npm',
    ['install', '--no-audit', '--no-fund', '--prefer-offline', join(dir, filename)],
    { cwd: dir },
  )
  const program = join(dir, 'node_modules', '.bin', 'mesoscope')
  const { stdout } = await run(program, ['--version'])
  t.regex(stdout, /^\d+\.\d+\.\d+/)

  const data = join(dir, 'data')
  const demo = spawn(program, ['demo', '--data', data, '--port', '0'], { stdio: 'ignore' })
  t.teardown(() => demo.kill('SIGKILL'))
  const lines = await searchable(program, data)
  t.true(lines.length >= 5, 'the lines of the sample services are searchable')
  const page = await fetch(`${runningProcess(data)?.url}/`)
  t.true((await page.text()).includes('Mesoscope'), 'the page is in the package')
  demo.kill('SIGTERM')
  const [code] = (await once(demo, 'exit')) as [number]
  t.is(code, 0)
})

/** Five lines of /shop/web, as soon as there are so many; the last failure after half a minute. */
async function searchable(program: string, data: string): Promise<string[]> {
  for (const end = performance.now() + 30_000; ; await sleep(300)) {
    try {
      const { stdout } = await run(program, ['logs', 'web', '-n', '5', '--json', '--data', data])
      const lines = stdout.trim().split('\n')
      if (lines.length >= 5) return lines
    } catch (error) {
      if (performance.now() > end) throw error
    }
  }
}
