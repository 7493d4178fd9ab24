import { writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { mesosMetricNames } from '../pipeline/mesos-metric-names.ts'
import { mesosMetric, metricNames } from '../pipeline/metric-names.ts'
import { catalogue } from '../pipeline/metrics.ts'
import { builtinSignals } from './builtin-signals.ts'
import { libraryNames, readLibrary } from './library.ts'
import { declared, kindMeta } from './schema.ts'
import { settingsSchema } from './settings.ts'
import { formatDuration } from './units.ts'

interface Row {
  path: string
  kind: string
  fallback: string
  sentence: string
}

/** The reference of all settings and of Mesoscope's own metrics, as Markdown. */
export function makeReference(): string {
  const parts = [
    intro,
    settingsPart(),
    labelsPart,
    signalsPart(),
    libraryPart(),
    measuredPart(),
    metricsPart(),
    mesosMetricsPart(),
  ]
  return parts.join('\n')
}

const intro = `# Reference

Generated from \`config/settings.ts\`, \`config/builtin-signals.ts\`, \`config/library\`, \`pipeline/metric-names.ts\` and
\`pipeline/metrics.ts\` by \`npm run docs\`; do not edit.

## Settings

One YAML file, \`mesoscope.yaml\` in the working directory unless \`--config\` names another. All settings have a default except
those marked *required*; unknown ones are refused; \`mesoscope check\` lists everything that is wrong with a file.

- A **duration** is \`250ms\`, \`5s\`, \`2m\`, \`1h30m\`, \`14d\`. A **size** is \`256KiB\`, \`1GiB\`, \`10MB\` or a number of bytes.
- In every text \`\${NAME}\` is the environment variable, \`\${NAME:-value}\` has a default, \`$\${NAME}\` is the text itself. Inside
  \`{ }\` and \`[ ]\` such a text needs quotes.
- A **secret** may be \`file:/path\`: the content of that file, without its final newline. Secrets are never shown.
`

function settingsPart(): string {
  const rows = rowsOf(settingsSchema, '')
  const lines = rows.map(
    (row) => `| ${[code(row.path), row.kind, row.fallback, row.sentence].map(cell).join(' | ')} |`,
  )
  return ['| Setting | Kind | Default | Meaning |', '|---|---|---|---|', ...lines, ''].join('\n')
}

function rowsOf(schema: z.ZodType, path: string): Row[] {
  const { inner } = declared(schema)
  if (inner instanceof z.ZodObject) {
    const keys = Object.entries(inner.shape)
    return keys.flatMap(([key, child]) => {
      const childPath = path === '' ? key : `${path}.${key}`
      return [rowOf(child, childPath), ...rowsOf(child, childPath)]
    })
  }
  if (inner instanceof z.ZodArray) return rowsOf(inner.element as z.ZodType, `${path}[]`)
  if (inner instanceof z.ZodRecord) return rowsOf(inner.valueType as z.ZodType, `${path}.<name>`)
  return []
}

function rowOf(schema: z.ZodType, path: string): Row {
  const { inner, fallback, optional, sentence } = declared(schema)
  return {
    path,
    kind: kindName(inner),
    fallback: fallbackText(inner, fallback, optional),
    sentence,
  }
}

function kindName(schema: z.ZodType): string {
  if (schema instanceof z.ZodObject) return 'section'
  if (schema instanceof z.ZodRecord) {
    const value = schema.valueType as z.ZodType
    return value instanceof z.ZodObject ? 'sections by name' : `${kindName(value)}s by name`
  }
  if (!(schema instanceof z.ZodArray)) return kindMeta(schema).kind ?? ''
  const item = schema.element as z.ZodType
  return item instanceof z.ZodObject ? 'list of sections' : `list: ${kindName(item)}`
}

function fallbackText(schema: z.ZodType, fallback: unknown, optional: boolean): string {
  if (optional || fallback === '') return ''
  if (fallback === undefined) return '*required*'
  if (schema instanceof z.ZodObject) return ''
  return code(typeof fallback === 'string' ? fallback : JSON.stringify(fallback))
}

function signalsPart(): string {
  const rows = Object.entries(builtinSignals).map(([name, signal]) => {
    const { from, metric, where, measure, over, by, sentence } = signal
    const of = [metric, where].filter((part) => part !== undefined && part !== '').map(String)
    const window = `${measure} over ${formatDuration(over)} by ${by.join(', ')}`
    const cells = [code(name), [from, ...of.map(code)].join(': '), window, sentence]
    return `| ${cells.map(cell).join(' | ')} |`
  })
  const head = [
    '## Built-in signals',
    '',
    'Always measured, and known to rules and policies, unless `builtin_signals` is false. A signal of the same name under',
    '`signals` takes the place of the built-in one. Windows are rounded up to multiples of `evaluation.resolution`.',
    '',
    '| Signal | Measured from | How | Meaning |',
    '|---|---|---|---|',
  ]
  return [...head, ...rows, ''].join('\n')
}

function libraryPart(): string {
  const rows = libraryNames.flatMap((name) =>
    readLibrary(name).alerts.map(({ alert, when, for: hold, annotations }) => {
      const held = hold === undefined ? code(when) : `${code(when)} for ${hold}`
      return `| ${[code(name), code(alert), held, annotations.summary].map(cell).join(' | ')} |`
    }),
  )
  const head = [
    '## Library of rules',
    '',
    'Used where `rule_library` names their part; each has a text that says what to do (`runbook`), and tests. Their files',
    'are `config/library/<part>.yaml`. A rule or signal of the same name in the settings takes the place of one of these.',
    '',
    '| Part | Rule | Condition | What it tells |',
    '|---|---|---|---|',
  ]
  return [...head, ...rows, ''].join('\n')
}

/** What `autoscaling/labels.ts` reads; a test compares. */
const labelsPart = `## Labels

Labels of an app in Marathon, or of a container in Docker, say what holds for its events; the app's count for containers of Docker too, since
Marathon hands them on in the environment. A value that is not understood changes nothing and is told on the health page.

| Label | What it says |
|---|---|
| \`mesoscope.service\` | Docker and Mesos: the service, where it is not Marathon's id of the app. |
| \`mesoscope.owner\` or \`owner\`, \`mesoscope.runbook\` or \`runbook\` | Stand on lines, samples, changes, alerts and decisions, and in mails. |
| \`mesoscope.retention\` | Which of \`store.retention_classes\` its events are kept by. One that is not there is told. |
| \`mesoscope.posture.accept\` | Findings on how it is run that it accepts, divided by commas: \`root,one-instance\`. They are shown as accepted, and do not make it unfit (\`mesoscope readiness\`, which also tells of names that are none). |
| \`mesoscope.lines_per_second\` | Takes the place of \`collectors.limit.lines_per_second\`. |
| \`mesoscope.logs\` | \`false\`: its log is not collected; \`true\`: also where \`collectors.docker[].opt_in\` is set. |
| \`mesoscope.files\` | Docker: log files in folders that are mounted into the container, as it sees them, divided by commas; \`/var/log/app/*.log\`. What lies elsewhere, also behind a link, is not read. |
| \`mesoscope.multiline\` | \`true\` or \`false\` in place of \`collectors.multiline\`; or a regular expression (RE2) that matches the first line of each event, all others follow it. |
| \`mesoscope.level\` | Level of lines that tell none: \`info\`, \`warn\` … |
| \`mesoscope.parser\` | How its messages are read where a query asks for fields: \`json\`, \`access\`, \`logfmt\` (\`took=12ms msg="done"\`) or \`none\`; absent: JSON objects and access lines are recognised. |
| \`mesoscope.sample\` | The share that is kept of its lines below \`warn\`, 0.1 for a tenth. What is left out is counted and told. |
| \`mesoscope.metrics\` | Its tasks serve metrics (Prometheus' format) under this path, \`/metrics\`; \`true\` means that. For \`collectors.prometheus[].marathon\`. |
| \`mesoscope.metrics_port\` | On which of their ports, counted from 0; absent: 0. |
| \`mesoscope.spool\` | \`block\` or \`drop_oldest\` in place of \`spool.when_full\`. |

With \`autoscaling.labels\` an app asks to be scaled by labels, or by environment variables; where both set the same, the label
counts. A policy for it under \`autoscaling.services\` takes the place of all of them. Meanings and defaults are those of
\`autoscaling.services[]\`. A value that is not understood is told, and the app is not scaled.

| Label | Environment variable |
|---|---|
| \`autoscale.enabled\`: \`true\`, *required* | \`AUTOSCALE_ENABLED\` |
| \`autoscale.target.<signal>\`: \`200\`, \`60%\`; this, or one of the next two, is *required* | \`AUTOSCALE_TARGET_<SIGNAL>\` |
| \`autoscale.value.<signal>\`: as \`{ value: … }\` of a target | \`AUTOSCALE_VALUE_<SIGNAL>\` |
| \`autoscale.steps\`: \`cpu > 80% +2, cpu > 95% +50%, cpu < 30% -1\` | \`AUTOSCALE_STEPS\` |
| \`autoscale.max\`, *required* | \`AUTOSCALE_MAX\` |
| \`autoscale.min\` | \`AUTOSCALE_MIN\` |
| \`autoscale.tolerance\` | \`AUTOSCALE_TOLERANCE\` |
| \`autoscale.stabilization.up\` | \`AUTOSCALE_STABILIZATION_UP\` |
| \`autoscale.stabilization.down\` | \`AUTOSCALE_STABILIZATION_DOWN\` |
| \`autoscale.scale_up.policies\`: \`4/15s, 100%/15s\` | \`AUTOSCALE_SCALE_UP_POLICIES\` |
| \`autoscale.scale_up.select\` | \`AUTOSCALE_SCALE_UP_SELECT\` |
| \`autoscale.scale_down.policies\` | \`AUTOSCALE_SCALE_DOWN_POLICIES\` |
| \`autoscale.scale_down.select\` | \`AUTOSCALE_SCALE_DOWN_SELECT\` |
| \`autoscale.warm_up\` | \`AUTOSCALE_WARM_UP\` |
| \`autoscale.activation.<signal>\` | \`AUTOSCALE_ACTIVATION_<SIGNAL>\` |
| \`autoscale.idle_after\` | \`AUTOSCALE_IDLE_AFTER\` |
| \`autoscale.dry_run\` | \`AUTOSCALE_DRY_RUN\` |
| \`autoscale.resident\` | \`AUTOSCALE_RESIDENT\` |
| \`autoscale.override\` | \`AUTOSCALE_OVERRIDE\` |

An app that is scaled by [InfluxDB-Marathon-autoscaler](https://github.com/alahiff/InfluxDB-Marathon-autoscaler) may stay as it is: its variables
\`autoscale\`, \`autoscale_min_instances\`, \`autoscale_max_instances\` and rules \`autoscale_rule_<name>\` are read where \`autoscale.enabled\` is not set, and
the other labels above win over them. A rule \`http | requests | target | 1000 | 180 | 120 | 4\` follows the signal \`http_requests\` (else \`requests\`), of which
an instance shall have 1000 in that signal's own unit and window; the rest of 120 s after a change becomes \`stabilization.up\`, 4 times that
\`stabilization.down\`. Of several rules the one that asks for most counts. Stop the other autoscaler first, or begin with \`autoscaling.dry_run\`: two of
them undo each other's changes.
`

function measuredPart(): string {
  const rows = Object.entries(metricNames).map(([name, { unit, help }]) => {
    return `| ${[code(name), unit, help].map(cell).join(' | ')} |`
  })
  const head = [
    '## What is measured',
    '',
    'For `metric` of a signal. What the leading master and the agents serve under `/metrics/snapshot` is there too, behind `mesos.`:',
    '`master/elected` is `mesos.master.elected`; the list is [below](#metrics-of-mesos).',
    '',
    'What `collectors.prometheus` scrapes has two names. `prometheus.<name>` tells of a whole target: gauges without labels, and what all label',
    'sets of a counter, histogram or summary count together. `series.<name>` tells of one label set, which a query finds by',
    '`prometheus.labels.code:500`. A counter is told by its rate, `prometheus.http_requests_total.rate` a second; of a histogram',
    'or summary there are `.rate` (observations a second), `.avg`, `.p50`, `.p90`, `.p95` and `.p99` of what was observed since the scrape before.',
    '',
    '| Metric | Unit | Meaning |',
    '|---|---|---|',
  ]
  return [...head, ...rows, ''].join('\n')
}

function mesosMetricsPart(): string {
  const rows = [...mesosMetricNames].map(([name, { kind, unit, help }]) => {
    const cells = [code(mesosMetric(name)), kind, unit, help]
    return `| ${cells.map(cell).join(' | ')} |`
  })
  const head = [
    '## Metrics of Mesos',
    '',
    "By Mesos' documentation of 1.11; `<…>` stands for a name. Others, of other versions, are measured as well. Counters are told as they",
    'are, from the start of the process on.',
    '',
    '| Metric | Kind | Unit | Meaning |',
    '|---|---|---|---|',
  ]
  return [...head, ...rows, ''].join('\n')
}

function metricsPart(): string {
  const rows = Object.entries(catalogue).map(([name, { kind, labels, help }]) => {
    const cells = [code(`mesoscope_${name}`), kind, labels.map(code).join(', '), help]
    return `| ${cells.map(cell).join(' | ')} |`
  })
  const head = ['## Metrics', '', 'What `/metrics` says of Mesoscope itself.', '']
  return [...head, '| Metric | Kind | Labels | Meaning |', '|---|---|---|---|', ...rows, ''].join(
    '\n',
  )
}

const code = (text: string) => `\`${text}\``
const cell = (text: string) => text.replaceAll('|', '\\|')

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(new URL('REFERENCE.md', import.meta.url), makeReference())
}
