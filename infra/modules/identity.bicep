metadata description = 'Who acts: the app, IoT Hub where it hands on, and Event Hubs where it captures. They have no secrets.'

param location string
param tags object
param suffix string
param capture bool

resource app 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-app-${suffix}'
  location: location
  tags: tags
}

resource iot 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-iot-${suffix}'
  location: location
  tags: tags
}

resource capturing 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = if (capture) {
  name: 'id-capture-${suffix}'
  location: location
  tags: tags
}

output appIdentityId string = app.id
output appClientId string = app.properties.clientId
output appPrincipalId string = app.properties.principalId
output iotIdentityId string = iot.id
output iotPrincipalId string = iot.properties.principalId
output captureIdentityId string = capture ? capturing.id : ''
output capturePrincipalId string = capture ? capturing!.properties.principalId : ''
