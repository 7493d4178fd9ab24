import { readFileSync } from 'node:fs'
import { errorCode, Trouble } from '../../pipeline/errors.ts'
import { readStagesConfig, type StagesConfig } from './config.ts'

/** Who is told of what, and when, with the text of the file. */
export interface Stages {
  config: StagesConfig
  text: string
}

/** Nobody: what is set up is seen on the page, and silences are kept. */
const nobody = 'route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n'
const maxBytes = 1 << 20

/** Reads Alertmanager's configuration, where there is one. Throws Trouble with a line for each fault. */
export function readStages(file: string | undefined): Stages {
  const text = file === undefined ? nobody : readText(file)
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
