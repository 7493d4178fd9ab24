import type { State } from './state.ts'

export interface InfoOptions {
  /** `127.0.0.1:8080` */
  leader: string | undefined
  /** Of the instance that answers. */
  elected: boolean
  httpPort: number
}

/** `/v2/info`: the flags are those of a Marathon with its defaults, where the playground has none of its own. */
export function answerInfo(state: State, { leader, elected, httpPort }: InfoOptions) {
  const { framework, flags, cluster } = state
  const [localPortMin, localPortMax] = flags.servicePorts
  return {
    name: 'marathon',
    version: '1.10.0',
    buildref: 'playground',
    elected,
    ...(leader === undefined ? {} : { leader }),
    frameworkId: framework.id,
    marathon_config: {
      access_control_allow_origin: ['*'],
      checkpoint: true,
      decline_offer_duration: 120_000,
      default_network_name: 'container-network',
      env_vars_prefix: '',
      executor: '//cmd',
      failover_timeout: 604_800,
      features: [],
      framework_name: framework.name,
      ha: true,
      hostname: framework.hostname,
      launch_token: 100,
      launch_token_refresh_interval: 30_000,
      leader_proxy_connection_timeout_ms: 5000,
      leader_proxy_read_timeout_ms: 10_000,
      local_port_max: localPortMax,
      local_port_min: localPortMin,
      master: `zk://127.0.0.1:2181/${cluster.name}`,
      max_instances_per_offer: flags.maxInstancesPerOffer,
      mesos_bridge_name: 'mesos-bridge',
      mesos_heartbeat_failure_threshold: 5,
      mesos_heartbeat_interval: 15_000,
      mesos_leader_ui_url: 'http://127.0.0.1:5050/',
      mesos_role: framework.role,
      mesos_user: 'root',
      min_revive_offers_interval: 5000,
      offer_matching_timeout: 3000,
      on_elected_prepare_timeout: 180_000,
      reconciliation_initial_delay: 15_000,
      reconciliation_interval: flags.reconcileEveryMs,
      scale_apps_initial_delay: 15_000,
      scale_apps_interval: flags.scaleEveryMs,
      store_cache: true,
      task_launch_confirm_timeout: 300_000,
      task_launch_timeout: flags.launchTimeoutMs,
      task_lost_expunge_initial_delay: 300_000,
      task_lost_expunge_interval: 30_000,
      task_reservation_timeout: 20_000,
      webui_url: framework.webuiUrl,
    },
    zookeeper_config: {
      zk: 'zk://127.0.0.1:2181/marathon',
      zk_compression: true,
      zk_compression_threshold: 65_536,
      zk_connection_timeout: 10_000,
      zk_max_node_size: 1_024_000,
      zk_max_versions: 50,
      zk_session_timeout: 10_000,
      zk_timeout: 10_000,
    },
    http_config: { http_port: httpPort, https_port: 8443 },
  }
}
