import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { openSandboxCollector, type SandboxCollectorOptions } from '../../collectors/sandbox.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'

/** A `--work_dir`, made as an agent makes it. */
export interface Place {
  workDir: string
  /** Makes the sandbox of a new run. */
  run(executor: string, more?: { framework?: string; container?: string }): Sandbox
  /** What the agent writes down of itself. */
  agent(hostname: string): void
}

export interface Sandbox {
  dir: string
  container: string
  /** Of a container within. */
  nested(container?: string): Sandbox
  /** What the agent writes down of the executor. */
  checkpoint(facts: {
    docker?: boolean
    command?: boolean
    name?: string
    labels?: Record<string, string>
  }): void
  /** The executor has ended. */
  end(): void
}

const agentId = '8ad4b0a7-0143-493f-8160-dbdea31d2cb6-S0'

export function openPlace(t: Pick<ExecutionContext, 'teardown'>): Place {
  const workDir = mkdtempSync(join(tmpdir(), 'mesoscope-sandbox-'))
  t.teardown(() => rmSync(workDir, { recursive: true, force: true }))
  const meta = join(workDir, 'meta', 'slaves', agentId)
  mkdirSync(join(workDir, 'slaves'))

  function put(path: string, bytes: string | Uint8Array): void {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, bytes)
  }

  function sandbox(dir: string, container: string, executorMeta: string, top: string): Sandbox {
    mkdirSync(dir, { recursive: true })
    return {
      dir,
      container,
      nested(id = randomUUID()) {
        return sandbox(join(dir, 'containers', id), id, executorMeta, top)
      },
      checkpoint({ docker = false, command = true, name = '', labels = {} }) {
        put(join(executorMeta, 'executor.info'), executorInfo(docker, name, labels))
        put(join(executorMeta, 'executor_generated_for_command_task'), command ? '1' : '0')
      },
      end: () => put(join(executorMeta, 'runs', top, 'executor.sentinel'), ''),
    }
  }

  return {
    workDir,
    agent: (hostname) => put(join(meta, 'slave.info'), message(text(1, hostname))),
    run(executor, { framework = 'f-0001', container = randomUUID() } = {}) {
      const below = join('frameworks', framework, 'executors', executor)
      const runs = join(workDir, 'slaves', agentId, below, 'runs')
      const made = sandbox(join(runs, container), container, join(meta, below), container)
      const latest = join(runs, 'latest')
      rmSync(latest, { force: true })
      symlinkSync(made.dir, latest)
      return made
    },
  }
}

/** Protobuf by hand; what is written here is held to Mesos' own messages in `sandbox-meta.test.ts`. */
function field(number: number, value: Uint8Array): Buffer {
  const length = Buffer.from([(value.length & 0x7f) | 0x80, value.length >> 7])
  return Buffer.concat([Buffer.from([(number << 3) | 2]), length, value])
}

const text = (number: number, value: string) => field(number, Buffer.from(value))

function message(...fields: Buffer[]): Buffer {
  const size = Buffer.alloc(4)
  size.writeUInt32LE(Buffer.concat(fields).length)
  return Buffer.concat([size, ...fields])
}

function executorInfo(docker: boolean, name: string, labels: Record<string, string>): Buffer {
  const container = field(11, Buffer.from([8, docker ? 1 : 2]))
  const pairs = Object.entries(labels).map(([key, value]) =>
    field(1, Buffer.concat([text(1, key), text(2, value)])),
  )
  const of = field(14, Buffer.concat(pairs))
  return message(field(1, text(1, 'executor')), text(9, name), container, of)
}

/** A collector of the place, with what a test need not say. */
export function openCollector(
  workDir: string,
  sink: SandboxCollectorOptions['sink'],
  more: Partial<SandboxCollectorOptions> = {},
) {
  return openSandboxCollector({
    name: 'mesos-sandbox',
    workDir,
    sink,
    cluster: 'test',
    clock: wallClock,
    metrics: openMetrics(),
    log: silentLog,
    redactor: { scan: () => [], redact: (escaped) => escaped },
    maxEventBytes: 256 * 1024,
    multiline: false,
    ...more,
  })
}
