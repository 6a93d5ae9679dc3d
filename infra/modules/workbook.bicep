metadata description = 'The stamp at a glance: fleet, ingest, decisions, notifications, cost.'

param location string
param tags object
param suffix string
param workspaceId string
param iotHubId string
param eventHubsId string
param cosmosId string

var page = loadTextContent('../workbook.json')
var placed = replace(replace(replace(page, '{iotHub}', iotHubId), '{eventHubs}', eventHubsId), '{cosmos}', cosmosId)

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'stamp')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Stamp ${suffix}'
    category: 'workbook'
    version: '1.0'
    sourceId: workspaceId
    serializedData: placed
  }
}
