import test from 'ava'
import fc from 'fast-check'
import {
  cutBytes,
  outputLine,
  outputLines,
  withoutCommands,
} from '../../../../alerting/channels/nagios/output.ts'

test('a line stays one line, without performance data', (t) => {
  t.is(
    outputLine('errors 7.2/s > 5\r\n[1] DEL_ALL_SVC_COMMENTS;a;b | x=1\u0000'),
    'errors 7.2/s > 5 [1] DEL_ALL_SVC_COMMENTS:a:b ¦ x=1',
  )
  t.is(outputLines('a | b\nc\u001b[31m'), 'a ¦ b\nc')
})

test('below the first line nothing can be read as a command', (t) => {
  t.is(withoutCommands('[FIRING] a\nb [1] C;d\n[2] E'), '[FIRING] a\nb (1) C;d\n(2) E')
  t.is(withoutCommands('[FIRING] a'), '[FIRING] a')
})

test('cut to bytes: the longest beginning of whole characters that fits', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 0, max: 40 }), (text, max) => {
      const cut = cutBytes(text, max)
      t.true(text.startsWith(cut))
      t.true(Buffer.byteLength(cut) <= max)
      const next = String.fromCodePoint(text.codePointAt(cut.length) ?? 0)
      if (cut !== text) t.true(Buffer.byteLength(cut + next) > max)
    }),
  )
  t.is(cutBytes('anything', -3), '')
})
