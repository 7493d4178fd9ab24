import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { accessMark, parseAccessLine, type AccessLine } from '../../pipeline/access-line.ts'
import { sharedDir } from '../helpers/shared.ts'

const time = '[22/Nov/2026:18:25:51 +0000]'
const plain = { client: '203.0.113.9', method: 'GET', path: '/', protocol: 'HTTP/1.1', status: 200 }

const lines: [what: string, line: string, expected: AccessLine][] = [
  [
    'the common format',
    `203.0.113.9 - - ${time} "GET / HTTP/1.1" 200 571`,
    { ...plain, bytes: 571 },
  ],
  [
    'the combined format',
    `203.0.113.9 - ada ${time} "GET / HTTP/1.1" 200 571 "https://shop/" "curl/8"`,
    { ...plain, user: 'ada', bytes: 571, referer: 'https://shop/', user_agent: 'curl/8' },
  ],
  ['an ident', `203.0.113.9 ident - ${time} "GET / HTTP/1.1" 200 571`, { ...plain, bytes: 571 }],
  ['no size', `203.0.113.9 - - ${time} "GET / HTTP/1.1" 200 -`, plain],
  ['no size at all', `203.0.113.9 - - ${time} "GET / HTTP/1.1" 200`, plain],
  ['dashes', `203.0.113.9 - - ${time} "GET / HTTP/1.1" 200 0 "-" "-"`, { ...plain, bytes: 0 }],
  [
    'a user agent alone',
    `203.0.113.9 - - ${time} "GET / HTTP/1.1" 200 0 "-" "a b"`,
    { ...plain, bytes: 0, user_agent: 'a b' },
  ],
  [
    'more behind it',
    `203.0.113.9 - - ${time} "GET / HTTP/1.1" 200 5 "-" "x" "10.0.0.1" rt=0.005 uct="0.000"`,
    { ...plain, bytes: 5, user_agent: 'x' },
  ],
  [
    'a virtual host before it',
    `shop.example:443 203.0.113.9 - - ${time} "GET / HTTP/1.1" 200 5`,
    { ...plain, bytes: 5 },
  ],
  [
    'a syslog head before it',
    `<190>Nov 22 18:25:51 web-1 nginx[7]: 203.0.113.9 - - ${time} "GET / HTTP/1.1" 200 5`,
    { ...plain, bytes: 5 },
  ],
  [
    'forwarded addresses before it',
    `10.0.0.2, 10.0.0.1, 203.0.113.9 - - ${time} "GET / HTTP/1.1" 200 5`,
    { ...plain, bytes: 5 },
  ],
  [
    'an ISO time',
    '203.0.113.9 - - [2026-11-22T18:25:51+00:00] "GET / HTTP/1.1" 200 5',
    { ...plain, bytes: 5 },
  ],
  [
    'an address of IPv6',
    `2001:db8::7 - - ${time} "GET / HTTP/1.1" 200 5`,
    { ...plain, client: '2001:db8::7', bytes: 5 },
  ],
  [
    'a query, which is no part of the path',
    `203.0.113.9 - - ${time} "GET /a/b?c=/d?e HTTP/1.1" 200 5`,
    { ...plain, path: '/a/b', bytes: 5 },
  ],
  [
    'a path with spaces',
    `203.0.113.9 - - ${time} "GET /a b c HTTP/1.1" 200 5`,
    { ...plain, path: '/a b c', bytes: 5 },
  ],
  [
    'a whole address',
    `203.0.113.9 - - ${time} "GET http://shop.example/a HTTP/1.1" 200 5`,
    { ...plain, path: 'http://shop.example/a', bytes: 5 },
  ],
  [
    'HTTP/2',
    `203.0.113.9 - - ${time} "M-SEARCH * HTTP/2" 207 5`,
    { ...plain, method: 'M-SEARCH', path: '*', protocol: 'HTTP/2', status: 207, bytes: 5 },
  ],
  [
    'escaped quotes, as Apache writes them',
    `203.0.113.9 - - ${time} "GET /\\"a\\" HTTP/1.1" 200 5 "say \\"hi\\"" "back\\\\"`,
    { ...plain, path: '/\\"a\\"', bytes: 5, referer: 'say \\"hi\\"', user_agent: 'back\\\\' },
  ],
  [
    'escaped quotes, as nginx writes them',
    `203.0.113.9 - - ${time} "GET /\\x22a HTTP/1.1" 200 5`,
    { ...plain, path: '/\\x22a', bytes: 5 },
  ],
  [
    'a request that is none',
    `203.0.113.9 - - ${time} "\\x16\\x03\\x01 \\x00" 400 150 "-" "-"`,
    { client: '203.0.113.9', status: 400, bytes: 150 },
  ],
  [
    'no request',
    `203.0.113.9 - - ${time} "" 400 0`,
    { client: '203.0.113.9', status: 400, bytes: 0 },
  ],
  [
    'a quote that is left open',
    `203.0.113.9 - - ${time} "GET / HTTP/1.1" 200 5 "https://cut`,
    { ...plain, bytes: 5 },
  ],
  [
    'something like one before it',
    `[notice] "seen" 203.0.113.9 - - ${time} "GET / HTTP/1.1" 200 5`,
    { ...plain, bytes: 5 },
  ],
  ['a line end', `203.0.113.9 - - ${time} "GET / HTTP/1.1" 200 5\r`, { ...plain, bytes: 5 }],
]
for (const [what, line, expected] of lines) {
  test(`an access line with ${what}`, (t) => {
    t.deepEqual(parseAccessLine(line), expected)
    t.true(JSON.stringify(line).includes(accessMark), 'the mark stands in it')
  })
}

