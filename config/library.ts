import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { packageFile } from '../pipeline/package-file.ts'

/** The parts of the library of rules: `config/library/<name>.yaml`, each with its signals; tests are beside ours. */
export const libraryNames = ['mesos', 'marathon', 'containers', 'logs', 'pipeline'] as const
export type LibraryName = (typeof libraryNames)[number]

/** As it stands in the file. */
export interface Library {
  signals: Record<string, unknown>
  alerts: LibraryRule[]
}

export interface LibraryRule {
  alert: string
  when: string
  for?: string
  labels: Record<string, string>
  annotations: { summary: string; runbook: string }
}

export function readLibrary(name: LibraryName): Library {
  return parse(readFileSync(packageFile(`config/library/${name}.yaml`), 'utf8')) as Library
}

/** What the settings, as they stand in their file, ask for of the library and do not declare themselves. */
export function libraryFor(written: unknown): Library {
  const own = (written ?? {}) as Record<string, unknown>
  const asked = new Set(listOf(own['rule_library']))
  const signals = namesOf(own['signals'])
  const alerts = new Set(
    listOf(own['alerts']).map((one) => (one as { alert?: unknown } | null)?.alert),
  )
  const parts = libraryNames.filter((name) => asked.has(name)).map(readLibrary)
  return {
    signals: Object.fromEntries(
      parts.flatMap((part) => Object.entries(part.signals)).filter(([name]) => !signals.has(name)),
    ),
    alerts: parts.flatMap((part) => part.alerts).filter(({ alert }) => !alerts.has(alert)),
  }
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

function namesOf(value: unknown): Set<string> {
  return new Set(typeof value === 'object' && value !== null ? Object.keys(value) : [])
}
