import { connect } from 'node:net'
import { gunzipSync } from 'node:zlib'
import anyTest, { type TestFn } from 'ava'
import { openServedScene, web, type ServedScene } from '../scene.ts'

const test = anyTest as TestFn<{ scene: ServedScene }>

test.beforeEach(async (t) => {
  t.context.scene = await openServedScene()
})

test.afterEach.always((t) => t.context.scene.close())

test('long answers are compressed for who takes it; all say who leads', async (t) => {
  const { scene } = t.context
  await scene.deployed(web)
  const raw = await rawGet(scene, '/v2/apps', 'gzip')
  const [head = '', ...rest] = raw.toString('latin1').split('\r\n\r\n')
  t.regex(head, /content-encoding: gzip/i)
  t.regex(head, new RegExp(`X-Marathon-Leader: ${scene.urls[0]}`))
  const body = gunzipSync(Buffer.from(rest.join('\r\n\r\n'), 'latin1'))
  t.is(JSON.parse(body.toString()).apps[0].id, '/shop/web')
  t.notRegex((await rawGet(scene, '/v2/apps', 'identity')).toString('latin1'), /content-encoding/i)
})

function rawGet(scene: ServedScene, path: string, encoding: string): Promise<Buffer> {
  const port = Number(scene.urls[0]?.split(':').at(-1))
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect(port, '127.0.0.1')
    socket.on('data', (chunk: Buffer) => void chunks.push(chunk))
    socket.on('end', () => resolve(Buffer.concat(chunks)))
    socket.on('error', reject)
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: ${encoding}\r\nConnection: close\r\n\r\n`,
    )
  })
}
