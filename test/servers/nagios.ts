import { spawn, type ChildProcess } from 'node:child_process'
import { chown, mkdir, mkdtemp, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pause, wallClock } from '../../pipeline/clock.ts'
import { openWatchdog } from './watchdog.ts'

/*
 * Debian's real nagios4 and nsca for tests, with configurations and data of their own, as an ordinary user. What is
 * started here ends with the process, also if that is killed.
 */
export interface NagiosServer {
  /** The pipe that it reads. */
  commandFile: string
  /** The block of a service, or of the host itself, in `status.dat`. */
  status(service?: string): Promise<Record<string, string>>
  log(): Promise<string>
  /** Starts an `nsca` in front of it; resolves with its port when it listens. */
  startNsca(options: NscaOptions): Promise<number>
  /** SIGSTOP and SIGCONT: the daemons of NSCA are there and do nothing. */
  freezeNsca(): void
  thawNsca(): void
  /** Ends Nagios, which removes its pipe. */
  stop(): Promise<void>
  close(): Promise<void>
}

export interface NscaOptions {
  method: number
  password: string
  /** A process a connection, or one for all. */
  mode?: '--single' | '--daemon'
}

export const nagiosHost = 'mesoscope'
const nagios = '/usr/sbin/nagios4'
const nsca = '/usr/sbin/nsca'
/** `nobody`, as nearly everywhere. */
const nobody = 65534
const startMs = 20_000

/** A Nagios with one host that has these services; all take passive results alone, and one is enough. */
export async function startNagios(services: readonly string[]): Promise<NagiosServer> {
  const dir = await mkdtemp(join(tmpdir(), 'mesoscope-nagios-'))
  const watchdog = openWatchdog(dir)
  const daemons: ChildProcess[] = []
  const commandFile = join(dir, 'rw', 'nagios.cmd')
  const file = (name: string) => readFile(join(dir, name), 'utf8').catch(() => '')
  try {
    await configure(dir, commandFile, services)
    const main = launch([nagios, join(dir, 'nagios.cfg')])
    await until('Nagios to start', async () => {
      if (main.exitCode !== null)
        throw new Error(`Nagios did not start: ${await file('nagios.log')}`)
      return (await isThere(commandFile)) && (await isThere(join(dir, 'status.dat')))
    })
    return {
      commandFile,
      status: async (service) => blockOf(await file('status.dat'), service),
      log: () => file('nagios.log'),
      async startNsca(options) {
        const port = await freePort()
        const config = join(dir, `nsca-${port}.cfg`)
        await writeFile(config, nscaConfig(dir, port, commandFile, options))
        daemons.push(launch([nsca, '-f', '-c', config, options.mode ?? '--single']))
        await until('nsca to listen', () => listens(port))
        return port
      },
      freezeNsca: () => daemons.forEach((daemon) => daemon.kill('SIGSTOP')),
      thawNsca: () => daemons.forEach((daemon) => daemon.kill('SIGCONT')),
      async stop() {
        main.ref()
        const gone = new Promise((resolve) => main.once('exit', resolve))
        main.kill('SIGTERM')
        await gone
      },
      close: () => watchdog.end(),
    }
  } catch (error) {
    await watchdog.end()
    throw error
  }
}

function launch(command: string[]): ChildProcess {
  const ordinary = ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups']
  const [program = '', ...args] = process.getuid?.() === 0 ? [...ordinary, ...command] : command
  const child = spawn(program, args, { stdio: 'ignore' })
  child.unref()
  return child
}

