import { answerQueue } from '../../../playground/marathon/answer-queue.ts'
import { fixture, get, pod, post } from './busy-scene.ts'
import { worker, type ServedScene } from './scene.ts'

/** What go-marathon's tests have a server answer. */
function captured(method: string, uri: string): any {
  const all = fixture('go-marathon-rest-api.json') as {
    method: string
    uri: string
    body: unknown
  }[]
  return all.find((one) => one.method === method && one.uri === uri)?.body
}

export interface Case {
  name: string
  /** It changes what others would read. */
  changes?: boolean
  ours(scene: ServedScene): Promise<unknown[]>
  /** `file Type` of the RAML for each of ours. */
  raml?: [string, string]
  /** Samples of the real thing. */
  real?: () => unknown[]
  /** Differences that are right, each with its reason in a comment beside it. */
  except?: string[]
}

export const cases: Case[] = [
  {
    name: 'apps in the list, with all that can be embedded',
    ours: async (scene) =>
      (
        await get(
          scene,
          '/v2/apps?embed=apps.tasks&embed=apps.lastTaskFailure&embed=apps.taskStats&embed=apps.readiness',
        )
      ).apps,
    raml: ['app.raml', 'AppInfo'],
    real: () => [
      ...fixture('docs-app_list.json').apps,
      ...fixture('dcos-ui-groups-1-task.json').apps,
      ...fixture('dcos-ui-groups-region.json').apps,
      ...fixture('dd-agent-apps.json').apps,
      ...fixture('marathon-consul-apps.json').apps,
      ...captured('GET', '/v2/apps').apps,
    ],
  },
  {
    name: 'apps as Marathon ≥ 1.5 answers them',
    ours: async (scene) => (await get(scene, '/v2/apps?embed=apps.tasks')).apps,
    // The only complete ones of that time among the samples.
    real: () => [fixture('dcos-ui-groups-1-task.json').apps[0]],
    except: [
      // That of a resident app is the text `disabled`.
      'type /unreachableStrategy',
      // It has a container and container networking, ours have not all of them.
      'missing /container',
      'missing /container/docker',
      'missing /container/portMappings',
      'missing /networks/[]/name',
      // Embedded on demand; and since 1.10 its name is tasksStats.
      'missing /taskStats',
      // Agents without a fault domain have none.
      'missing /tasks/[]/region',
      'missing /tasks/[]/zone',
      // What waits or has failed has neither.
      'missing /tasks/[]/stagedAt',
      'missing /tasks/[]/startedAt',
      'missing /tasks/[]/version',
    ],
  },
  {
    name: 'one app',
    ours: async (scene) => [
      (await get(scene, '/v2/apps/shop/web')).app,
      (await get(scene, '/v2/apps/shop/worker')).app,
    ],
    raml: ['app.raml', 'AppInfo'],
    real: () => [fixture('marathon-consul-app.json').app, captured('GET', '/v2/apps/fake-app').app],
    except: [
      // Deprecated before 1.5 and answered no more, or null then and absent now.
      'missing /storeUrls',
      'missing /constraints',
      'missing /dependencies',
      'missing /env',
      // Apps without health checks have no such field.
      'missing /healthChecks',
      // A failed task that waits to be launched again.
      'missing /tasks/[]/stagedAt',
      'missing /tasks/[]/startedAt',
      'missing /tasks/[]/version',
      // Before 1.10 a result named the task.
      'missing /tasks/[]/healthCheckResults/[]/taskId',
    ],
  },
  {
    name: 'an app that was just posted',
    changes: true,
    ours: async (scene) => [await post(scene, '/v2/apps', { ...worker, id: '/new' })],
    raml: ['app.raml', 'AppInfo'],
    real: () => [captured('POST', '/v2/apps')],
    except: [
      // Deprecated, or empty and therefore absent since 1.5.
      'missing /constraints',
      'missing /container',
      'missing /dependencies',
      'missing /env',
      'missing /healthChecks',
      'missing /residency',
      'missing /storeUrls',
    ],
  },
  {
    name: 'tasks',
    ours: async (scene) => [await get(scene, '/v2/tasks?status=running')],
    raml: ['task.raml', 'TaskList'],
    real: () => [
      fixture('docs-tasks.json'),
      fixture('docs-app_tasks.json'),
      captured('GET', '/v2/tasks'),
      fixture('marathon-consul-tasks.json'),
    ],
  },
  {
    name: 'tasks as documented for 1.10',
    ours: async (scene) => [await get(scene, '/v2/tasks?status=running')],
    real: () => [fixture('docs-tasks.json')],
    // Agents without a fault domain have none.
    except: ['missing /tasks/[]/region', 'missing /tasks/[]/zone'],
  },
  {
    name: 'tasks in all states',
    ours: async (scene) => [
      await get(scene, '/v2/tasks'),
      await get(scene, '/v2/apps/shop/worker/tasks'),
    ],
    raml: ['task.raml', 'TaskList'],
  },
  {
    name: 'a task that was killed',
    changes: true,
    ours: async (scene) => {
      const [task] = scene.running('/shop/web')
      return [await post(scene, `/v2/apps/shop/web/tasks/${task?.spec.id}`, {}, 'DELETE')]
    },
    raml: ['task.raml', 'TaskSingle'],
    real: () => [fixture('docs-app_task.json')],
    except: ['missing /task/region', 'missing /task/zone'],
  },
  {
    name: 'deployments',
    changes: true,
    ours: async (scene) => {
      await post(
        scene,
        '/v2/pods/shop/search',
        { ...pod, scaling: { kind: 'fixed', instances: 2 } },
        'PUT',
      )
      return get(scene, '/v2/deployments')
    },
    raml: ['deploymentEventsInfo.raml', 'DeploymentStepInfo'],
    real: () => [
      ...fixture('docs-deployments.json'),
      ...fixture('dcos-ui-deployments-1.json'),
      ...fixture('dcos-ui-deployments-3.json'),
      ...fixture('dcos-ui-deployments-starting.json'),
    ],
    // Of pods it is `pod`.
    except: ['missing /currentActions/[]/app'],
  },
  {
    name: 'the answer to a change',
    changes: true,
    ours: async (scene) => [
      await post(scene, '/v2/apps/shop/db', { instances: 2 }, 'PATCH'),
      await post(scene, '/v2/apps/shop/bridged/restart', {}),
      await post(scene, '/v2/apps/shop/web', {}, 'DELETE'),
    ],
    raml: ['deploymentResult.raml', 'DeploymentResult'],
    real: () => [
      fixture('docs-deployments_result.json'),
      fixture('dcos-ui-deployment-result.json'),
      captured('PUT', '/v2/apps/fake-app'),
    ],
  },
  {
    name: 'versions',
    ours: async (scene) => [await get(scene, '/v2/apps/shop/web/versions')],
    raml: ['app.raml', 'VersionList'],
    real: () => [
      fixture('dcos-ui-app-versions.json'),
      captured('GET', '/v2/apps/fake-app/versions'),
    ],
  },
  {
    name: 'one version',
    ours: async (scene) => {
      const { versions } = await get(scene, '/v2/apps/shop/web/versions')
      return [await get(scene, `/v2/apps/shop/web/versions/${versions[0]}`)]
    },
    raml: ['app.raml', 'App'],
  },
  {
    name: 'the queue',
    ours: async (scene) => [await get(scene, '/v2/queue?embed=lastUnusedOffers')],
    raml: ['queue.raml', 'Queue'],
    real: () => [
      fixture('docs-queue.json'),
      fixture('dcos-ui-queue-offers.json'),
      captured('GET', '/v2/queue'),
    ],
  },
  {
    name: 'an entry of the queue that has seen offers',
    ours: async (scene) =>
      (await get(scene, '/v2/queue?embed=lastUnusedOffers')).queue.filter(
        ({ app }: any) => app.id === '/big/one',
      ),
    real: () => [
      fixture('docs-queue.json').queue[1],
      fixture('dcos-ui-queue-offers.json').queue[0],
    ],
    except: [
      // Nothing was ever used of what the app asks for.
      'missing /processedOffersSummary/lastUsedOfferAt',
      // The sample shows one resource with all kinds of values at once.
      'missing /lastUnusedOffers/[]/offer/resources/[]/scalar',
      'missing /lastUnusedOffers/[]/offer/resources/[]/ranges',
      'missing /lastUnusedOffers/[]/offer/resources/[]/set',
      'missing /lastUnusedOffers/[]/offer/attributes/[]/scalar',
      'missing /lastUnusedOffers/[]/offer/attributes/[]/ranges',
      'missing /lastUnusedOffers/[]/offer/attributes/[]/set',
    ],
  },
  {
    name: 'an empty queue',
    ours: async ({ core }) => [answerQueue({ ...core.state, instances: new Map() }, false)],
    raml: ['queue.raml', 'Queue'],
    real: () => [fixture('dcos-ui-queue-empty.json')],
  },
  {
    name: 'what it says of itself',
    ours: async (scene) => [await get(scene, '/v2/info')],
    raml: ['info.raml', 'MarathonInfo'],
    real: () => [fixture('docs-info.json')],
  },
  {
    name: 'the leader',
    ours: async (scene) => [await get(scene, '/v2/leader')],
    raml: ['info.raml', 'LeaderInfo'],
    real: () => [captured('GET', '/v2/leader')],
  },
  {
    name: 'groups',
    ours: async (scene) => [await get(scene, '/v2/groups')],
    real: () => [fixture('docs-group.json'), captured('GET', '/v2/groups')],
    except: [
      // Deprecated before 1.5, or empty and therefore absent.
      'missing /groups/[]/apps/[]/constraints',
      'missing /groups/[]/apps/[]/dependencies',
      // Apps without health checks have no such field.
      'missing /groups/[]/apps/[]/healthChecks',
    ],
  },
  {
    name: 'apps in groups',
    ours: async (scene) =>
      (await get(scene, '/v2/groups/shop?embed=group.apps&embed=group.apps.tasks')).apps,
    raml: ['app.raml', 'AppInfo'],
  },
  {
    name: 'pods',
    ours: async (scene) => [
      ...(await get(scene, '/v2/pods')),
      await get(scene, '/v2/pods/shop/search'),
    ],
    real: () => [...captured('GET', '/v2/pods'), captured('GET', '/v2/pods/fake-pod')],
    except: [
      // Our pod has none, and what is empty is absent.
      'missing /user',
      'missing /environment',
      'missing /containers/[]/environment',
      'missing /secrets',
      'missing /volumes',
    ],
  },
  {
    name: 'the status of pods',
    ours: async (scene) => [
      ...(await get(scene, '/v2/pods/::status')),
      await get(scene, '/v2/pods/shop/search::status'),
    ],
    raml: ['podStatus.raml', 'PodStatus'],
    real: () => [
      ...captured('GET', '/v2/pods/::status'),
      captured('GET', '/v2/pods/fake-pod::status'),
    ],
  },
]
