import type { Task } from './model.ts'

/** What Mesos sets for a task beside the framework's variables, as `NAME=value`. */
export function taskEnv(task: Task): string[] {
  const { spec, agent, ports, containerId } = task
  const docker = spec.container.type === 'DOCKER'
  const own = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ...spec.env,
    HOST: agent.hostname,
    ...portVariables(ports),
    MESOS_TASK_ID: spec.id,
    MESOS_ALLOCATION_ROLE: spec.framework.role,
    ...(docker
      ? { MESOS_CONTAINER_NAME: `mesos-${containerId}`, MESOS_SANDBOX: '/mnt/mesos/sandbox' }
      : ofExecutor(task)),
  }
  return Object.entries(own).map(([name, value]) => `${name}=${value}`)
}

/** `PORT` and `PORT0` are the first one, `PORTS` all. */
function portVariables(ports: number[]): Record<string, string> {
  const [first] = ports
  if (first === undefined) return {}
  const numbered = ports.map((port, index) => [`PORT${index}`, String(port)])
  return { PORT: String(first), PORTS: ports.join(','), ...Object.fromEntries(numbered) }
}

/** Mesos' own containerizer runs the command below an executor, which hands on what it was given. */
function ofExecutor({ spec, agent, executorId, sandbox }: Task): Record<string, string> {
  return {
    MESOS_SANDBOX: sandbox,
    MESOS_DIRECTORY: sandbox,
    MESOS_EXECUTOR_ID: executorId,
    MESOS_FRAMEWORK_ID: spec.framework.id,
    MESOS_SLAVE_ID: agent.id,
    MESOS_SLAVE_PID: `slave(1)@127.0.0.1:${agent.port}`,
    MESOS_AGENT_ENDPOINT: `127.0.0.1:${agent.port}`,
    MESOS_CHECKPOINT: '1',
    MESOS_HTTP_COMMAND_EXECUTOR: '0',
    LIBPROCESS_IP: '127.0.0.1',
  }
}
