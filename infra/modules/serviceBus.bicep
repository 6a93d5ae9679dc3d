metadata description = 'The queues. Private endpoints are only had in the Premium tier.'

param location string
param tags object
param namespaceName string
param appPrincipalId string
param workspaceId string
param link object

var roles = loadJsonContent('../roles.json')
var topology = loadJsonContent('../topology.json')
var tier = empty(link) ? 'Standard' : 'Premium'

resource namespace 'Microsoft.ServiceBus/namespaces@2024-01-01' = {
  name: namespaceName
  location: location
  tags: tags
  sku: empty(link) ? {
    name: tier
    tier: tier
  } : {
    name: tier
    tier: tier
    capacity: 1
  }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    publicNetworkAccess: empty(link) ? 'Enabled' : 'Disabled'
  }
}

resource queues 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' = [for queue in topology.queues: {
  parent: namespace
  name: queue.name
  properties: {
    requiresDuplicateDetection: true
    duplicateDetectionHistoryTimeWindow: queue.duplicateWindow
    maxDeliveryCount: queue.maxDeliveryCount
    lockDuration: queue.lockDuration
    defaultMessageTimeToLive: queue.ttl
    deadLetteringOnMessageExpiration: true
    maxSizeInMegabytes: 5120
  }
}]

resource appRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for role in [roles.serviceBusDataReceiver, roles.serviceBusDataSender]: {
  name: guid(namespace.id, appPrincipalId, role)
  scope: namespace
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}]

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2016-09-01' = {
  scope: namespace
  name: 'service'
  location: location
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'OperationalLogs'
        enabled: true
      }
    ]
  }
}

module endpoint 'privateEndpoint.bicep' = if (!empty(link)) {
  name: 'endpoint-service-bus'
  params: { location: location, tags: tags, name: namespaceName, serviceId: namespace.id, part: 'namespace', link: link }
}

output namespaceId string = namespace.id
output fullyQualifiedNamespace string = '${namespace.name}.servicebus.windows.net'
