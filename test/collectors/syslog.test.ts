import { execFile, execFileSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { connect as connectSecurely } from 'node:tls'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { openSyslogCollector, type SyslogCollectorOptions } from '../../collectors/syslog.ts'
import { udpDrops } from '../../collectors/udp-drops.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { Trouble } from '../../pipeline/errors.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { tempDir } from '../helpers/pipeline.ts'
import { openRecording, openRecordingSink, until, type Recording } from './recording-sink.ts'

async function open(
  t: ExecutionContext,
  recording: Recording,
  more: Partial<SyslogCollectorOptions> = {},
) {
  const collector = await openSyslogCollector({
    name: 'syslog',
    host: '127.0.0.1',
    port: 0,
    protocols: ['tcp', 'udp'],
    service: 'hosts',
    sink: openRecordingSink(recording),
    clock: wallClock,
    metrics: openMetrics(),
    log: silentLog,
    redactor: { scan: () => [], redact: (text) => text },
    maxEventBytes: 1024,
    multiline: true,
    ...more,
  })
  t.teardown(() => collector.close())
  return { ...collector, ...(collector.ports() as { tcp: number; udp: number }) }
}

async function sendTcp(port: number, bytes: string): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  socket.end(bytes)
  await once(socket, 'close')
}

function sendUdp(port: number, ...datagrams: (string | Buffer)[]): Promise<void> {
  const socket = createSocket('udp4')
  const sends = datagrams.map(
    (one) =>
      new Promise<void>((resolve, reject) => {
        socket.send(one, port, '127.0.0.1', (error) => (error ? reject(error) : resolve()))
      }),
  )
  return Promise.all(sends).then(() => void socket.close())
}

const linesOf = ({ lines }: Recording) => lines.map(({ message }) => message)

test('messages over TCP and UDP become lines with the identity and level of their senders', async (t) => {
  const recording = openRecording()
  const collector = await open(t, recording, { retention: 'audit', cluster: 'ral' })
  await sendTcp(
    collector.tcp,
    '<11>1 2026-11-26T21:40:01.5Z db-1 postgres 77 - - disk full\n' +
      '<38>Nov 26 21:40:01 web-1 sshd[812]: Accepted publickey\n' +
      '45 <13>1 2026-11-26T21:40:02Z db-1 app - - - a\nb',
  )
  await sendUdp(collector.udp, '<14>1 2026-11-26T21:40:03Z db-1 postgres 77 - - ready', 'bare')
  await until('all lines', () => recording.lines.length === 5)
  const of = (app: string) => recording.lines.filter((line) => line['mesos.task.id'] === app)
  const [first, second] = of('postgres')
  t.like(first, {
    '@timestamp': '2026-11-26T21:40:01.500000000Z',
    'log.level': 'error',
    'event.sequence': 0,
    message: 'postgres[77]: disk full',
    'service.name': 'hosts',
    'host.name': 'db-1',
    'orchestrator.cluster.name': 'ral',
    'mesoscope.retention': 'audit',
    labels: { 'syslog.facility': 'user' },
  })
  t.like(second, { 'log.level': 'info', 'event.sequence': 1, lineage: first?.lineage })
  t.like(of('sshd')[0], { 'host.name': 'web-1', labels: { 'syslog.facility': 'auth' } })
  t.is(of('app')[0]?.message, 'app: a\nb')
  t.like(of('127.0.0.1')[0], { message: 'bare', 'host.name': '127.0.0.1' })
  t.is(new Set(recording.lines.map((line) => line['event.id'])).size, 5)
  t.is(collector.trouble(), undefined)
})

test('after a restart the sequences go on', async (t) => {
  const recording = openRecording()
  for (const text of ['one', 'two']) {
    const collector = await open(t, recording)
    await sendTcp(collector.tcp, `<13>1 2026-11-26T21:40:01Z h app - - - ${text}\n`)
    await until('the line', () => linesOf(recording).includes(`app: ${text}`))
    await collector.close()
  }
  t.deepEqual(
    recording.lines.map((line) => [line['event.sequence'], line.lineage]),
    [0, 1].map((sequence) => [sequence, recording.lines[0]?.lineage]),
  )
  t.is(new Set(recording.lines.map((line) => line['event.id'])).size, 2)
})

