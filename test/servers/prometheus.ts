import { spawn } from 'node:child_process'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openWatchdog } from './watchdog.ts'

/* Debian's real Prometheus for tests: it scrapes one target each second and posts what its rules find. It ends with the process. */

export const prometheus = '/usr/bin/prometheus'

export interface PrometheusOptions {
  /** `host:port` of what it scrapes, of `/metrics` there. */
  target: string
  /** The same of the Alertmanager that it posts to, and the token that it sends. */
  alertmanager: string
  token: string
  /** The rules of one group. */
  rules: readonly object[]
}

export interface PrometheusServer {
  log(): Promise<string>
  close(): Promise<void>
}

export async function startPrometheus(options: PrometheusOptions): Promise<PrometheusServer> {
  const dir = await mkdtemp(join(tmpdir(), 'mesoscope-prometheus-'))
  const watchdog = openWatchdog(dir)
  await configure(dir, options)
  const child = spawn(
    'sh',
    // One argument names the folder, by which the watchdog knows it.
    ['-c', `exec "$@" > "${dir}/log" 2>&1`, 'sh', prometheus, ...flags(dir)],
    { stdio: 'ignore' },
  )
  child.unref()
  return {
    log: () => readFile(join(dir, 'log'), 'utf8').catch(() => ''),
    close: () => watchdog.end(),
  }
}

function flags(dir: string): string[] {
  return [
    `--config.file=${join(dir, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(dir, 'data')}`,
    '--web.listen-address=127.0.0.1:0',
    '--rules.alert.resend-delay=2s',
  ]
}

/** JSON is YAML. */
async function configure(dir: string, { target, alertmanager, token, rules }: PrometheusOptions) {
  const config = {
    global: {
      scrape_interval: '1s',
      scrape_timeout: '1s',
      evaluation_interval: '1s',
      external_labels: { region: 'eu' },
    },
    rule_files: [join(dir, 'rules.yml')],
    scrape_configs: [{ job_name: 'shop', static_configs: [{ targets: [target] }] }],
    alerting: {
      alertmanagers: [
        {
          authorization: { credentials: token },
          static_configs: [{ targets: [alertmanager] }],
        },
      ],
    },
  }
  await writeFile(join(dir, 'prometheus.yml'), JSON.stringify(config))
  await writeFile(join(dir, 'rules.yml'), JSON.stringify({ groups: [{ name: 'test', rules }] }))
}
