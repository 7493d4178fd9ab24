import test from 'ava'
import { linesTrouble } from '../../main/scaling.ts'

const component = (name: string, trouble?: string) => ({ name, trouble: () => trouble })

test('lines may be missing where a collector of lines is in trouble', (t) => {
  for (const name of ['docker', 'docker-2', 'files', 'mesos-sandbox-3']) {
    const components = [component('index', 'slow'), component(`collector ${name}`, 'cannot read')]
    t.is(linesTrouble(components), `collector ${name}: cannot read`)
  }
})

test('others bring none: a Mesos that is away keeps no instance', (t) => {
  const names = ['collector mesos-master', 'collector mesos-agent', 'collector marathon', 'index']
  const troubled = names.map((name) => component(name, 'away'))
  t.is(linesTrouble([...troubled, component('collector docker')]), undefined)
})
