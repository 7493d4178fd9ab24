import test from 'ava'
import { mountedFiles } from '../../collectors/docker-mounted.ts'

const mounts = {
  MountPoints: {
    '/var/log': { Source: '/srv/logs', Destination: '/var/log' },
    '/var/log/app': { Source: '/srv/app', Destination: '/var/log/app' },
    '/odd': { Source: 7, Destination: '/odd' },
  },
}
const of = (files: string, described: unknown = mounts) =>
  mountedFiles(described, { service: '/web', labels: { 'mesoscope.files': files } })
const patterns = (files: string, described?: unknown) =>
  of(files, described).wanted.map(({ pattern, below }) => [pattern, below])

test('paths in a container are those of the innermost mount on the host', (t) => {
  t.deepEqual(patterns('/var/log/app/*.log, /var/log/other.log'), [
    ['/srv/app/*.log', '/srv/app'],
    ['/srv/logs/other.log', '/srv/logs'],
  ])
  const inspected = { Mounts: [{ Type: 'bind', Source: '/srv/a', Destination: '/a' }] }
  t.deepEqual(patterns('/a/b/c.log', inspected), [['/srv/a/b/c.log', '/srv/a']])
})

test('what lies outside of all mounts, or is no path, is told', (t) => {
  for (const path of [
    '/etc/passwd',
    'relative.log',
    '/var/log',
    '/var/log/../../etc/passwd',
    '/odd/x',
  ]) {
    const { wanted, faults } = of(path)
    t.deepEqual(wanted, [], path)
    t.regex(faults[0] ?? '', /which is not in a mounted folder$/)
  }
  t.regex(of('/var/log/**').faults[0] ?? '', /\*\* is not looked through/)
  const many = of(Array.from({ length: 20 }, (_, n) => `/var/log/${n}`).join(','))
  t.is(many.wanted.length, 16)
  t.regex(many.faults[0] ?? '', /more than 16 files/)
})

test('without the label, or a description, there is nothing', (t) => {
  t.deepEqual(mountedFiles(mounts, {}), { wanted: [], faults: [] })
  t.deepEqual(patterns('/var/log/x', {}), [])
  t.deepEqual(patterns('/var/log/x', 'odd'), [])
})