async function configure(dir: string, commandFile: string, services: readonly string[]) {
  for (const part of ['rw', 'results']) await mkdir(join(dir, part))
  const config = {
    cfg_file: join(dir, 'objects.cfg'),
    log_file: join(dir, 'nagios.log'),
    object_cache_file: join(dir, 'objects.cache'),
    status_file: join(dir, 'status.dat'),
    state_retention_file: join(dir, 'retention.dat'),
    lock_file: join(dir, 'nagios.lock'),
    temp_file: join(dir, 'nagios.tmp'),
    temp_path: dir,
    check_result_path: join(dir, 'results'),
    command_file: commandFile,
    query_socket: join(dir, 'rw', 'nagios.qh'),
    check_external_commands: 1,
    log_external_commands: 1,
    log_passive_checks: 1,
    use_syslog: 0,
    check_workers: 1,
    status_update_interval: 1,
    execute_host_checks: 0,
    execute_service_checks: 0,
    enable_notifications: 0,
    check_for_updates: 0,
    illegal_object_name_chars: '`~!$%^&*|\'"<>?,()=',
  }
  const lines = Object.entries(config).map(([name, value]) => `${name}=${value}\n`)
  await writeFile(join(dir, 'nagios.cfg'), lines.join(''))
  await writeFile(join(dir, 'objects.cfg'), objects(services))
  if (process.getuid?.() !== 0) return
  for (const part of ['', 'rw', 'results']) await chown(join(dir, part), nobody, nobody)
}

function objects(services: readonly string[]): string {
  const passive = [
    'active_checks_enabled 0',
    'passive_checks_enabled 1',
    'max_check_attempts 1',
    'check_command none',
    'check_period always',
    'notification_period always',
    'contacts nobody',
  ]
  const define = (kind: string, ...fields: string[]) =>
    `define ${kind} {\n${fields.map((field) => `  ${field}\n`).join('')}}\n`
  return [
    define('timeperiod', 'timeperiod_name always', 'alias always'),
    define('command', 'command_name none', 'command_line /bin/true'),
    define(
      'contact',
      'contact_name nobody',
      'host_notification_commands none',
      'service_notification_commands none',
      'host_notification_period always',
      'service_notification_period always',
      'host_notification_options n',
      'service_notification_options n',
    ),
    define('host', `host_name ${nagiosHost}`, 'address 127.0.0.1', ...passive),
    ...services.map((service) =>
      define('service', `host_name ${nagiosHost}`, `service_description ${service}`, ...passive),
    ),
  ].join('')
}

function nscaConfig(
  dir: string,
  port: number,
  commandFile: string,
  { method, password }: NscaOptions,
): string {
  const config = {
    pid_file: join(dir, `nsca-${port}.pid`),
    server_address: '127.0.0.1',
    server_port: port,
    nsca_user: 'nobody',
    nsca_group: 'nogroup',
    command_file: commandFile,
    alternate_dump_file: join(dir, 'nsca.dump'),
    max_packet_age: 30,
    decryption_method: method,
    ...(password === '' ? {} : { password }),
  }
  return Object.entries(config)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

/** The fields of `servicestatus { … }` or `hoststatus { … }`. */
function blockOf(status: string, service: string | undefined): Record<string, string> {
  const kind = service === undefined ? 'hoststatus' : 'servicestatus'
  for (const [, body = ''] of status.matchAll(new RegExp(`^${kind} \\{\n(.*?)^\\s*\\}`, 'gms'))) {
    const fields = Object.fromEntries(
      body.split('\n').map((line) => {
        const [name = '', ...value] = line.trimStart().split('=')
        return [name, value.join('=')]
      }),
    ) as Record<string, string>
    if (fields['service_description'] === service) return fields
  }
  return {}
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

/** Told by the kernel: a connection would be one that the daemon has to handle. */
async function listens(port: number): Promise<boolean> {
  const address = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const table = await readFile('/proc/net/tcp', 'utf8')
  return table.split('\n').some((line) => line.includes(`${address} 00000000:0000 0A`))
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function until(what: string, check: () => boolean | Promise<boolean>) {
  const deadline = wallClock.now() + startMs
  while (!(await check())) {
    if (wallClock.now() > deadline) throw new Error(`waited ${startMs} ms for ${what}`)
    await pause(50)
  }
}
