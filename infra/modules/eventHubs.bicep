metadata description = 'The hubs that vehicles\' messages wait in until they are taken in.'

param location string
param tags object
param namespaceName string
param throughputUnits int

@description('Partitions by hub. A hub of the Standard tier keeps those with which it was made.')
param partitions object
param appPrincipalId string
param iotPrincipalId string

@description('Who captures what vehicles send, and where; nobody, if empty.')
param captureIdentityId string
param captureAccountId string
param captureContainer string
param workspaceId string
param link object

var roles = loadJsonContent('../roles.json')
var topology = loadJsonContent('../topology.json')
var captures = !empty(captureIdentityId)

resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' = {
  name: namespaceName
  location: location
  tags: tags
  sku: {
    name: 'Standard'
    tier: 'Standard'
    capacity: throughputUnits
  }
  identity: captures ? {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${captureIdentityId}': {}
    }
  } : {
    type: 'None'
  }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    publicNetworkAccess: empty(link) ? 'Enabled' : 'Disabled'
    isAutoInflateEnabled: true
    maximumThroughputUnits: min(40, 2 * throughputUnits)
  }
}

// IoT Hub is a service that is trusted: it comes in by its identity, also where nobody else may from outside.
resource rules 'Microsoft.EventHub/namespaces/networkRuleSets@2026-01-01' = {
  parent: namespace
  name: 'default'
  properties: {
    trustedServiceAccessEnabled: true
    publicNetworkAccess: empty(link) ? 'Enabled' : 'Disabled'
    defaultAction: empty(link) ? 'Allow' : 'Deny'
  }
}

resource hubs 'Microsoft.EventHub/namespaces/eventhubs@2024-01-01' = [for hub in topology.eventHubs: {
  parent: namespace
  name: hub.name
  properties: {
    partitionCount: max(hub.partitions, partitions[hub.name])
    retentionDescription: {
      cleanupPolicy: 'Delete'
      retentionTimeInHours: hub.retentionHours
    }
    captureDescription: captures ? {
      enabled: true
      encoding: 'Avro'
      intervalInSeconds: 300
      sizeLimitInBytes: 314572800
      skipEmptyArchives: true
      destination: {
        name: 'EventHubArchive.AzureBlockBlob'
        identity: {
          type: 'UserAssigned'
          userAssignedIdentity: captureIdentityId
        }
        properties: {
          storageAccountResourceId: captureAccountId
          blobContainer: captureContainer
          archiveNameFormat: '{Namespace}/{EventHub}/{PartitionId}/{Year}/{Month}/{Day}/{Hour}/{Minute}/{Second}'
        }
      }
    } : null
  }
}]

module consumerGroups 'consumerGroups.bicep' = [for (hub, i) in topology.eventHubs: {
  name: 'consumer-groups-${hub.name}'
  params: { namespaceName: namespace.name, hubName: hubs[i].name, groups: hub.consumerGroups }
}]

resource receiver 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(namespace.id, appPrincipalId, roles.eventHubsDataReceiver)
  scope: namespace
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.eventHubsDataReceiver)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource sender 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(namespace.id, iotPrincipalId, roles.eventHubsDataSender)
  scope: namespace
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.eventHubsDataSender)
    principalId: iotPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2016-09-01' = {
  scope: namespace
  name: 'service'
  location: location
  properties: {
    workspaceId: workspaceId
    logs: [for category in ['OperationalLogs', 'AutoScaleLogs', 'DiagnosticErrorLogs']: {
      category: category
      enabled: true
    }]
  }
}

module endpoint 'privateEndpoint.bicep' = if (!empty(link)) {
  name: 'endpoint-event-hubs'
  params: { location: location, tags: tags, name: namespaceName, serviceId: namespace.id, part: 'namespace', link: link }
}

output namespaceId string = namespace.id
output fullyQualifiedNamespace string = '${namespace.name}.servicebus.windows.net'
output endpoint string = 'sb://${namespace.name}.servicebus.windows.net'
