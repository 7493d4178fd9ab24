import type { Agent } from '../model.ts'

/** Of a master of several, with their election in ZooKeeper; all values are text, as Mesos writes them. */
export function masterFlags({ cluster, port }: { cluster: string; port: number }) {
  return {
    agent_ping_timeout: '15secs',
    agent_reregister_timeout: '10mins',
    allocation_interval: '1secs',
    allocator: 'hierarchical',
    allocator_agent_recovery_factor: '0.8',
    allocator_recovery_timeout: '10mins',
    authenticate_agents: 'false',
    authenticate_frameworks: 'false',
    authenticate_http_frameworks: 'false',
    authenticate_http_readonly: 'false',
    authenticate_http_readwrite: 'false',
    authentication_v0_timeout: '15secs',
    authenticators: 'crammd5',
    authorizers: 'local',
    cluster,
    filter_gpu_resources: 'true',
    framework_sorter: 'drf',
    help: 'false',
    hostname: '127.0.0.1',
    hostname_lookup: 'true',
    http_authenticators: 'basic',
    initialize_driver_logging: 'true',
    ip: '127.0.0.1',
    log_auto_initialize: 'true',
    logbufsecs: '0',
    logging_level: 'INFO',
    max_agent_ping_timeouts: '5',
    max_completed_frameworks: '50',
    max_completed_tasks_per_framework: '1000',
    max_operator_event_stream_subscribers: '1000',
    max_unreachable_tasks_per_framework: '1000',
    memory_profiling: 'false',
    min_allocatable_resources: 'cpus:0.01|mem:32',
    offer_constraints_re2_max_mem: '4KB',
    offer_constraints_re2_max_program_size: '100',
    port: String(port),
    publish_per_framework_metrics: 'true',
    quiet: 'false',
    quorum: '1',
    recovery_agent_removal_limit: '100%',
    registry: 'replicated_log',
    registry_fetch_timeout: '1mins',
    registry_gc_interval: '15mins',
    registry_max_agent_age: '2weeks',
    registry_max_agent_count: '102400',
    registry_store_timeout: '20secs',
    registry_strict: 'false',
    require_agent_domain: 'false',
    role_sorter: 'drf',
    root_submissions: 'true',
    version: 'false',
    webui_dir: '/usr/share/mesos/webui',
    work_dir: '/var/lib/mesos/master',
    zk: 'zk://127.0.0.1:2181/mesos',
    zk_session_timeout: '10secs',
  }
}

/** `cfs`: hard limits for CPU, with which containers have `cpus_limit`. */
export function agentFlags(agent: Agent, cfs: boolean): Record<string, string> {
  const { workDir } = agent
  return {
    ...agentDefaults,
    appc_store_dir: `${workDir}/store/appc`,
    attributes: attributesText(agent),
    cgroups_enable_cfs: String(cfs),
    docker_socket: agent.dockerSocket,
    docker_store_dir: `${workDir}/store/docker`,
    fetcher_cache_dir: `${workDir}/fetch`,
    hostname: agent.hostname,
    port: String(agent.port),
    resources: resourcesText(agent),
    runtime_dir: `${workDir}/runtime`,
    work_dir: workDir,
  }
}

function attributesText({ attributes }: Agent): string {
  return Object.entries(attributes)
    .map(([name, value]) => `${name}:${value}`)
    .join(';')
}

function resourcesText({ total: { cpus, mem, disk }, ports: [first, last] }: Agent): string {
  return `cpus:${cpus};mem:${mem};disk:${disk};ports:[${first}-${last}]`
}

const agentDefaults = {
  appc_simple_discovery_uri_prefix: 'http://',
  authenticate_http_readonly: 'false',
  authenticate_http_readwrite: 'false',
  authenticatee: 'crammd5',
  authentication_backoff_factor: '1secs',
  authentication_timeout_max: '1mins',
  authentication_timeout_min: '5secs',
  authorizer: 'local',
  cgroups_cpu_enable_pids_and_tids_count: 'false',
  cgroups_destroy_timeout: '1mins',
  cgroups_hierarchy: '/sys/fs/cgroup',
  cgroups_limit_swap: 'false',
  cgroups_root: 'mesos',
  container_disk_watch_interval: '15secs',
  containerizers: 'docker,mesos',
  default_role: '*',
  disallow_sharing_agent_ipc_namespace: 'false',
  disallow_sharing_agent_pid_namespace: 'false',
  disk_watch_interval: '1mins',
  docker: 'docker',
  docker_ignore_runtime: 'false',
  docker_kill_orphans: 'true',
  docker_registry: 'https://registry-1.docker.io',
  docker_remove_delay: '6hrs',
  docker_stop_timeout: '0ns',
  docker_volume_checkpoint_dir: '/var/run/mesos/isolators/docker/volume',
  docker_volume_chown: 'false',
  enforce_container_disk_quota: 'false',
  executor_environment_variables: '{"LIBPROCESS_IP":"127.0.0.1","PATH":"/usr/bin:/bin"}',
  executor_registration_timeout: '5mins',
  executor_reregistration_timeout: '2secs',
  executor_shutdown_grace_period: '5secs',
  fetcher_cache_size: '2GB',
  fetcher_stall_timeout: '1mins',
  frameworks_home: '',
  gc_delay: '1weeks',
  gc_disk_headroom: '0.1',
  gc_non_executor_container_sandboxes: 'false',
  help: 'false',
  hostname_lookup: 'true',
  http_command_executor: 'false',
  http_executor_domain_sockets: 'false',
  http_heartbeat_interval: '30secs',
  initialize_driver_logging: 'true',
  ip: '127.0.0.1',
  isolation: 'cgroups/cpu,cgroups/mem,disk/du,filesystem/linux',
  launcher: 'linux',
  launcher_dir: '/usr/libexec/mesos',
  logbufsecs: '0',
  logging_level: 'INFO',
  master: 'zk://127.0.0.1:2181/mesos',
  max_completed_executors_per_framework: '150',
  memory_profiling: 'false',
  network_cni_metrics: 'true',
  network_cni_root_dir_persist: 'false',
  oversubscribed_resources_interval: '15secs',
  perf_duration: '10secs',
  perf_interval: '1mins',
  qos_correction_interval_min: '0ns',
  quiet: 'false',
  reconfiguration_policy: 'equal',
  recover: 'reconnect',
  recovery_timeout: '15mins',
  registration_backoff_factor: '1secs',
  revocable_cpu_low_priority: 'true',
  sandbox_directory: '/mnt/mesos/sandbox',
  strict: 'true',
  switch_user: 'true',
  systemd_enable_support: 'true',
  systemd_runtime_directory: '/run/systemd/system',
  version: 'false',
  zk_session_timeout: '10secs',
}

/** Sorted by name, as an operator is told them. */
export function flagList(flags: Record<string, string>): { name: string; value: string }[] {
  return Object.entries(flags)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => ({ name, value }))
}
