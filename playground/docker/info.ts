import { createHash } from 'node:crypto'
import { cpus, release, totalmem } from 'node:os'
import { nsToIso } from '../../pipeline/event.ts'
import type { DockerModel } from './model.ts'

const version = '20.10.24+dfsg1'

/** `/info` */
export function info(model: DockerModel, now: number, listeners: number): Record<string, unknown> {
  const containers = model.containers()
  const running = containers.filter(({ status }) => status === 'running').length
  return {
    ID: daemonId(model.root),
    Containers: containers.length,
    ContainersRunning: running,
    ContainersPaused: 0,
    ContainersStopped: containers.length - running,
    Images: new Set(containers.map(({ imageId }) => imageId)).size,
    Driver: 'overlay2',
    DriverStatus: [
      ['Backing Filesystem', 'extfs'],
      ['Supports d_type', 'true'],
      ['Native Overlay Diff', 'true'],
      ['userxattr', 'false'],
    ],
    Plugins: {
      Volume: ['local'],
      Network: ['bridge', 'host', 'ipvlan', 'macvlan', 'null', 'overlay'],
      Authorization: null,
      Log: ['json-file', 'local', 'syslog'],
    },
    ...abilities,
    Debug: false,
    NFd: 20 + 4 * running,
    OomKillDisable: true,
    NGoroutines: 40 + 8 * running,
    SystemTime: nsToIso(BigInt(Math.trunc(now)) * 1_000_000n),
    LoggingDriver: 'json-file',
    CgroupDriver: 'cgroupfs',
    CgroupVersion: '1',
    NEventsListener: listeners,
    KernelVersion: release(),
    OperatingSystem: 'Debian GNU/Linux 12 (bookworm)',
    OSVersion: '12',
    OSType: 'linux',
    Architecture: 'x86_64',
    ...registry,
    NCPU: cpus().length,
    MemTotal: totalmem(),
    GenericResources: null,
    DockerRootDir: model.root,
    HttpProxy: '',
    HttpsProxy: '',
    NoProxy: '',
    Name: model.hostname,
    Labels: [],
    ExperimentalBuild: false,
    ServerVersion: version,
    ...runtimes,
    SecurityOptions: ['name=seccomp,profile=default'],
    Warnings: null,
  }
}

const abilities = {
  MemoryLimit: true,
  SwapLimit: true,
  KernelMemory: true,
  KernelMemoryTCP: true,
  CpuCfsPeriod: true,
  CpuCfsQuota: true,
  CPUShares: true,
  CPUSet: true,
  PidsLimit: true,
  IPv4Forwarding: true,
  BridgeNfIptables: true,
  BridgeNfIp6tables: true,
}

const registry = {
  IndexServerAddress: 'https://index.docker.io/v1/',
  RegistryConfig: {
    AllowNondistributableArtifactsCIDRs: [],
    AllowNondistributableArtifactsHostnames: [],
    InsecureRegistryCIDRs: ['127.0.0.0/8'],
    IndexConfigs: {
      'docker.io': { Name: 'docker.io', Mirrors: [], Secure: true, Official: true },
    },
    Mirrors: [],
  },
}

const runtimes = {
  Runtimes: {
    'io.containerd.runc.v2': { path: 'runc' },
    'io.containerd.runtime.v1.linux': { path: 'runc' },
    runc: { path: 'runc' },
  },
  DefaultRuntime: 'runc',
  Swarm: {
    NodeID: '',
    NodeAddr: '',
    LocalNodeState: 'inactive',
    ControlAvailable: false,
    Error: '',
    RemoteManagers: null,
  },
  LiveRestoreEnabled: false,
  Isolation: '',
  InitBinary: 'docker-init',
  ContainerdCommit: { ID: '1.6.20~ds1', Expected: '1.6.20~ds1' },
  RuncCommit: { ID: '1.1.5+ds1', Expected: '1.1.5+ds1' },
  InitCommit: { ID: '', Expected: '' },
}

/** Twelve groups of four, the same for the same daemon. */
function daemonId(root: string): string {
  const digits = createHash('sha256').update(root).digest('hex').toUpperCase().slice(0, 48)
  return (digits.match(/.{4}/g) as string[]).join(':')
}

/** `/version` */
export function versionInfo(): Record<string, unknown> {
  const own = { GitCommit: '5d6db84', GoVersion: 'go1.19.8', KernelVersion: release() }
  const built = '2026-05-07T21:09:36.000000000+00:00'
  return {
    Platform: { Name: '' },
    Components: [
      {
        Name: 'Engine',
        Version: version,
        Details: {
          ApiVersion: '1.41',
          Arch: 'amd64',
          BuildTime: built,
          Experimental: 'false',
          ...own,
          MinAPIVersion: '1.12',
          Os: 'linux',
        },
      },
      { Name: 'containerd', Version: '1.6.20~ds1', Details: { GitCommit: '1.6.20~ds1' } },
      { Name: 'runc', Version: '1.1.5+ds1', Details: { GitCommit: '1.1.5+ds1' } },
      { Name: 'docker-init', Version: '0.19.0', Details: { GitCommit: '' } },
    ],
    Version: version,
    ApiVersion: '1.41',
    MinAPIVersion: '1.12',
    GitCommit: own.GitCommit,
    GoVersion: own.GoVersion,
    Os: 'linux',
    Arch: 'amd64',
    KernelVersion: own.KernelVersion,
    BuildTime: built,
  }
}
