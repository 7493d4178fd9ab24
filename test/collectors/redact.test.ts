import test from 'ava'
import { fromLatin1, toLatin1 } from '../../collectors/bytes.ts'
import { openRedactor } from '../../collectors/redact.ts'
import { Trouble } from '../../pipeline/errors.ts'

const escape = (text: string) => toLatin1(JSON.stringify(text).slice(1, -1))
const unescape = (escaped: string) => JSON.parse(`"${fromLatin1(escaped)}"`) as string

/** As in the program: only what the scan marks is looked at. */
function redact(text: string, patterns: string[] = []) {
  const redactor = openRedactor({ enabled: true, patterns })
  const escaped = escape(text)
  const marks = redactor.scan(escaped)
  if (marks !== 'every' && marks.length === 0) return text
  return unescape(redactor.redact(escaped))
}

const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9'
const key = '-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc=\n-----END RSA PRIVATE KEY-----'

const secrets: [string, string][] = [
  ['login password=hunter2 ok', 'login password=[redacted] ok'],
  ['passwd: hunter2, user: bob', 'passwd: [redacted], user: bob'],
  ['DB_PASSWORD=hunter2', 'DB_PASSWORD=[redacted]'],
  ['DB_PASS=hunter2 x', 'DB_PASS=[redacted] x'],
  ['PGPASSWORD=hunter2', 'PGPASSWORD=[redacted]'],
  ['user=a,password=hunter2,host=b', 'user=a,password=[redacted],host=b'],
  ['password=pa,ss end', 'password=[redacted] end'],
  ['login(password=hunter2) done', 'login(password=[redacted]) done'],
  ['pwd=hunter2&user=x', 'pwd=[redacted]&user=x'],
  ['password = "two words" rest', 'password = "[redacted]" rest'],
  ["password='two words' rest", "password='[redacted]' rest"],
  ['password="half open rest', 'password="[redacted] open rest'],
  ['{"password":"hunter2","user":"bob"}', '{"password":"[redacted]","user":"bob"}'],
  ['{"password": "hun\\"ter2", "user":"bob"}', '{"password": "[redacted]", "user":"bob"}'],
  [
    '{"msg":"{\\"password\\":\\"hunter2\\",\\"n\\":1}"}',
    '{"msg":"{\\"password\\":\\"[redacted]\\",\\"n\\":1}"}',
  ],
  [
    '{"clientSecret":"s3","apiKey":"k3","access_token":"t3"}',
    '{"clientSecret":"[redacted]","apiKey":"[redacted]","access_token":"[redacted]"}',
  ],
  ['password:\thunter2', 'password:\t[redacted]'],
  ['password: häslö€ x', 'password: [redacted] x'],
  ['GET https://bob:hunter2@example.org/x', 'GET https://bob:[redacted]@example.org/x'],
  ['GET https:\\/\\/bob:hunter2@example.org', 'GET https:\\/\\/bob:[redacted]@example.org'],
  ['redis://:hunter2@cache:6379', 'redis://:[redacted]@cache:6379'],
  ['run --password hunter2 --user bob', 'run --password [redacted] --user bob'],
  ['run --db-password=hunter2 -v', 'run --db-password=[redacted] -v'],
  ['Authorization: Bearer abc.def-123', 'Authorization: Bearer [redacted]'],
  ['"authorization":"Basic Ym9iOmh1bnRlcjI=","x":1', '"authorization":"Basic [redacted]","x":1'],
  ['sent bearer abcdef0123456789 to x', 'sent bearer [redacted] to x'],
  ['sent Basic Ym9iOmh1bnRlcjI= to x', 'sent Basic [redacted] to x'],
  [`session ${jwt} started`, 'session [redacted] started'],
  ['X-Api-Key: 12345 sent', 'X-Api-Key: [redacted] sent'],
  ['api_key=abc', 'api_key=[redacted]'],
  ['token: abc', 'token: [redacted]'],
  ['using AKIAIOSFODNN7EXAMPLE now', 'using [redacted] now'],
  [
    'aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    'aws_secret_access_key = [redacted]',
  ],
  ['push with ghp_abcdefghijklmnopqrstuvwxyz0123456789', 'push with [redacted]'],
  ['slack xoxb-123456789012-abcdefghijkl', 'slack [redacted]'],
  [`a key: ${key} loaded`, 'a key: -----BEGIN RSA PRIVATE KEY-----[redacted] loaded'],
  ['-----BEGIN PRIVATE KEY-----\nMIIE without end', '-----BEGIN PRIVATE KEY-----[redacted]'],
]

