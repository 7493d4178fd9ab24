import { loadSettings } from '../config/load.ts'
import type { Settings } from '../config/settings.ts'
import { explain } from '../pipeline/errors.ts'
import { addDirectoryOptions, configFile, type DataOptions } from './data-option.ts'
import {
  checkData,
  checkDocker,
  checkFullText,
  checkMail,
  checkNode,
  checkProcess,
  type Finding,
} from './examine.ts'
import { checkCluster } from './examine-cluster.ts'
import { checkServers } from './examine-servers.ts'
import { harmless, harmlessJson } from './harmless.ts'
import type { AddCommand, CommandContext } from './parts.ts'
import { exitCodes, failure } from './report.ts'

interface DoctorOptions extends DataOptions {
  json?: boolean
}

export const addDoctor: AddCommand = (program, context) => {
  const command = program
    .command('doctor')
    .description(
      'whether what Mesoscope needs is there (this machine, Mesos, Marathon, Kafka, Elasticsearch, mail), and what to do if not',
    )
    .option('--json', 'as JSON')
  addDirectoryOptions(command).action(async (options: DoctorOptions) => {
    const { io } = context
    const findings = await examine(options, context)
    if (options.json) io.out(`${harmlessJson({ findings })}\n`)
    else io.out(findings.map(line).join(''))
    const bad = findings.filter((finding) => !finding.ok).length
    if (bad > 0) throw failure(exitCodes.failed, `${bad} of ${findings.length} checks failed`)
  })
}

async function examine(options: DoctorOptions, context: CommandContext): Promise<Finding[]> {
  const { finding, settings } = examineSettings(options, context)
  const data = options.data ?? settings.data
  const others = await Promise.all([
    checkNode(process.versions.node),
    checkFullText(),
    checkData(data, settings.spool.max_bytes),
    checkProcess(data),
    ...settings.collectors.docker.flatMap(checkDocker),
    ...checkCluster(settings.collectors),
    ...checkServers(settings),
    ...(settings.mail ? [checkMail(settings.mail)] : []),
  ])
  return [finding, ...others]
}

/** Where the settings are wrong, the defaults tell at least something of the rest. */
function examineSettings(
  { config }: DoctorOptions,
  { io, checks }: CommandContext,
): { finding: Finding; settings: Settings } {
  const file = configFile(config)
  const name = 'settings'
  try {
    const { settings } = loadSettings(file, io.env, {}, checks)
    return { finding: { name, ok: true, detail: file ?? 'none, defaults' }, settings }
  } catch (error) {
    const { settings } = loadSettings(undefined, {})
    return { finding: { name, ok: false, detail: explain(error) }, settings }
  }
}

function line({ name, ok, detail, remedy }: Finding): string {
  const told = detail.split('\n').map(harmless).join('\n      ')
  return `${ok ? 'ok   ' : 'BAD  '} ${name}: ${told}${remedy ? `\n      ${harmless(remedy)}` : ''}\n`
}
