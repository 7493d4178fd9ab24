import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'

/** A full JDK (Elasticsearch's launcher needs the module `jdk.jdi`, which a JRE lacks) of at least `major`. Throws with the remedy. */
export function findJdk(major: number): string {
  const found = candidates().find((home) => isJdk(home, major))
  if (found) return found
  throw new Error(
    `no full JDK ${major} or newer in JAVA_HOME, /usr/lib/jvm or PATH: install one ` +
      `(Temurin: https://adoptium.net; Debian 13: apt-get install openjdk-21-jdk-headless; Debian 12 itself has 17 only) ` +
      'or name its folder in JAVA_HOME',
  )
}

/** The program `java` of at least `major`. Throws with the remedy. */
export function findJava(major: number): string {
  const found = candidates().find((home) => versionOf(home) >= major)
  if (found) return join(found, 'bin', 'java')
  throw new Error(
    `no Java ${major} or newer in JAVA_HOME, ${systemFolder} or PATH: apt-get install openjdk-17-jre-headless, ` +
      'or name its folder in JAVA_HOME',
  )
}

function versionOf(home: string): number {
  const java = join(home, 'bin', 'java')
  if (!existsSync(java)) return 0
  const { stdout, stderr } = spawnSync(java, ['-version'], { encoding: 'utf8' })
  return Number(/version "(\d+)/.exec(`${stdout}${stderr}`)?.[1] ?? 0)
}

const systemFolder = '/usr/lib/jvm'

function candidates(): string[] {
  const named = process.env['JAVA_HOME']
  const installed = existsSync(systemFolder)
    ? readdirSync(systemFolder).map((name) => join(systemFolder, name))
    : []
  const onPath = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'java'))
    .filter((file) => existsSync(file))
    .map((file) => dirname(dirname(realpathSync(file))))
  return [...new Set([...(named ? [named] : []), ...installed, ...onPath])]
}

function isJdk(home: string, major: number): boolean {
  const java = join(home, 'bin', 'java')
  if (!existsSync(java)) return false
  try {
    const modules = execFileSync(java, ['--list-modules'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const version = /^jdk\.jdi@(\d+)/m.exec(modules)?.[1]
    return Number(version) >= major
  } catch {
    return false
  }
}
