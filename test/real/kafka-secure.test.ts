import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { KafkaConnection } from '../../pipeline/bus/kafka-client.ts'
import { openKafkaBus } from '../../pipeline/bus/kafka.ts'
import { isRetryable, type Trouble } from '../../pipeline/errors.ts'
import { silentLog } from '../../pipeline/log.ts'
import { listen, produced } from '../contracts/bus-subject.ts'
import { rejection, until } from '../contracts/suite.ts'
import { startKafka, type KafkaServers } from '../servers/kafka.ts'

/* A broker that demands TLS and a login. */

const dir = mkdtempSync(join(tmpdir(), 'mesoscope-tls-'))
const file = (name: string) => join(dir, name)
const pem = (name: string) => readFileSync(file(name), 'utf8')
let servers: KafkaServers

function makeCertificates(): void {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' })
  for (const [name, subject] of [
    ['ca', '/CN=Mesoscope test CA'],
    ['other', '/CN=Somebody else'],
  ] as const) {
    const out = ['-keyout', `${name}.key`, '-out', `${name}.pem`]
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', subject, ...out)
  }
  const request = ['-keyout', 'broker.key', '-out', 'broker.csr', '-subj', '/CN=127.0.0.1']
  openssl('req', '-newkey', 'rsa:2048', '-nodes', ...request)
  writeFileSync(file('san.txt'), 'subjectAltName=IP:127.0.0.1\n')
  const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'san.txt']
  openssl('x509', '-req', '-days', '2', '-in', 'broker.csr', '-out', 'broker.pem', ...signed)
  openssl('pkcs8', '-topk8', '-nocrypt', '-in', 'broker.key', '-out', 'broker.p8')
  writeFileSync(file('keystore.pem'), pem('broker.p8') + pem('broker.pem') + pem('ca.pem'))
}

const jaas = (module: string, more = '') =>
  `org.apache.kafka.common.security.${module} required username="admin" password="admin-secret"${more};`

test.before('a broker runs that demands TLS and a login', async () => {
  makeCertificates()
  servers = await startKafka({
    protocol: 'SASL_SSL',
    scram: [
      'SCRAM-SHA-256=[name=scram,password=scram-secret]',
      'SCRAM-SHA-512=[name=scram,password=scram-secret]',
    ],
    more: {
      'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
      'listener.name.clients.plain.sasl.jaas.config': jaas(
        'plain.PlainLoginModule',
        ' user_admin="admin-secret" user_plain="plain-secret"',
      ),
      'listener.name.clients.scram-sha-256.sasl.jaas.config': jaas('scram.ScramLoginModule'),
      'listener.name.clients.scram-sha-512.sasl.jaas.config': jaas('scram.ScramLoginModule'),
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': file('keystore.pem'),
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': file('ca.pem'),
    },
  })
})

test.after.always('it ends', async () => {
  await servers?.close()
  rmSync(dir, { recursive: true, force: true })
})

let count = 0

const open = (connection: Omit<KafkaConnection, 'brokers'>) =>
  openKafkaBus({
    brokers: servers.brokers,
    prefix: `secure${++count}.`,
    replication: 1,
    log: silentLog,
    ...connection,
  })

const plain = { mechanism: 'plain', user: 'plain', password: 'plain-secret' } as const
const logins = [
  plain,
  { mechanism: 'scram-sha-256', user: 'scram', password: 'scram-secret' },
  { mechanism: 'scram-sha-512', user: 'scram', password: 'scram-secret' },
] as const

for (const sasl of logins) {
  test.serial(`over TLS with a login by ${sasl.mechanism}`, async (t) => {
    const bus = await open({ tls: { ca: pem('ca.pem') }, sasl })
    t.teardown(() => bus.close())
    const group = listen(bus, { group: 'index' })
    await bus.produce('logs', [produced('a', 'told')])
    await until('the record', () => group.seen.length === 1, 60_000)
    t.deepEqual(group.texts(), ['told'])
  })
}

test.serial('a wrong password is told, with what to correct, and not tried for ever', async (t) => {
  const error = await rejection(
    t,
    open({ tls: { ca: pem('ca.pem') }, sasl: { ...plain, password: 'wrong' } }),
  )
  t.false(isRetryable(error))
  t.regex(error.message, /authentication failed/i)
  t.regex((error as Trouble).remedy ?? '', /bus\.kafka\.password/)
  t.notRegex(error.message, /wrong/)
})

test.serial('an authority that is not trusted is told', async (t) => {
  const error = await rejection(t, open({ tls: { ca: pem('other.pem') }, sasl: plain }))
  t.false(isRetryable(error))
  t.regex((error as Trouble).remedy ?? '', /bus\.kafka\.tls, ca/)
})
