import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import test from 'ava'
import { helloBytes } from '../../alerting/channels/nagios/packet.ts'
import { reencode } from '../alerting/channels/nagios/reencode.ts'
import { captureSendNsca, sendNsca } from '../servers/send-nsca.ts'

/* Our packets beside those of Debian's send_nsca, which gets an IV and a time that were never there before. */

test.before('there is a send_nsca', (t) => {
  if (!existsSync(sendNsca)) t.fail(`no ${sendNsca}: apt-get install nsca-client`)
})

const results = [
  { host: 'mesoscope', service: 'A /shop/web', code: 2, output: 'é 🚨' },
  { host: 'mesoscope', service: 'B', code: 0, output: 'fine' },
]
const input = results.map((each) => `${Object.values(each).join('\t')}\x17`).join('')

for (const legacy of [false, true]) {
  for (const encryption of [0, 1, 2, 3, 14] as const) {
    for (const password of ['short', 'pässword, longer than any key of any cipher']) {
      const outputBytes = legacy ? 512 : 4096
      test(`the same bytes: method ${encryption}, ${outputBytes} bytes, ${password}`, async (t) => {
        const hello = randomBytes(helloBytes)
        const wire = await captureSendNsca({ method: encryption, password, legacy, hello, input })
        t.deepEqual(reencode(wire, results, { hello, encryption, password, outputBytes }), wire)
      })
    }
  }
}
