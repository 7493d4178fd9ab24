import { readFileSync } from 'node:fs'
import { crc32, gunzipSync } from 'node:zlib'
import test from 'ava'
import fc from 'fast-check'
import { openCipher } from '../../../../alerting/channels/nagios/cipher.ts'
import {
  encodePacket,
  packetBytes,
  readHello,
} from '../../../../alerting/channels/nagios/packet.ts'
import { reencode, type Connection } from './reencode.ts'

interface Capture extends Omit<Connection, 'hello'> {
  sent: string
}

const fixture = new URL('../../../fixtures/nsca/send-nsca.json', import.meta.url)
const { hello: said, captures } = JSON.parse(readFileSync(fixture, 'utf8')) as {
  hello: string
  captures: Capture[]
}
const hello = Buffer.from(said, 'hex')
const { iv, timestamp } = readHello(hello)
const results = [
  {
    host: 'mesoscope',
    service: 'HighErrorRate /shop/web',
    code: 2,
    output: 'errors 7.2/s é 🚨',
  },
  { host: 'mesoscope', code: 1, output: 'host is down' },
]

for (const { encryption, outputBytes, password, sent } of captures) {
  test(`method ${encryption}, ${outputBytes} bytes: what send_nsca sends, byte by byte`, (t) => {
    const wire = gunzipSync(Buffer.from(sent, 'base64'))
    t.is(wire.length, packetBytes(outputBytes) * results.length)
    t.deepEqual(reencode(wire, results, { hello, encryption, password, outputBytes }), wire)
  })
}

test('another password makes other bytes', (t) => {
  const packet = Buffer.alloc(packetBytes(4096))
  for (const method of [1, 2, 3, 14] as const) {
    t.notDeepEqual(openCipher(method, 'a', iv)(packet), openCipher(method, 'b', iv)(packet))
  }
  t.is(openCipher(0, 'a', iv)(packet), packet)
})

test('without a password XOR has the IV alone', (t) => {
  const packet = Buffer.alloc(packetBytes(512))
  t.deepEqual(openCipher(1, '', iv)(packet).subarray(0, 128), iv)
})

/** A text as a C program finds it there. */
function textAt(packet: Buffer, offset: number, size: number): string {
  const field = packet.subarray(offset, offset + size)
  const end = field.indexOf(0)
  return new TextDecoder('utf-8', { fatal: true }).decode(field.subarray(0, end))
}

test('texts end within their fields and between characters, whatever they are', (t) => {
  const text = fc.string({ unit: 'binary', maxLength: 1500 })
  const padding = Buffer.alloc(packetBytes(512), 0x41)
  fc.assert(
    fc.property(text, text, text, fc.integer({ min: 0, max: 3 }), (host, service, output, code) => {
      const packet = encodePacket({ host, service, output, code }, timestamp, padding)
      t.is(packet.length, 720)
      const found = [textAt(packet, 14, 64), textAt(packet, 78, 128), textAt(packet, 206, 512)]
      for (const [i, whole] of [host, service, output].entries()) {
        t.true((whole.split('\0')[0] ?? '').startsWith(found[i] ?? '-'))
      }
      t.is(packet.readInt16BE(12), code)
      const crc = packet.readUInt32BE(4)
      packet.writeUInt32BE(0, 4)
      t.is(crc32(packet), crc)
    }),
    { numRuns: 60 },
  )
})

test('a text as long as its field gives room to the zero; one that fits stays whole', (t) => {
  const padding = Buffer.alloc(packetBytes(4096), 0x41)
  const of = (host: string) => encodePacket({ host, code: 0, output: '' }, timestamp, padding)
  t.is(textAt(of('h'.repeat(64)), 14, 64), 'h'.repeat(63))
  t.is(textAt(of('h'.repeat(63)), 14, 64), 'h'.repeat(63))
  // The 63 bytes have room for 31 of two bytes each, and not for half of another.
  t.is(textAt(of('é'.repeat(40)), 14, 64), 'é'.repeat(31))
  t.is(textAt(of('🚨'.repeat(40)), 14, 64), '🚨'.repeat(15))
})
