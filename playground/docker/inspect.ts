import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import { configDefaults, configTail, hostConfigDefaults } from './inspect-defaults.ts'
import type { DockerContainer } from './model.ts'

/** `/containers/{id}/json`. `root` is the daemon's folder. */
export function inspect(container: DockerContainer, root: string): Record<string, unknown> {
  const { id, imageId, config } = container
  const { State, Created, Path, Args, Name, LogPath, RestartCount, Driver } = config
  const folder = dirname(LogPath)
  return {
    Id: id,
    Created,
    Path,
    Args,
    State: state(container),
    Image: imageId,
    ResolvConfPath: join(folder, 'resolv.conf'),
    HostnamePath: join(folder, 'hostname'),
    HostsPath: join(folder, 'hosts'),
    LogPath,
    Name,
    RestartCount,
    Driver,
    Platform: config.OS,
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: null,
    HostConfig: hostConfig(container),
    GraphDriver: graphDriver(container, root),
    Mounts: mounts(container),
    Config: containerConfig(container),
    NetworkSettings: networkSettings(container, State.Running),
  }
}

function state({ status, config: { State } }: DockerContainer): Record<string, unknown> {
  const { Running, Paused, Restarting, OOMKilled, Dead, Pid, ExitCode, StartedAt } = State
  return {
    Status: status,
    Running,
    Paused,
    Restarting,
    OOMKilled,
    Dead,
    Pid,
    ExitCode,
    Error: State.Error,
    StartedAt,
    FinishedAt: State.FinishedAt,
  }
}

function containerConfig({ config }: DockerContainer): Record<string, unknown> {
  const { Labels, ...own } = config.Config
  return { ...configDefaults, ...own, ...configTail, Labels }
}

function hostConfig({ hostConfig: own }: DockerContainer): Record<string, unknown> {
  const { Binds, LogConfig, NetworkMode, RestartPolicy, AutoRemove, Privileged } = own
  return {
    Binds,
    ContainerIDFile: '',
    LogConfig,
    NetworkMode,
    PortBindings: {},
    RestartPolicy,
    AutoRemove,
    ...hostConfigDefaults,
    Privileged,
    CpuShares: own.CpuShares,
    CpuQuota: cpuQuota(own.CpuShares),
    Memory: own.Memory,
    MemorySwap: own.MemorySwap,
  }
}

/**
 * Of an agent with `--cgroups_enable_cfs`, as the playground's are: µs in a period of 100 ms. Shares are cut to whole
 * numbers, so that hundreds of µs are as fine as it can be told.
 */
function cpuQuota(shares: number): number {
  return Math.round((shares / 1024) * 1000) * 100
}

function graphDriver({ id, imageId, config }: DockerContainer, root: string) {
  const layer = join(root, config.Driver, digest(id))
  const below = join(root, config.Driver, digest(imageId), 'diff')
  const Data = {
    LowerDir: `${layer}-init/diff:${below}`,
    MergedDir: join(layer, 'merged'),
    UpperDir: join(layer, 'diff'),
    WorkDir: join(layer, 'work'),
  }
  return { Data, Name: config.Driver }
}

/** The sandbox, where Mesos mounts it. */
export function mounts({ hostConfig: { Binds } }: DockerContainer): Record<string, unknown>[] {
  return (Binds ?? []).map((bind) => {
    const at = bind.lastIndexOf(':')
    return {
      Type: 'bind',
      Source: bind.slice(0, at),
      Destination: bind.slice(at + 1),
      Mode: '',
      RW: true,
      Propagation: 'rprivate',
    }
  })
}

function networkSettings(container: DockerContainer, running: boolean) {
  return {
    Bridge: '',
    SandboxID: running ? digest(`${container.id} sandbox`) : '',
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    Ports: {},
    SandboxKey: running ? '/var/run/docker/netns/default' : '',
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: '',
    Gateway: '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    IPAddress: '',
    IPPrefixLen: 0,
    IPv6Gateway: '',
    MacAddress: '',
    Networks: networks(container),
  }
}

/** That of the host has no addresses of its own. */
export function networks({ id, status, hostConfig }: DockerContainer): Record<string, unknown> {
  const endpoint = {
    IPAMConfig: null,
    Links: null,
    Aliases: null,
    NetworkID: digest(hostConfig.NetworkMode),
    EndpointID: status === 'running' ? digest(`${id} endpoint`) : '',
    Gateway: '',
    IPAddress: '',
    IPPrefixLen: 0,
    IPv6Gateway: '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    MacAddress: '',
    DriverOpts: null,
  }
  return { [hostConfig.NetworkMode]: endpoint }
}

/** 64 hex digits, the same for the same text. */
function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
