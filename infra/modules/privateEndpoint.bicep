metadata description = 'One service, reached inside the network under its public name.'

param location string
param tags object
param name string
param serviceId string

@description('The part of the service, which is the name of its zone as well: blob, namespace, sql or vault.')
param part string
param link object

resource endpoint 'Microsoft.Network/privateEndpoints@2025-09-01' = {
  name: 'pe-${name}'
  location: location
  tags: tags
  properties: {
    subnet: {
      id: link.subnetId
    }
    privateLinkServiceConnections: [
      {
        name: part
        properties: {
          privateLinkServiceId: serviceId
          groupIds: [part]
        }
      }
    ]
  }

  resource names 'privateDnsZoneGroups' = {
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        {
          name: part
          properties: {
            privateDnsZoneId: link.zones[part]
          }
        }
      ]
    }
  }
}