test('what is no UTF-8, hostile or too long harms nobody', async (t) => {
  const recording = openRecording()
  const collector = await open(t, recording)
  await sendUdp(
    collector.udp,
    Buffer.from([0x3c, 0x31, 0x33, 0x3e, 0xff, 0xfe, 0x22, 0x5c, 0x00, 0x07]),
    '<13>1 2026-11-26T21:40:01Z \u001b[2Jhost app"\\ - - - x',
    '<13>1 9999-99-99T99:99:99Z h future - - - x',
    '<13>1 2099-01-01T00:00:00Z h future - - - y',
  )
  await sendTcp(collector.tcp, `<13>1 2026-11-26T21:40:01Z h long - - - ${'é'.repeat(1500)}\n`)
  const ofLong = () => recording.lines.filter((line) => line['mesos.task.id'] === 'long')
  await until('all lines', () => recording.lines.length >= 7 && ofLong().length === 3)
  t.is(
    ofLong()
      .map(({ message }) => message)
      .join(''),
    `long: ${'é'.repeat(1500)}`,
  )
  t.true(ofLong().every(({ tags }) => tags?.includes('chunk')))
  t.is(recording.dead.size, 1)
  t.true(linesOf(recording).includes('\ufffd\ufffd"\\\0\u0007'))
  t.like(
    recording.lines.find((line) => line['mesos.task.id'] === 'app"\\'),
    { 'host.name': '[2Jhost' },
  )
  const future = recording.lines.filter((line) => line['mesos.task.id'] === 'future')
  for (const { '@timestamp': time } of future) {
    t.true(Math.abs(Date.parse(`${time.slice(0, 23)}Z`) - wallClock.now()) < 60_000, time)
  }
})

test('while nothing can be stored TCP senders wait, and what UDP loses is told', async (t) => {
  const recording = openRecording()
  const sink = openRecordingSink(recording)
  const blocked = Promise.withResolvers<void>()
  const collector = await open(t, recording, {
    sink: { ...sink, append: (batch) => blocked.promise.then(() => sink.append(batch)) },
    maxEventBytes: 64 * 1024,
  })
  const socket = connect(collector.tcp, '127.0.0.1')
  t.teardown(() => socket.destroy())
  const line = `<13>1 2026-11-26T21:40:01Z h tcp - - - ${'x'.repeat(30_000)}\n`
  let sent = 0
  let isHeldUp = false
  while (!isHeldUp) {
    sent++
    if (!socket.write(line)) {
      isHeldUp = await Promise.race([
        once(socket, 'drain').then(() => false),
        new Promise<boolean>((resolve) => setTimeout(() => resolve(true), 2000)),
      ])
    }
    if (sent > 5000) throw new Error('a sender is never held up')
  }
  await sendUdp(collector.udp, ...Array.from({ length: 20 }, () => '<13>lost'))
  blocked.resolve()
  socket.end()
  await until('all of TCP', () => recording.lines.length === sent)
  await until('what was lost is told', () =>
    [...recording.changes.values()].some((change) =>
      change.message.startsWith('20 syslog datagrams were dropped'),
    ),
  )
  t.true(recording.lines.every((one) => one['mesos.task.id'] === 'tcp'))
})

test('a port that is taken is told, tried again, and holds nothing else up', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  t.teardown(() => other.close())
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const collector = await open(t, openRecording(), { port, protocols: ['tcp'] })
  t.regex(
    collector.trouble() ?? '',
    new RegExp(`cannot take syslog at tcp://127.0.0.1:${port} \\(EADDRINUSE\\): stop what uses it`),
  )
  t.true(collector.through() >= 0)
})

test('what the kernel drops is read from its table', (t) => {
  const table =
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n' +
    '  12: 0100007F:158A 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 ffff 17\n' +
    '  13: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4712 2 ffff 9\n'
  t.is(
    udpDrops(0x158a, (path) => (path.endsWith('udp') ? table : undefined)),
    17,
  )
  t.is(
    udpDrops(1, () => table),
    0,
  )
  t.is(
    udpDrops(1, () => undefined),
    undefined,
  )
})

