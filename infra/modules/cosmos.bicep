metadata description = 'The store. What it holds, under which keys, for how long and found by what, stands in the topology.'

param location string
param tags object
param accountName string
param isProduction bool
param serverless bool
param extraRegions array

@description('Request units a second at most, of `vehicles`, of `history`, and of all other containers together.')
param requestUnits object
param appPrincipalId string
param workspaceId string
param link object

var roles = loadJsonContent('../roles.json')
var topology = loadJsonContent('../topology.json')

resource account 'Microsoft.DocumentDB/databaseAccounts@2025-10-15' = {
  name: accountName
  location: location
  tags: tags
  kind: 'GlobalDocumentDB'
  properties: {
    databaseAccountOfferType: 'Standard'
    disableLocalAuth: true
    disableKeyBasedMetadataWriteAccess: true
    minimalTlsVersion: 'Tls12'
    publicNetworkAccess: empty(link) ? 'Enabled' : 'Disabled'
    enableAutomaticFailover: !empty(extraRegions)
    consistencyPolicy: {
      defaultConsistencyLevel: 'Session'
    }
    locations: [for (region, i) in concat([location], extraRegions): {
      locationName: region
      failoverPriority: i
      isZoneRedundant: isProduction
    }]
    capabilities: serverless ? [
      {
        name: 'EnableServerless'
      }
    ] : []
    backupPolicy: {
      type: 'Continuous'
      continuousModeProperties: {
        tier: isProduction ? 'Continuous30Days' : 'Continuous7Days'
      }
    }
  }
}

resource database 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases@2025-10-15' = {
  parent: account
  name: topology.cosmos.database
  properties: {
    resource: {
      id: topology.cosmos.database
    }
    options: serverless ? {} : {
      autoscaleSettings: {
        maxThroughput: requestUnits.others
      }
    }
  }
}

resource containers 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers@2025-10-15' = [for container in topology.cosmos.containers: {
  parent: database
  name: container.name
  properties: {
    resource: {
      id: container.name
      defaultTtl: container.defaultTtl
      partitionKey: {
        paths: container.partitionKeyPaths
        kind: length(container.partitionKeyPaths) > 1 ? 'MultiHash' : 'Hash'
        version: 2
      }
      indexingPolicy: {
        automatic: true
        indexingMode: 'consistent'
        includedPaths: [for path in container.indexedPaths: {
          path: path
        }]
        excludedPaths: [
          {
            path: '/*'
          }
        ]
      }
    }
    options: serverless || !contains(requestUnits, container.name) ? {} : {
      autoscaleSettings: {
        maxThroughput: requestUnits[container.name]
      }
    }
  }
}]

resource dataPlane 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2025-10-15' = {
  parent: account
  name: guid(account.id, appPrincipalId, roles.cosmosDataContributor)
  properties: {
    roleDefinitionId: '${account.id}/sqlRoleDefinitions/${roles.cosmosDataContributor}'
    principalId: appPrincipalId
    scope: account.id
  }
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (isProduction) {
  scope: account
  name: 'keep'
  properties: {
    level: 'CanNotDelete'
    notes: 'All that is known of vehicles and people is in here.'
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2016-09-01' = {
  scope: account
  name: 'service'
  location: location
  properties: {
    workspaceId: workspaceId
    logs: [for category in ['ControlPlaneRequests', 'PartitionKeyStatistics']: {
      category: category
      enabled: true
    }]
  }
}

module endpoint 'privateEndpoint.bicep' = if (!empty(link)) {
  name: 'endpoint-cosmos'
  params: { location: location, tags: tags, name: accountName, serviceId: account.id, part: 'sql', link: link }
}

output accountId string = account.id
output endpoint string = account.properties.documentEndpoint
