import test from 'ava'

/** The page's modules are plain JavaScript for browsers; these two need none. */
const load = (name: string) =>
  import(new URL(`../../dashboards/page/${name}`, import.meta.url).href)
const text = await load('text.js')
const time = await load('time.js')

const shown: [sentence: string, from: string, to: string][] = [
  ['colours are taken out', '\u001b[1;31mred\u001b[0m alert', 'red alert'],
  ['titles are taken out', '\u001b]0;owned\u0007done', 'done'],
  ['a bell is visible', 'ding\u0007', 'ding⟨07⟩'],
  ['a lone escape is visible', 'a\u001bz', 'a⟨1B⟩z'],
  ['NUL is visible', 'a\u0000b', 'a⟨00⟩b'],
  ['text cannot be reordered', 'a\u202egnp.exe', 'a⟨U+202E⟩gnp.exe'],
  ['tabs and newlines stay', 'a\tb\nc', 'a\tb\nc'],
  ['the carriage return of a line’s end goes', 'a\r\nb\r', 'a\nb'],
  ['markup is only text', '<b onclick="x">', '<b onclick="x">'],
]
for (const [sentence, from, to] of shown) test(sentence, (t) => t.is(text.visible(from), to))

test('words of a query are marked as whole words', (t) => {
  t.deepEqual(text.wordsOf('timeout AND NOT "no route" level:error a* (cart)'), [
    'timeout',
    'no route',
    'cart',
  ])
  t.deepEqual(text.marked('Item 5 of items', ['item']), ['', 'Item', ' 5 of items'])
  t.deepEqual(text.marked('a.b (x)', ['a.b']), ['', 'a.b', ' (x)'])
})

test('only links to pages become links', (t) => {
  Object.assign(globalThis, { location: { origin: 'http://127.0.0.1:1' } })
  t.is(text.safeLink('https://wiki.test/x'), 'https://wiki.test/x')
  t.is(text.safeLink('http://127.0.0.1:1/#/logs?service=a'), '#/logs?service=a')
  t.is(text.safeLink('javascript:alert(1)'), undefined)
  t.is(text.safeLink('data:text/html,x'), undefined)
  t.is(text.safeLink('wiki'), undefined)
})

test('instances are told apart by the uuid’s first part', (t) => {
  t.is(text.shortTask('shop_web.8c1e2f3a-7f2e-11f0-b5a4-0242ac110002'), '8c1e2f3a')
  t.is(text.shortTask('shop_web.instance-9d1e2f3a-7f2e-11f0-b5a4-0242ac110002._app.1'), '9d1e2f3a')
  t.is(
    text.shortTask('shop_web.instance-9d1e2f3a-7f2e-11f0-b5a4-0242ac110002._app.2'),
    '9d1e2f3a.2',
  )
  t.is(text.shortTask('ct:1795655195454:0:batch-report:'), 'ct:1795655195454')
  t.is(text.shortTask('web-1'), 'web-1')
  t.is(text.shortTask('a-very-long-container-name'), '…-container-name')
})

test('ages and amounts as people say them', (t) => {
  t.deepEqual([400, 42_000, 300_000, 7_200_000, 200_000_000].map(time.span), [
    '0 s',
    '42 s',
    '5 min',
    '2 h',
    '2 d',
  ])
  t.deepEqual([7, 1234, 52_300, 4_200_000].map(text.amount), ['7', '1,234', '52 k', '4.2 M'])
})
