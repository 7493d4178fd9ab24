import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { protobufFields, protobufText } from '../../collectors/protobuf-fields.ts'
import { openSandboxMeta } from '../../collectors/sandbox-meta.ts'
import type { SandboxRun } from '../../collectors/sandbox-folder.ts'
import { assert, property, uint8Array } from 'fast-check'
import { tempDir } from '../helpers/pipeline.ts'

/** `slave.info` and `executor.info` as protoc's own encoder writes the messages of Mesos 1.11, each behind its length. */
const checkpointed = {
  agent:
    '640000000a0f6167656e742d312e6578616d706c651a130a046370757310001a090900000000000010402a0e0a047261636b10032a040a02723132290a2738616434623061372d303134332d343933662d383136302d6462646561333164326362362d533040bb27',
  docker:
    'b40000000a070a057765622e312a130a046370757310001a09099a9999999999b93f3a2f12080a060a01411201621a212f7573722f6c6962657865632f6d65736f732f6d65736f732d6578656375746f72300042080a06662d303030314a3d436f6d6d616e64204578656375746f7220285461736b3a207765622e31292028436f6d6d616e643a207368202d6320276e6f6465207765622e6a73272952057765622e315a0b08011a070a057765623a316a060880bcc1960b',
  mesos:
    'ab0000000a070a057765622e312a130a046370757310001a09099a9999999999b93f3a2f12080a060a01411201621a212f7573722f6c6962657865632f6d65736f732f6d65736f732d6578656375746f72300042080a06662d303030314a3d436f6d6d616e64204578656375746f7220285461736b3a207765622e31292028436f6d6d616e643a207368202d6320276e6f6465207765622e6a73272952057765622e315a0208026a060880bcc1960b',
  pod: '460000000a380a36696e7374616e63652d73686f705f706f642e32353231326330632d653661322d313166312d626465662d30326663303030303030303242080a06662d303030317801',
}
const bytes = (name: keyof typeof checkpointed) => Buffer.from(checkpointed[name], 'hex')

const run: SandboxRun = {
  path: 'S0/frameworks/f-0001/executors/web.1/runs/c',
  dir: '/nowhere',
  agentId: 'S0',
  frameworkId: 'f-0001',
  executorId: 'web.1',
  containerId: 'c',
  parents: [],
}
const executorDir = 'meta/slaves/S0/frameworks/f-0001/executors/web.1'

async function open(t: ExecutionContext, files: Record<string, string | Uint8Array>) {
  const workDir = await tempDir(t)
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(workDir, path)), { recursive: true })
    writeFileSync(join(workDir, path), content)
  }
  return openSandboxMeta(workDir)
}

test('the agent’s host name', async (t) => {
  const meta = await open(t, { 'meta/slaves/S0/slave.info': bytes('agent') })
  t.is(meta.hostname('S0'), 'agent-1.example')
  t.is(meta.hostname('S1'), undefined)
})

const executors = [
  ['docker', '1', { isCommand: true, containerizer: 'DOCKER' }],
  ['mesos', '1', { isCommand: true, containerizer: 'MESOS' }],
  ['mesos', '0', { isCommand: false, containerizer: 'MESOS' }],
  // Before 1.9 there was no such file.
  ['docker', undefined, { isCommand: true, containerizer: 'DOCKER' }],
  ['pod', undefined, { isCommand: false, containerizer: 'MESOS' }],
] as const

for (const [name, marker, facts] of executors) {
  test(`an executor: ${name}, marker ${marker}`, async (t) => {
    const meta = await open(t, {
      [`${executorDir}/executor.info`]: bytes(name),
      ...(marker ? { [`${executorDir}/executor_generated_for_command_task`]: marker } : {}),
    })
    t.deepEqual(meta.executor(run), facts)
  })
}

test('the end of an executor is that of all containers in it', async (t) => {
  const meta = await open(t, { [`${executorDir}/runs/c/executor.sentinel`]: '' })
  t.true(meta.isOver(run))
  t.true(meta.isOver({ ...run, containerId: 'child', parents: ['c'] }))
  t.false(meta.isOver({ ...run, containerId: 'other' }))
})

test('what is damaged, torn or no message tells nothing', async (t) => {
  const whole = bytes('docker')
  for (const damaged of [
    '',
    'not a message',
    whole.subarray(0, 3),
    whole.subarray(0, whole.length - 1),
    Buffer.concat([Buffer.from([255, 255, 255, 255]), whole.subarray(4)]),
  ]) {
    const meta = await open(t, {
      'meta/slaves/S0/slave.info': damaged,
      [`${executorDir}/executor.info`]: damaged,
    })
    t.deepEqual([meta.hostname('S0'), meta.executor(run)], [undefined, undefined])
  }
})

test('fields of messages, whatever the bytes are', (t) => {
  const fields = protobufFields(bytes('agent').subarray(4))
  t.deepEqual([...(fields?.keys() ?? [])], [1, 3, 5, 6, 8])
  t.is(protobufText(fields, 1), 'agent-1.example')
  t.is(fields?.get(8), 5051n)
  t.is(protobufText(fields, 8), undefined)
  t.is(protobufFields(Buffer.from('0bff', 'hex')), undefined)
  assert(
    property(uint8Array({ maxLength: 64 }), (any) => {
      const read = protobufFields(any)
      for (const value of read?.values() ?? []) {
        if (typeof value !== 'bigint') t.true(value.length <= any.length)
      }
    }),
  )
})

test('labels of the task, which the agent gives its executor', async (t) => {
  // {labels: [{key: "owner", value: "shop"}, {key: "mesoscope.retention"}]} as field 14, behind the rest.
  const labels =
    '72280a0d0a056f776e6572120473686f700a170a136d65736f73636f70652e726574656e74696f6e1200'
  const message = Buffer.concat([bytes('mesos').subarray(4), Buffer.from(labels, 'hex')])
  const size = Buffer.alloc(4)
  size.writeUInt32LE(message.length)
  const meta = await open(t, {
    [`${executorDir}/executor.info`]: Buffer.concat([size, message]),
  })
  t.deepEqual(meta.executor(run)?.labels, { owner: 'shop', 'mesoscope.retention': '' })
})
