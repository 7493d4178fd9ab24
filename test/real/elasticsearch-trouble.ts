import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { once } from 'node:events'
import test, { type ExecutionContext } from 'ava'
import { manualClock, pause } from '../../pipeline/clock.ts'
import { isRetryable, Trouble } from '../../pipeline/errors.ts'
import type { DeadLetter } from '../../pipeline/event.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { decodeDocs, toBusRecord } from '../../pipeline/record.ts'
import { openElasticsearchStore } from '../../pipeline/store/elasticsearch.ts'
import type { DocClass, Store, StoredDoc } from '../../pipeline/store/store.ts'
import { openDocIndexer } from '../../processors/index-docs.ts'
import { openIndexer } from '../../processors/index-lines.ts'
import { openRedrive } from '../../processors/redrive.ts'
import { openCatalog } from '../../processors/resolve.ts'
import { dayMs, docsOf, inOrder, iso, messages, noon, openSource } from '../contracts/lines.ts'
import { searchAll } from '../contracts/store-subject.ts'
import { rejection, until } from '../contracts/suite.ts'
import { openBus } from '../helpers/pipeline.ts'
import type { ElasticsearchServer } from '../servers/elasticsearch.ts'
import { ask, onOneNode, openElasticsearchSubject } from './elasticsearch-subject.ts'

const clock = manualClock(noon + 4 * dayMs)
const minutes = 60_000