for (const [text, wanted] of secrets) {
  test(`hidden: ${JSON.stringify(text.slice(0, 80))}`, (t) => {
    t.is(redact(text), wanted)
    t.is(redact(wanted), wanted, 'doing it again changes nothing')
  })
}

const harmless = [
  'tokens used: 5',
  'max_tokens=4096',
  'password reset requested',
  'password: null',
  '{"password":"","token":null}',
  'token=[redacted]',
  'token ***',
  'secretName: tls-cert',
  'bearer authentication required',
  'Basic authentication failed for bob',
  'com.shop.auth.TokenFilter: done',
  'mail to bob@example.org from http://example.org/a:b',
  'https://example.org/path/@user',
  'passed=12 failed=0',
  'api keys rotated',
  'author: bob',
  '-----BEGIN CERTIFICATE-----',
  'eyJ is not a token',
]

for (const text of harmless) {
  test(`left alone: ${text}`, (t) => {
    t.is(redact(text), text)
  })
}

test('off: nothing is marked or changed', (t) => {
  const redactor = openRedactor({ enabled: false, patterns: ['x'] })
  t.deepEqual(redactor.scan('password=x'), [])
  t.is(redactor.redact('password=x'), 'password=x')
})

test("the user's patterns see the text as it was written, and their groups are what is replaced", (t) => {
  t.is(
    redact('card 4111-1111 of "Zoë"', ['\\d{4}-\\d{4}', '"(.*ë)"']),
    'card [redacted] of "[redacted]"',
  )
  t.is(redact('nothing', ['\\d']), 'nothing')
  t.is(redact('lone \ud800 and 7', ['\\d']), 'lone \ud800 and [redacted]')
  t.is(openRedactor({ enabled: true, patterns: ['x'] }).scan('abc'), 'every')
})

test('a pattern that cannot be used is named', (t) => {
  const error = t.throws(() => openRedactor({ enabled: true, patterns: ['a', '(?<=x)y('] }), {
    instanceOf: Trouble,
  })
  t.true(error.message.includes('(?<=x)y('))
})

test('changed texts are counted', (t) => {
  const redactor = openRedactor({ enabled: true, patterns: [] })
  for (const text of ['password=a', 'nothing', 'token=b']) redactor.redact(text)
  t.is(redactor.count(), 2)
})

test('hostile input of 256 KiB stays valid JSON and takes no minutes', (t) => {
  const parts = [
    'password=', 'pwd=\\"', 'pwd=\\"\\\\\\"', 'eyJ-eyJ-', 'eyJ', '://a:', '://', ':\\/\\/', 'a:b@', '://a:b@', 'Bearer ',
    '-----BEGIN PRIVATE KEY-----', '-----BEGIN ', '--a-a-a-', 'token = ', 'secret', 'password=,', 'password=a,b', 'AKIA', 'ghp_', '\\\\', '\\u0026',
  ] // prettier-ignore
  for (const part of parts) {
    const text = part.repeat(Math.floor((256 * 1024) / part.length))
    const redactor = openRedactor({ enabled: true, patterns: [] })
    redactor.scan(text)
    t.notThrows(() => unescape(redactor.redact(text)), part)
  }
})
