import test from 'ava'
import {
  openHttpChannel,
  type HttpChannelSettings,
} from '../../../alerting/channels/http-channel.ts'
import { wallClock } from '../../../pipeline/clock.ts'
import { openHttpServer } from '../../helpers/http-server.ts'
import { message, open, send, takes } from './some-channel.ts'

test('a message without a group, and a text that cannot be made, are refused', async (t) => {
  const server = await openHttpServer(t, takes('slack'))
  const title = () => {
    throw new Error('no such label')
  }
  const channel = open(t, { type: 'slack', url: `${server.url}/x`, title }, server.url)
  const { group: _, ...bare } = message
  const [delivery] = await channel.send(bare, channel.targets)
  t.like(delivery, { outcome: 'refused', answered: false })
  t.like(await send(channel), { outcome: 'refused', answered: false, detail: 'no such label' })
  t.is(server.asked.length, 0)
})

const good = { type: 'webhook', url: 'https://hooks.example/x' } as const
const faults: [string, HttpChannelSettings, string][] = [
  [
    'no address',
    { ...good, url: 'hooks.example/s3cret' },
    'webhook url: it does not begin with http:// or https://',
  ],
  [
    'another protocol',
    { ...good, url: 'file:///etc/passwd' },
    'webhook url: it does not begin with http:// or https://',
  ],
  [
    'a host that is not allowed',
    { ...good, url: 'https://169.254.169.254/x' },
    'webhook url: 169.254.169.254 is not among the allowed hosts',
  ],
  [
    'another port',
    { ...good, url: 'https://hooks.example:8443/x' },
    'webhook url: hooks.example:8443 is not among the allowed hosts',
  ],
  [
    'a name that only ends alike',
    { ...good, url: 'https://evil-hooks.example/' },
    'webhook url: evil-hooks.example is not among the allowed hosts',
  ],
  [
    'a login in the address',
    { ...good, url: 'https://u:p@hooks.example/' },
    'webhook url: it holds a login; set authorization instead',
  ],
  [
    'a key in the clear',
    { ...good, url: 'http://hooks.example/', authorization: 'Bearer x' },
    'webhook url: hooks.example would get a key in the clear; use https://',
  ],
  [
    'Slack in the clear',
    { type: 'slack', url: 'http://hooks.example/' },
    'slack url: hooks.example would get a key in the clear; use https://',
  ],
  [
    'a line break in a header',
    { ...good, authorization: 'x\r\nHost: y' },
    'webhook authorization: it is empty, or holds what no key has',
  ],
  [
    'another Opsgenie',
    { type: 'opsgenie', apiUrl: 'https://evil/', apiKey: 'k' },
    'opsgenie apiUrl: evil is not among the allowed hosts',
  ],
  [
    'no key',
    { type: 'opsgenie', apiUrl: good.url, apiKey: '' },
    'opsgenie apiKey: it is empty, or holds what no key has',
  ],
]

for (const [sentence, settings, complaint] of faults) {
  test(`refused at opening: ${sentence}`, (t) => {
    const options = { clock: wallClock, hosts: ['hooks.example'] }
    t.throws(() => openHttpChannel(settings, options), { message: complaint })
  })
}

test('every fault is told at once', (t) => {
  const settings = { type: 'pagerduty', url: 'http://evil/', routingKey: ' ' } as const
  const options = { clock: wallClock, hosts: [], cert: 'no PEM', key: 'none' }
  const message = [
    'pagerduty url: evil is not among the allowed hosts',
    'pagerduty url: evil would get a key in the clear; use https://',
    'pagerduty routingKey: it is empty, or holds what no key has',
    'pagerduty ca, cert, key: they are no PEM texts, or the key belongs to another certificate',
  ].join('\n')
  t.throws(() => openHttpChannel(settings, options), { message })
})

test('allowed hosts: any case, with the usual port or without', (t) => {
  for (const host of ['hooks.example', 'HOOKS.example', 'hooks.example:443']) {
    t.notThrows(() => openHttpChannel(good, { clock: wallClock, hosts: [host] }).close())
  }
  const own = { type: 'alertmanager', url: 'http://[::1]:9093/am' } as const
  t.is(openHttpChannel(own, { clock: wallClock, hosts: ['[::1]:9093'] }).address, '[::1]:9093')
})
