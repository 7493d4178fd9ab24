/** Names of metrics of a master that the playground has nothing to tell of, but real masters have. */

import { words } from '../../words.ts'

/** Of tasks that have not ended; the others are counters. */
export const gaugeStates = ['staging', 'starting', 'running', 'killing', 'unreachable']

/** Of a framework; none of them is counted here. */
export const calls = words(`
  accept accept_inverse_offers acknowledge acknowledge_operation_status decline
  decline_inverse_offers kill message reconcile reconcile_operations request revive shutdown
  subscribe suppress teardown update_framework
`)
export const events = words(`
  error failure heartbeat inverse_offers message offers rescind rescind_inverse_offer subscribed
  update update_operation_status
`)
export const frameworkOperations = words(`
  create create_disk destroy destroy_disk grow_volume launch launch_group reserve shrink_volume
  unreserve
`)

/** Of a master; none of them is counted here. */
export const neverCounted = words(`
  dropped_messages event_queue_dispatches event_queue_http_requests event_queue_messages
  http_cache_hits invalid_executor_to_framework_messages invalid_framework_to_executor_messages
  invalid_operation_status_updates invalid_operation_status_update_acknowledgements
  invalid_status_updates invalid_status_update_acknowledgements messages_authenticate
  messages_deactivate_framework messages_decline_offers messages_exited_executor
  messages_executor_to_framework messages_framework_to_executor messages_kill_task
  messages_operation_status_update messages_operation_status_update_acknowledgement
  messages_reconcile_operations messages_reconcile_tasks messages_reregister_framework
  messages_reregister_slave messages_resource_request messages_revive_offers
  messages_suppress_offers messages_unregister_framework messages_unregister_slave
  messages_update_slave outstanding_offers recovery_slave_removals slave_removals
  slave_removals/reason_registered slave_removals/reason_unhealthy
  slave_removals/reason_unregistered slave_reregistrations slave_shutdowns_canceled
  slave_shutdowns_completed slave_shutdowns_scheduled slave_unreachable_canceled
  slave_unreachable_completed slave_unreachable_scheduled valid_executor_to_framework_messages
  valid_framework_to_executor_messages valid_operation_status_updates
  valid_operation_status_update_acknowledgements
`)

/** Kinds of operations and the states in which they are counted. */
export const operationKinds = words(`
  create create_disk destroy destroy_disk grow_volume reserve shrink_volume unreserve
`)
export const operationStates = words(`
  dropped error failed finished gone_by_operator pending recovering total unreachable
`)
