metadata description = 'Blobs: the package, what could not be taken in, what people asked to be given, and the host\'s own.'

param location string
param tags object
param accountName string
param zoneRedundant bool
param appPrincipalId string

@description('Who captures what vehicles send; nobody, if empty.')
param capturePrincipalId string
param workspaceId string
param link object

var roles = loadJsonContent('../roles.json')
var topology = loadJsonContent('../topology.json')
var captures = empty(capturePrincipalId) ? [] : [{ name: 'capture', deleteAfterDays: 7 }]
var expiring = concat(topology.blobContainers, captures)
var expiringNames = [for one in expiring: one.name]

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: accountName
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: zoneRedundant ? 'Standard_ZRS' : 'Standard_LRS'
  }
  properties: {
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    isLocalUserEnabled: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: empty(link) ? 'Enabled' : 'Disabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: empty(link) ? 'Allow' : 'Deny'
    }
    // Nobody is given a link to storage: the app hands out what people asked for.
    sasPolicy: {
      sasExpirationPeriod: '1.00:00:00'
      expirationAction: 'Block'
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' = {
  parent: account
  name: 'default'
  properties: {
    // What is erased is gone: a blob that is deleted can't be brought back, and has no versions or snapshots. A container
    // that somebody deletes by accident can.
    deleteRetentionPolicy: {
      enabled: false
    }
    isVersioningEnabled: false
    containerDeleteRetentionPolicy: {
      enabled: true
      days: 7
    }
  }
}

resource containers 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = [for name in concat(['app-package'], expiringNames): {
  parent: blobs
  name: name
  properties: {
    publicAccess: 'None'
  }
}]

resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2026-04-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [for one in expiring: {
        name: 'delete-${one.name}'
        type: 'Lifecycle'
        enabled: true
        definition: {
          filters: {
            blobTypes: ['blockBlob']
            prefixMatch: ['${one.name}/']
          }
          actions: {
            baseBlob: {
              delete: {
                daysAfterModificationGreaterThan: one.deleteAfterDays
              }
            }
          }
        }
      }]
    }
  }
}

// Owner: the host wants it for its leases and checkpoints, and index tags, which parked events carry, need it.
resource app 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, appPrincipalId, roles.storageBlobDataOwner)
  scope: account
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobDataOwner)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource capturer 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(capturePrincipalId)) {
  name: guid(account.id, 'capture', roles.storageBlobDataContributor)
  scope: account
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobDataContributor)
    principalId: capturePrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2016-09-01' = {
  scope: blobs
  name: 'service'
  location: location
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'StorageDelete'
        enabled: true
      }
    ]
  }
}

module endpoint 'privateEndpoint.bicep' = if (!empty(link)) {
  name: 'endpoint-blob'
  params: { location: location, tags: tags, name: accountName, serviceId: account.id, part: 'blob', link: link }
}

output accountId string = account.id
output accountName string = account.name
output deploymentContainer string = containers[0].name
output captureContainer string = empty(capturePrincipalId) ? '' : 'capture'