test('util-linux’ logger is understood, over both protocols and in both forms', async (t) => {
  const recording = openRecording()
  const collector = await open(t, recording)
  const run = promisify(execFile)
  const sends = ['tcp', 'udp'].flatMap((protocol) =>
    ['rfc3164', 'rfc5424'].map((form) => {
      const port = String(protocol === 'tcp' ? collector.tcp : collector.udp)
      const to = ['--server', '127.0.0.1', '--port', port, `--${protocol}`, `--${form}`]
      const what = ['--priority', 'daemon.err', '--tag', 'tool', `${protocol} ${form}`]
      return run('logger', [...to, ...what])
    }),
  )
  try {
    await Promise.all(sends)
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOENT') throw error
    return t.pass('this machine has no logger')
  }
  await until('four lines', () => recording.lines.length === 4)
  for (const line of recording.lines) {
    t.like(line, {
      'log.level': 'error',
      'mesos.task.id': 'tool',
      labels: { 'syslog.facility': 'daemon' },
    })
    t.regex(line.message, /^tool(?:\[\d+\])?: (?:tcp|udp) rfc/)
  }
})

/** Certificates as a site makes them: of an authority, of a server, and of a sender. */
function certificates(dir: string) {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' })
  const make = (name: string, ...more: string[]) =>
    openssl(
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.${more.length > 0 ? 'pem' : 'csr'}`,
      ...more,
    )
  make('authority', '-x509', '-days', '2')
  make('stranger', '-x509', '-days', '2')
  for (const name of ['server', 'sender']) {
    make(name)
    openssl(
      'x509',
      '-req',
      '-days',
      '2',
      '-in',
      `${name}.csr`,
      '-out',
      `${name}.pem`,
      '-CA',
      'authority.pem',
      '-CAkey',
      'authority.key',
      '-CAcreateserial',
    )
  }
  return (name: string) => join(dir, name)
}

test('over TLS, from senders with a certificate of ours alone', async (t) => {
  const file = certificates(await tempDir(t))
  const recording = openRecording()
  const [cert, key, ca] = [file('server.pem'), file('server.key'), file('authority.pem')]
  const collector = await open(t, recording, { protocols: ['tcp'], cert, key, ca })
  const send = async (name: string | undefined, bytes: string) => {
    const own = name && {
      cert: readFileSync(file(`${name}.pem`)),
      key: readFileSync(file(`${name}.key`)),
    }
    const socket = connectSecurely({
      port: collector.tcp,
      host: '127.0.0.1',
      ca: readFileSync(ca),
      checkServerIdentity: () => undefined,
      ...own,
    })
    socket.on('error', () => {})
    socket.end(bytes)
    await new Promise((resolve) => socket.once('close', resolve))
  }
  await send('stranger', '<14>1 2026-11-26T21:40:00Z h evil - - - unsigned\n')
  await send(undefined, '<14>1 2026-11-26T21:40:00Z h evil - - - none\n')
  await sendTcp(collector.tcp, '<14>1 2026-11-26T21:40:00Z h evil - - - plain\n')
  await send('sender', '43 <14>1 2026-11-26T21:40:00Z h app - - - good')
  await until('its line', () => recording.lines.length > 0)
  await collector.close()
  t.deepEqual(linesOf(recording), ['app: good'])
})

test('a certificate that cannot be used is a Trouble at the start', async (t) => {
  const dir = await tempDir(t)
  const cert = join(dir, 'cert.pem')
  writeFileSync(cert, 'no certificate')
  await t.throwsAsync(open(t, openRecording(), { cert, key: cert }), {
    instanceOf: Trouble,
    message: /cannot be used for syslog over TLS/,
  })
  await t.throwsAsync(open(t, openRecording(), { cert: join(dir, 'none'), key: cert }), {
    message: /none \(ENOENT\)/,
  })
})
