import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { wallClock, type Clock } from '../../../pipeline/clock.ts'
import { silentLog } from '../../../pipeline/log.ts'
import {
  openDockerEngine,
  type DockerEngine,
  type DockerRun,
} from '../../../playground/docker/engine.ts'
import { openDockerFace } from '../../../playground/docker/face.ts'
import { sharedDir } from '../../helpers/shared.ts'

const dir = join(sharedDir() ?? '', 'fixtures/docker-engine')

/** Skipped where the captured answers are not there. */
export const withFixtures = sharedDir() === undefined ? test.skip : test

export function fixture(name: string): Buffer {
  return readFileSync(join(dir, name))
}

/** The names and values of headers as they came, from the note beside a captured answer. */
export function realHeaders(name: string): string[] {
  const meta = fixture(`${name}.meta.txt`).toString()
  const [, json = '{}'] = /^headers: (.*)$/m.exec(meta) ?? []
  return Object.entries(JSON.parse(json) as object).map(([key, value]) => `${key}: ${value}`)
}

export interface OpenEngine {
  engine: DockerEngine
  /** `unix:…` */
  url: string
  run(name: string, script: string, more?: Partial<RunOptions>): DockerRun
}

type RunOptions = Parameters<DockerEngine['run']>[0]

export interface EngineOptions {
  clock?: Clock
  statsMs?: number
  maxSize?: number
}

/** A daemon with its socket; all goes with the test. */
export async function openEngine(
  t: Pick<ExecutionContext, 'teardown'>,
  { clock = wallClock, statsMs = 1000, maxSize = 1_000_000 }: EngineOptions = {},
): Promise<OpenEngine> {
  const root = mkdtempSync(join(tmpdir(), 'ms-docker-'))
  const runs: DockerRun[] = []
  t.teardown(async () => {
    for (const run of runs) run.killFromOutside()
    await Promise.all(runs.map((run) => run.exited))
    rmSync(root, { recursive: true, force: true })
  })
  const engine = openDockerEngine({
    root,
    socket: join(root, 'docker.sock'),
    hostname: 'agent-1.playground',
    rotation: { maxSize, maxFile: 3 },
    clock,
    log: silentLog,
  })
  const face = await openDockerFace({ model: engine, clock, statsMs })
  t.teardown(() => face.close())
  return {
    engine,
    url: face.url,
    run(name, script, more = {}) {
      const run = engine.run({
        name,
        image: 'shop/api:1.4',
        argv: ['/bin/sh', '-c', script],
        env: ['MARATHON_APP_ID=/shop/api'],
        labels: { MESOS_TASK_ID: 'shop_api.instance-1._app.1', team: 'shop' },
        limits: { cpus: 0.1, memory: 33_554_432 },
        sandbox: join(root, 'sandbox'),
        ...more,
      })
      runs.push(run)
      return run
    },
  }
}
