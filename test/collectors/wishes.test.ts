import test from 'ava'
import { isKept, wishesOf } from '../../collectors/wishes.ts'

const of = (labels: Record<string, string>) => wishesOf({ labels })

test('labels of Docker and of Marathon’s environment say the same', (t) => {
  t.like(of({ 'mesoscope.logs': 'false', 'mesoscope.sample': '0.25', 'mesoscope.level': 'warn' }), {
    collect: false,
    sample: 0.25,
    level: 'warn',
    faults: [],
  })
  t.like(
    of({ mesoscope_logs: 'true', mesoscope_multiline: 'false', mesoscope_spool: 'drop_oldest' }),
    {
      collect: true,
      multiline: false,
      whenFull: 'drop_oldest',
      faults: [],
    },
  )
  t.like(wishesOf({}), { collect: undefined, multiline: undefined, sample: 1, faults: [] })
})

test('what is not understood changes nothing and is told', (t) => {
  for (const [name, value, fault] of [
    ['logs', 'no', /mesoscope\.logs is not understood \(true or false is expected\): "no"/],
    ['sample', '0', /above 0, up to 1/],
    ['sample', '12%', /above 0, up to 1/],
    ['sample', '', /above 0, up to 1/],
    ['level', 'loud', /one of fatal, error/],
    ['spool', 'drop', /one of block, drop_oldest/],
    ['multiline', '^(?=x)', /not a regular expression/],
  ] as const) {
    const wishes = of({ [`mesoscope.${name}`]: value })
    t.is(wishes.faults.length, 1, name)
    t.regex(wishes.faults[0] ?? '', fault)
    t.like(wishes, { collect: undefined, multiline: undefined, level: undefined, sample: 1 })
  }
})

test('a multi-line pattern is put to the text itself, not to its escapes', (t) => {
  const begins = of({ 'mesoscope.multiline': '^(\\d{4}-|"ü")' }).multiline
  if (typeof begins !== 'function') return t.fail()
  const latin1 = (text: string) => Buffer.from(JSON.stringify(text).slice(1, -1)).toString('latin1')
  t.true(begins(latin1('2026-11-27 started')))
  t.true(begins(latin1('"ü" is a word')))
  t.false(begins(latin1('  at x')))
  t.false(begins(latin1(`${'\\'.repeat(1030)}2026-`)))
})

test('a sample keeps its share of lines below warn, all others, and decides alike each time', (t) => {
  const ids = Array.from({ length: 20_000 }, (_, n) => `c1:o:17953704005000${n}:0`)
  const kept = ids.filter((id) => isKept(0.1, 'info', id))
  t.true(kept.length > 1800 && kept.length < 2200, `${kept.length}`)
  t.deepEqual(
    ids.filter((id) => isKept(0.1, 'info', id)),
    kept,
  )
  t.is(ids.filter((id) => isKept(0.1, 'warn', id)).length, ids.length)
  t.is(ids.filter((id) => isKept(1, 'debug', id)).length, ids.length)
  const sameTime = Array.from({ length: 20_000 }, (_, n) => `c1:o:1795370400500000000:${n}`)
  const share = sameTime.filter((id) => isKept(0.1, 'info', id)).length
  t.true(share > 1800 && share < 2200, `${share}`)
})