const others = [
  '',
  'GET / HTTP/1.1',
  '"GET / HTTP/1.1" 200 5',
  `${time} "GET / HTTP/1.1" 200 5`,
  `x ${time} "GET / HTTP/1.1" 200 5`,
  `203.0.113.9 - - ${time} "GET / HTTP/1.1"`,
  `203.0.113.9 - - ${time} "GET / HTTP/1.1" ok`,
  `203.0.113.9 - - ${time} "GET / HTTP/1.1" 20 5`,
  `203.0.113.9 - - ${time} "GET / HTTP/1.1" 2000`,
  `203.0.113.9 - - ${time} "GET / HTTP/1.1`,
  '203.0.113.9 - - [now] "GET / HTTP/1.1" 200 5',
  `203.0.113.9 - - [1${'0'.repeat(100)}] "GET / HTTP/1.1" 200 5`,
  '2016/10/25 14:49:34 [error] 5#0: *1 open() "/x" failed, request: "GET / HTTP/1.1", host: "h"',
  'Feb 25 16:19:49 h haproxy[7]: 10.0.0.1:5 [25/Feb/2019:16:19:48.143] in~ bk/a 0/0/7 200 11 "GET / HTTP/1.1"',
]
for (const line of others) {
  test(`no access line: ${line.slice(0, 80)}`, (t) => {
    t.is(parseAccessLine(line), undefined)
  })
}

const hostile: [what: string, line: string][] = [
  ['marks of requests', '] "'.repeat(90_000)],
  ['requests', ` ${time} "GET / HTTP/1.1" 200 5`.repeat(6000)],
  ['answers without a time', 'a - - ] "" 200 5'.repeat(16_000)],
  ['times', ' [1] "'.repeat(40_000)],
  ['escaped quotes', `a - - ${time} "${'\\"'.repeat(120_000)}`],
  ['backslashes', `a - - ${time} "${'\\'.repeat(250_000)}`],
  ['spaces', `${' '.repeat(250_000)}${time} "GET / HTTP/1.1" 200 5`],
  ['digits', `a - - ${time} "GET / HTTP/1.1" 200 ${'5'.repeat(250_000)}`],
  ['capitals', `a - - ${time} "${'A'.repeat(250_000)} / HTTP/1.1" 200 5`],
  ['a long name', `${'x'.repeat(250_000)} - - ${time} "GET / HTTP/1.1" x`],
]
for (const [what, line] of hostile) {
  test(`a quarter of a megabyte of ${what} takes no time to speak of`, (t) => {
    const begun = performance.now()
    for (let i = 0; i < 5; i++) parseAccessLine(line)
    const ms = (performance.now() - begun) / 5
    t.true(ms < 250, `${ms} ms; quadratic would be minutes`)
  })
}

const shared = sharedDir()
const fixtures: [file: string, statuses: number[], clients: string[]][] = [
  [
    'beats/nginx_access.log',
    [200, 404, 200, 200, 200, 404, 400],
    [
      '127.0.0.1',
      '172.17.0.1',
      '85.181.35.98',
      '85.181.35.98',
      '10.2.1.185',
      '10.2.2.121',
      '127.0.0.1',
    ],
  ],
  ['lnav/logfile_access_log.0', [200, 404, 200], Array(3).fill('192.168.202.254') as string[]],
  ['beats/nginx_error.log', [], []],
  ['lnav/logfile_haproxy.0', [], []],
]
for (const [file, statuses, clients] of fixtures) {
  const title = `the access lines of ${file} are read`
  if (!shared) {
    test.skip(`${title}: there is no shared folder`, () => {})
    continue
  }
  test(title, (t) => {
    const text = readFileSync(join(shared, 'fixtures/logs', file), 'utf8')
    const found = text.split('\n').flatMap((line) => parseAccessLine(line) ?? [])
    t.deepEqual(
      found.map(({ status }) => status),
      statuses,
    )
    t.deepEqual(
      found.map(({ client }) => client),
      clients,
    )
    for (const { method, path, protocol } of found.filter(({ status }) => status !== 400)) {
      t.is(method, 'GET')
      t.true(path?.startsWith('/') && !path.includes('?'))
      t.regex(protocol ?? '', /^HTTP\/1\.[01]$/)
    }
  })
}
