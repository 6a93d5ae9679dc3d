metadata description = 'Where vehicles connect: they prove who they are by certificate, and IoT Hub hands on what they say.'

param location string
param tags object
param suffix string

@description('Tier and units.')
param sku object
param iotIdentityId string
param iotPrincipalId string

@description('Of the namespace that messages are handed on to, `sb://…`.')
param eventHubsEndpoint string
param operators string

@description('PEM; none, if empty.')
param vehicleCa string
param workspaceId string

var roles = loadJsonContent('../roles.json')
var topology = loadJsonContent('../topology.json')

resource hub 'Microsoft.Devices/IotHubs@2023-06-30' = {
  name: 'iot-${suffix}'
  location: location
  tags: tags
  sku: {
    name: sku.name
    capacity: sku.capacity
  }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${iotIdentityId}': {}
    }
  }
  properties: {
    disableLocalAuth: true
    disableDeviceSAS: true
    disableModuleSAS: true
    minTlsVersion: '1.2'
    // The built-in endpoint takes no identity, so that messages go to a namespace of our own.
    routing: {
      endpoints: {
        eventHubs: [for one in topology.eventHubs: {
          name: one.name
          authenticationType: 'identityBased'
          identity: {
            userAssignedIdentity: iotIdentityId
          }
          endpointUri: eventHubsEndpoint
          entityPath: one.name
          subscriptionId: subscription().subscriptionId
          resourceGroup: resourceGroup().name
        }]
      }
      routes: [for route in topology.routes: {
        name: route.name
        source: route.source
        condition: route.condition
        endpointNames: [route.eventHub]
        isEnabled: true
      }]
      // What no route took would be dropped: it waits a day in the built-in endpoint instead.
      fallbackRoute: {
        name: '$fallback'
        source: 'DeviceMessages'
        condition: 'true'
        endpointNames: ['events']
        isEnabled: true
      }
    }
  }
}

resource provisioning 'Microsoft.Devices/provisioningServices@2026-03-01-preview' = {
  name: 'dps-${suffix}'
  location: location
  tags: tags
  sku: {
    name: 'S1'
    capacity: 1
  }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${iotIdentityId}': {}
    }
  }
  properties: {
    allocationPolicy: 'Hashed'
    iotHubs: [
      {
        location: location
        hostName: hub.properties.hostName
        authenticationType: 'UserAssigned'
        selectedUserAssignedIdentityResourceId: iotIdentityId
      }
    ]
  }
  dependsOn: [registrars]
}

// Its group of enrolment, `vehicles`, is no resource of ARM's: docs/deploy.md makes it, once.
resource authority 'Microsoft.Devices/provisioningServices/certificates@2022-12-12' = if (!empty(vehicleCa)) {
  parent: provisioning
  name: 'vehicles'
  properties: {
    certificate: base64(vehicleCa)
    isVerified: true
  }
}

resource registrars 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for role in [roles.iotHubRegistryContributor, roles.iotHubTwinContributor]: {
  name: guid(hub.id, iotPrincipalId, role)
  scope: hub
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
    principalId: iotPrincipalId
    principalType: 'ServicePrincipal'
  }
}]

resource enrollers 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(provisioning.id, operators, roles.provisioningDataContributor)
  scope: provisioning
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.provisioningDataContributor)
    principalId: operators
    principalType: 'Group'
  }
}

resource hubDiagnostics 'Microsoft.Insights/diagnosticSettings@2016-09-01' = {
  scope: hub
  name: 'service'
  location: location
  properties: {
    workspaceId: workspaceId
    logs: [for category in ['Routes', 'Configurations']: {
      category: category
      enabled: true
    }]
  }
}

resource provisioningDiagnostics 'Microsoft.Insights/diagnosticSettings@2016-09-01' = {
  scope: provisioning
  name: 'service'
  location: location
  properties: {
    workspaceId: workspaceId
    logs: [for category in ['DeviceOperations', 'ServiceOperations']: {
      category: category
      enabled: true
    }]
  }
}

output hubId string = hub.id
output hubName string = hub.name
output provisioningName string = provisioning.name
output idScope string = provisioning.properties.idScope
