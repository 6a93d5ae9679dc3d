metadata description = 'Who reads a hub, each from where it stopped.'

param namespaceName string
param hubName string
param groups array

resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' existing = {
  name: namespaceName
}

resource hub 'Microsoft.EventHub/namespaces/eventhubs@2024-01-01' existing = {
  parent: namespace
  name: hubName
}

resource readers 'Microsoft.EventHub/namespaces/eventhubs/consumergroups@2024-01-01' = [for group in groups: {
  parent: hub
  name: group
  properties: {}
}]
