import { readFileSync } from 'node:fs'
import { errorCode, Trouble } from '../../pipeline/errors.ts'
import { readStagesConfig, type StagesConfig } from './config.ts'

/** Who is told of what, and when, with the text of the file. */
export interface Stages {
  config: StagesConfig
  text: string
}

/** What is told without routes: to whom, the one receiver is named by. Silences are kept all the same. */
function withoutRoutes(direct: readonly string[]): string {
  const name = JSON.stringify(direct.join(' and ') || 'nobody')
  return `route: { receiver: ${name} }\nreceivers: [{ name: ${name} }]\n`
}

const maxBytes = 1 << 20

/**
 * Reads Alertmanager's configuration, where there is one; `direct`: the ways on which each incident is told by itself. Throws
 * Trouble with a line for each fault.
 */
export function readStages(file: string | undefined, direct: readonly string[] = []): Stages {
  const text = file === undefined ? withoutRoutes(direct) : readText(file)
  return { config: readStagesConfig(text, file ?? 'none'), text }
}

function readText(file: string): string {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (error) {
    throw new Trouble(`cannot read ${file} (${errorCode(error) ?? 'unknown error'})`)
  }
  if (bytes.length > maxBytes) throw new Trouble(`${file} has ${bytes.length} bytes, too many`)
  return bytes.toString('utf8')
}
