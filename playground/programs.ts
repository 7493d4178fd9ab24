import { execFile } from 'node:child_process'
import { readFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { dirname, extname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { serviceArgv } from './launch.ts'

/** The services that tasks can run; a file of `services/` each. */
export const taskPrograms = [
  'web',
  'worker',
  'payments',
  'report',
  'db',
  'search',
  'indexer',
] as const
/** What stands beside the cluster. */
export const otherPrograms = ['balancer', 'load'] as const

/** The command of a program; undefined for one there is not. */
export type Programs = (program: string) => readonly [string, ...string[]] | undefined

const here = fileURLToPath(import.meta.url)
const isSource = extname(here) === '.ts'
const project = resolve(dirname(here), '..')

/**
 * The commands of the services. From source, they are freed of their types once, into `dir`: a process that does so
 * itself needs 25 MB and 50 ms of CPU more, and there are many of them. Undefined for a program there is not.
 */
export async function openPrograms(dir: string): Promise<Programs> {
  const all: readonly string[] = [...taskPrograms, ...otherPrograms]
  if (!isSource) return (program) => (all.includes(program) ? serviceArgv(program) : undefined)
  // In a process of its own, which keeps what Node says of an experimental feature from our terminal.
  const quiet = '--disable-warning=ExperimentalWarning'
  await promisify(execFile)(process.execPath, [quiet, here, dir, ...all])
  return (program) =>
    all.includes(program)
      ? [process.execPath, join(dir, 'playground', 'services', `${program}.js`)]
      : undefined
}

function strip(dir: string, programs: string[]): void {
  const waiting = programs.map((name) => join(project, 'playground', 'services', `${name}.ts`))
  const done = new Set<string>()
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (done.has(file)) continue
    done.add(file)
    const code = stripTypeScriptTypes(readFileSync(file, 'utf8'))
    waiting.push(...importsOf(file, code))
    const target = join(dir, relative(project, file)).replace(/\.ts$/, '.js')
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, code.replaceAll(importPattern, '$1$2.js$1'))
  }
  writeFileSync(join(dir, 'package.json'), '{"type":"module"}\n')
}

/** Ours begin with a dot and end with `.ts`, which the linter sees to. */
const importPattern = /(?<=\b(?:from|import) )(['"])(\.[^'"\n]*)\.ts\1/g

function importsOf(file: string, code: string): string[] {
  return [...code.matchAll(importPattern)].map(([, , path]) => resolve(dirname(file), `${path}.ts`))
}

const [, running, dir, ...programs] = process.argv
if (running !== undefined && resolve(running) === here && dir) strip(dir, programs)
