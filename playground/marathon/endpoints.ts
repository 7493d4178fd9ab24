import { isChecked, type Instance } from './model.ts'
import { instancesOf, type State } from './state.ts'

/** A task that can be sent requests, on 127.0.0.1. */
export interface Endpoint {
  task: string
  port: number
  ports: number[]
}

/** All of an app, in the order of their start; told at once and after each change. */
export type EndpointListener = (endpoints: Endpoint[]) => void

interface Watch {
  app: string
  listener: EndpointListener
  last: string
}

/** Tells the load balancer where the running, and where that is checked healthy, tasks of an app listen. */
export function watchEndpoints(state: State) {
  const watches = new Set<Watch>()

  function tell(): void {
    for (const watch of watches) {
      const endpoints = endpointsOf(state, watch.app)
      const now = JSON.stringify(endpoints)
      if (now === watch.last) continue
      watch.last = now
      watch.listener(endpoints)
    }
  }

  function watch(app: string, listener: EndpointListener): () => void {
    const added = { app, listener, last: '' }
    watches.add(added)
    tell()
    return () => void watches.delete(added)
  }

  return { tell, watch }
}

function endpointsOf(state: State, app: string): Endpoint[] {
  return instancesOf(state, app)
    .filter(takesRequests)
    .flatMap(({ tasks }) => {
      const [task] = tasks
      const port = task?.ports[0]
      return task && port !== undefined ? [{ task: task.id, port, ports: task.ports }] : []
    })
}

/** One that is about to be killed gets no more. */
function takesRequests({ condition, goal, healthy, spec }: Instance): boolean {
  return condition === 'Running' && goal === 'Running' && (!isChecked(spec) || healthy === true)
}
