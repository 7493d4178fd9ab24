import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import { usageOf } from '../program.ts'

export interface Shipped {
  /** Of the input. */
  lines: number
  seconds: number
  cpuSeconds: number
  peakMiB: number
}

const rsyslogd = '/usr/sbin/rsyslogd'

/** Whether Debian's rsyslog with its output to Kafka (`rsyslog`, `rsyslog-kafka`) is on this machine. */
export const hasRsyslog = () =>
  existsSync(rsyslogd) &&
  ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64'].some((lib) =>
    existsSync(join(lib, 'rsyslog', 'omkafka.so')),
  )

/**
 * The same work by rsyslog: it reads the files, parses the JSON, and sends a record a line, lz4, acks=all. It joins no lines, finds
 * no levels, replaces no secrets, and keeps what it has read in memory.
 */
const configOf = (dir: string, root: string, broker: string, topic: string) => `
global(workDirectory="${dir}" maxMessageSize="64k")
module(load="imfile" mode="inotify")
module(load="mmjsonparse")
module(load="omkafka")
template(name="record" type="list" option.jsonf="on") {
  property(outname="@timestamp" name="$!time" format="jsonf")
  property(outname="message" name="$!log" droplastlf="on" format="jsonf")
  property(outname="stream" name="$!stream" format="jsonf")
  property(outname="container_id" name="$.cid" format="jsonf")
  property(outname="hostname" name="$myhostname" format="jsonf")
}
input(type="imfile" File="${root}/*/*-json.log" Tag="docker" Ruleset="ship" addMetadata="on"
  maxSubmitAtOnce="4096" persistStateInterval="50000")
ruleset(name="ship" queue.type="FixedArray" queue.size="200000" queue.dequeueBatchSize="4096"
    queue.workerThreads="2" queue.workerThreadMinimumMessages="20000") {
  set $.cid = field($!metadata!filename, 47, ${root.split('/').length + 1});
  action(type="mmjsonparse" cookie="")
  action(type="omkafka" broker=["${broker}"] topic="${topic}" template="record" partitions.auto="on"
    resubmitOnFailure="on" keepFailedMessages="off" action.resumeRetryCount="-1" closeTimeout="10000"
    confParam=["compression.codec=lz4","acks=all","linger.ms=50","queue.buffering.max.messages=500000",
      "queue.buffering.max.kbytes=262144","batch.num.messages=10000"])
}
`

export async function shipByRsyslog(
  dir: string,
  root: string,
  broker: string,
  lines: number,
): Promise<Shipped> {
  const topic = `rsyslog-${process.hrtime.bigint()}`
  const admin = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  let child: ChildProcess | undefined
  try {
    await admin.createTopics({ topics: [{ topic, numPartitions: 4 }], waitForLeaders: true })
    const work = join(dir, topic)
    mkdirSync(work, { recursive: true })
    const config = join(work, 'rsyslog.conf')
    writeFileSync(config, configOf(work, root, broker, topic))
    const begun = performance.now()
    child = spawn(rsyslogd, ['-n', '-f', config, '-i', join(work, 'pid')], { stdio: 'ignore' })
    const pid = child.pid as number
    const arrived = async () => {
      const offsets = await admin.fetchTopicOffsets(topic)
      return offsets.reduce((sum, { high }) => sum + Number(high), 0)
    }
    let last = 0
    let lastMs = performance.now()
    while (last < lines && performance.now() - lastMs < 60_000) {
      await sleep(100)
      const now = await arrived()
      if (now > last) lastMs = performance.now()
      last = now
    }
    const used = usageOf(pid)
    return { lines: last, seconds: (lastMs - begun) / 1000, ...used }
  } finally {
    if (child) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    await admin.deleteTopics({ topics: [topic] })
    await admin.disconnect()
  }
}