/** What befalls a real Elasticsearch: it is killed, its indices are closed to writing, or are not as we would make them. */
export function troubleTests(serverOf: () => ElasticsearchServer): void {
  async function openSubject(t: ExecutionContext, prefix: string) {
    const subject = await openElasticsearchSubject(serverOf().url, { prefix })
    t.teardown(subject.clean)
    return subject
  }

  test.serial('killed while lines are appended: none is lost, none is there twice', async (t) => {
    t.timeout(10 * minutes)
    const subject = await openSubject(t, 'killed')
    const { store } = subject
    const sources = ['c1:o', 'c2:o', 'c3:e'].map((name) => openSource(name, { service: 'web' }))
    let appended = 0
    let failures = 0
    const more = { going: true }

    /** As the indexer does it: what was not acknowledged is appended again. */
    async function writer(source: (typeof sources)[number]): Promise<void> {
      for (let n = 0; more.going || n < 5; n++) {
        const records = [
          source.tick(50, noon + n * 100_000),
          source.tick(50, noon + n * 100_000 + 50_000),
        ]
        for (;;) {
          const result = await store.appendLogs(records).catch((error: unknown) => {
            if (!isRetryable(error)) throw error
            failures++
            return undefined
          })
          if (result) {
            t.deepEqual(result.rejected, [])
            break
          }
          await pause(50)
        }
        appended += 100
      }
    }

    const writers = Promise.all(sources.map(writer))
    await until('lines before the kill', () => appended >= 3000, 2 * minutes)
    await serverOf().kill()
    const atKill = appended
    await serverOf().start()
    await until('lines behind the kill', () => appended >= atKill + 3000, 2 * minutes)
    more.going = false
    await writers
    await subject.settle?.()
    const { total } = await store.histogram({}, dayMs)
    t.is(total, appended, `${failures} calls failed and were made again`)
    t.deepEqual((await store.audit({})).gaps, [])
    const found = await searchAll(store, { services: ['web'], limit: 2000, order: 'asc' })
    t.is(new Set(found.map((doc) => doc['event.id'])).size, appended)
  })

  for (const block of ['write', 'read_only', 'read_only_allow_delete']) {
    test.serial(
      `an index blocked by ${block} is told with the reason, and nothing is lost`,
      async (t) => {
        const subject = await openSubject(t, 'blocked')
        const { store } = subject
        const source = openSource('c1:o', { service: 'web' })
        await store.appendLogs([source.tick(3)])
        const path = '/blocked-logs-default-2026.11.22/_settings'
        await ask(serverOf().url, 'PUT', path, { [`index.blocks.${block}`]: true })
        const record = source.tick(3, noon + 5000)
        const error = await rejection(t, store.appendLogs([record]))
        t.true(error instanceof Trouble && isRetryable(error))
        t.regex(error.message, /takes no writes for blocked-logs-default-2026\.11\.22: /)
        t.regex((error as Trouble).remedy ?? '', /disk/)
        await ask(serverOf().url, 'PUT', path, { [`index.blocks.${block}`]: null })
        t.is((await store.appendLogs([record])).stored, 3)
        await subject.settle?.()
        t.is((await store.search({})).hits.length, 6)
      },
    )
  }

  test.serial(
    'a line that disagrees with a foreign index is rejected alone, with the reason',
    async (t) => {
      const subject = await openSubject(t, 'foreign')
      await ask(serverOf().url, 'PUT', '/foreign-logs-default-2026.11.22', {
        settings: { 'index.mapping.ignore_malformed': false },
        mappings: { properties: { message: { type: 'long' } } },
      })
      const record = openSource('c1:o', { service: 'web' }).write(
        { message: '1' },
        { message: 'two' },
        { message: '3' },
      )
      const { stored, rejected } = await subject.store.appendLogs([record])
      t.is(stored, 2)
      t.is(rejected.length, 1)
      t.deepEqual(messages(decodeDocs(rejected[0]?.record ?? record)), ['two'])
      t.regex(rejected[0]?.reason ?? '', /message/)
    },
  )

  test.serial(
    'documents that disagree about a field, or are too deep, come back as they were',
    async (t) => {
      const subject = await openSubject(t, 'disagreeing')
      const { store } = subject
      const doc = (id: string, more: Record<string, unknown>): StoredDoc => ({
        '@timestamp': iso(noon),
        'event.id': id,
        'event.kind': 'container',
        'event.action': 'died',
        message: `killed ${id}`,
        'service.name': 'web',
        ...more,
      })
      let deep: unknown = 'bottom'
      for (let i = 0; i < 60; i++) deep = { deeper: deep }
      const given = [
        doc('a', { process: { exit_code: 1 } }),
        doc('b', { process: 'a text', host: 'a text where others have an object' }),
        doc('c', { labels: 'no object' }),
        doc('d', { labels: { deep } }),
        doc('e', { labels: { 'a\0b': 'x' } }),
        doc('f', { [`x${'y'.repeat(40_000)}`]: 1, labels: { long: 'z'.repeat(40_000) } }),
        doc('g'.repeat(600), {}),
        ...Array.from({ length: 30 }, (_, i) =>
          doc(
            `m${i}`,
            Object.fromEntries(
              Array.from({ length: 100 }, (_, k) => [`field_${i}_${k}`, i % 2 ? k : { k }]),
            ),
          ),
        ),
      ]
      await store.putDocs('changes', given)
      await store.putDocs('changes', given)
      await subject.settle?.()
      const found = await store.docs('changes', { services: ['web'], query: 'killed', limit: 1000 })
      const byId = (docs: StoredDoc[]) =>
        docs.toSorted((x, y) => (x['event.id'] < y['event.id'] ? -1 : 1))
      const ids = (docs: StoredDoc[]) => byId(docs).map((one) => one['event.id'])
      t.deepEqual(ids(found), ids(given))
      t.true(isDeepStrictEqual(byId(found), byId(given)))
      t.deepEqual(await store.docs('dead', {}), [])
      const mapping = await ask(serverOf().url, 'GET', '/disagreeing-changes/_mapping')
      t.notRegex(JSON.stringify(mapping), /field_0_1/, 'no field was made')
    },
  )

  test.serial(
    'a document of an impossible day becomes a dead letter, its neighbours are stored',
    async (t) => {
      const subject = await openSubject(t, 'impossible')
      const { store } = subject
      const change = (at: number): StoredDoc => ({
        '@timestamp': iso(at),
        'event.id': `change:${at}`,
        'event.kind': 'container',
        'event.action': 'died',
        message: 'exit code 1',
      })
      await store.putDocs('changes', [change(noon), change(noon - 3000 * dayMs)])
      await subject.settle?.()
      t.deepEqual(await store.docs('changes', {}), [change(noon)])
      const [letter] = await store.docs('dead', {})
      t.regex(String(letter?.['reason']), /^older than 366 days: 2018-/)
      t.deepEqual(JSON.parse(String(letter?.['sample'])), change(noon - 3000 * dayMs))
    },
  )

  test.serial(
    'what was refused is given back once the cause is mended, and is there once',
    async (t) => {
      const bus = await openBus(t)
      const wide = await openSubject(t, 'redriven')
      const narrow = await openElasticsearchSubject(serverOf().url, {
        prefix: 'redriven',
        pastDays: 1,
      })
      // That of the stores.
      const now = manualClock(noon + 10 * dayMs)
      const common = { bus, clock: now, metrics: openMetrics(), log: silentLog }
      async function openParts(store: Store) {
        const catalog = await openCatalog({ bus, store, patienceMs: 0 })
        const parts = [
          openIndexer({ ...common, store, catalog }),
          openDocIndexer({ ...common, store }),
          catalog,
        ]
        const close = () => Promise.all(parts.map((part) => part.close()))
        t.teardown(close)
        return { close }
      }
      const settledDocs = async (docClass: DocClass) => {
        await wide.settle?.()
        return wide.store.docs(docClass, {})
      }
      const lines = openSource('c1:o', { service: 'web' }).tick(3)
      const change = {
        '@timestamp': iso(noon),
        'event.id': 'change:1',
        'event.kind': 'container',
        'event.action': 'died',
        message: 'exit code 1',
      }
      const before = await openParts(narrow.store)
      await bus.produce('logs', [toBusRecord(lines)])
      await bus.produce('changes', [{ key: '', value: Buffer.from(JSON.stringify(change)) }])
      await until('both are refused', async () => (await settledDocs('dead')).length === 2, minutes)
      await before.close()
      await narrow.store.close()
      t.deepEqual(await wide.store.docs('changes', {}), [])

      const after = await openParts(wide.store)
      const letters = (await settledDocs('dead')) as DeadLetter[]
      const redrive = openRedrive(common)
      await redrive(letters, 'me')
      await redrive(letters, 'me')
      await until(
        'both are there',
        async () =>
          (await settledDocs('changes')).length > 0 &&
          (await wide.store.search({})).hits.length > 0 &&
          (await settledDocs('dead')).every((letter) => letter['redriven'] !== undefined),
        minutes,
      )
      await after.close()
      await wide.settle?.()
      t.deepEqual((await wide.store.search({ order: 'asc' })).hits, docsOf(lines))
      t.deepEqual(await wide.store.docs('changes', {}), [change])
      t.is((await wide.store.docs('dead', {})).length, 2)
    },
  )

  test.serial('in logsdb too lines come back as they were, in their order', async (t) => {
    const subject = await openElasticsearchSubject(serverOf().url, {
      prefix: 'logsdb',
      index: { ...onOneNode, mode: 'logsdb' },
    })
    t.teardown(subject.clean)
    const identity = { service: 'web', agent: 'agent-1', labels: { team: 'a' } }
    const sources = ['c2:o', 'c1:e'].map((name) => openSource(name, identity))
    const records = sources.map((source) =>
      source.write(
        { message: '{"b":1,"a":[2,"x"]}', tags: ['b', 'a', 'b'] },
        { message: ' spaces and \0 ' },
      ),
    )
    await subject.store.appendLogs(records)
    await subject.settle?.()
    const settings = await ask(serverOf().url, 'GET', '/logsdb-logs/_settings')
    t.regex(JSON.stringify(settings), /"mode":"logsdb"/)
    const { hits } = await subject.store.search({ order: 'asc', query: 'spaces OR x' })
    t.deepEqual(hits, inOrder(docsOf(...records)))
    t.deepEqual(await subject.store.appendLogs(records), { stored: 0, duplicates: 4, rejected: [] })
  })

  test.serial('what was acknowledged is found without being asked to refresh', async (t) => {
    const subject = await openSubject(t, 'fresh')
    const source = openSource('c1:o', { service: 'web' })
    for (let n = 1; n <= 3; n++) {
      await subject.store.appendLogs([source.tick(2, noon + n * 5000)])
      await until('the lines', async () => (await subject.store.search({})).hits.length === n * 2)
    }
    t.pass()
  })

  test.serial(
    'opened by several at once, and again with the templates of a newer version',
    async (t) => {
      const prefix = 'several'
      const open = () =>
        openElasticsearchStore({
          connection: { urls: [serverOf().url] },
          clock,
          prefix,
          index: onOneNode,
        })
      const stores = await Promise.all([open(), open(), open()])
      const source = openSource('c1:o', { service: 'web' })
      const record = source.tick(5)
      const results = await Promise.all(stores.map((store) => store.appendLogs([record])))
      t.is(
        results.reduce((sum, { stored }) => sum + stored, 0),
        5,
      )
      t.is(
        results.reduce((sum, { duplicates }) => sum + duplicates, 0),
        10,
      )
      await Promise.all(stores.map((store) => store.close()))
      const path = `/_index_template/${prefix}-logs`
      const newer = { index_patterns: [`${prefix}-logs-*`], priority: 500, version: 999 }
      await ask(serverOf().url, 'PUT', path, newer)
      const again = await openElasticsearchSubject(serverOf().url, { prefix })
      t.teardown(again.clean)
      const after = JSON.stringify(await ask(serverOf().url, 'GET', path))
      t.regex(after, /"version":999/)
    },
  )

  /** A server certificate for 127.0.0.1 and the authority that signed it: itself. */
  function makeCertificate(t: ExecutionContext): { key: string; cert: string } {
    const dir = mkdtempSync(join(tmpdir(), 'mesoscope-tls-'))
    t.teardown(() => rmSync(dir, { recursive: true }))
    const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')]
    execFileSync(
      'openssl',
      // prettier-ignore
      ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1',
     '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert],
      { stdio: 'ignore' },
    )
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
  }

  /** TLS and a login in front of the server, whose own are switched off in this distribution. */
  async function openGuard(t: ExecutionContext, tls: { key: string; cert: string }, login: string) {
    const guard = https.createServer(tls, (request, response) => {
      if (request.headers.authorization !== login) {
        const error = { type: 'security_exception', reason: 'missing authentication credentials' }
        response.writeHead(401, {
          'content-type': 'application/json',
          'x-elastic-product': 'Elasticsearch',
        })
        response.end(JSON.stringify({ error, status: 401 }))
        return
      }
      const { method, url, headers } = request
      const behind = http.request(`${serverOf().url}${url}`, { method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      })
      behind.on('error', () => response.destroy())
      request.pipe(behind)
    })
    guard.listen(0, '127.0.0.1')
    await once(guard, 'listening')
    t.teardown(() => {
      guard.closeAllConnections()
      guard.close()
    })
    return `https://127.0.0.1:${(guard.address() as AddressInfo).port}`
  }

  const logins: [title: string, login: object, header: string][] = [
    ['an API key', { apiKey: 'a2V5OnNlY3JldA==' }, 'ApiKey a2V5OnNlY3JldA=='],
    [
      'a password',
      { username: 'mesoscope', password: 'secret' },
      `Basic ${Buffer.from('mesoscope:secret').toString('base64')}`,
    ],
  ]

  for (const [title, login, header] of logins) {
    test.serial(
      `over TLS with ${title}; without, or with another authority, it is refused`,
      async (t) => {
        const tls = makeCertificate(t)
        const url = await openGuard(t, tls, header)
        const open = (connection: object) =>
          openElasticsearchSubject(serverOf().url, {
            prefix: 'guarded',
            connection: { urls: [url], ...connection },
          })
        const subject = await open({ ca: tls.cert, ...login })
        t.teardown(subject.clean)
        const record = openSource('c1:o', { service: 'web' }).tick(3)
        t.is((await subject.store.appendLogs([record])).stored, 3)
        await subject.settle?.()
        t.deepEqual((await subject.store.search({ order: 'asc' })).hits, decodeDocs(record))
        const stranger = await rejection(t, open({ ca: tls.cert }))
        t.regex(stranger.message, /does not let us in/)
        t.false(isRetryable(stranger))
        const unknown = await rejection(t, open({ ca: makeCertificate(t).cert, ...login }))
        t.regex(unknown.message, /certificate/)
      },
    )
  }
}
