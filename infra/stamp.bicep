metadata description = 'The modules of a stamp, in the order in which one needs the other.'

param brand string
param suffix string
param token string
param location string
param tags object
param isProduction bool
param sizes object
param operators string
param audience string
param tokenIssuer string
param tokenKeysUrl string
param console object
param publicUrl string
param webhookNetworks string
param otlpEndpoint string
param otlpHeaders bool
param vehicleCa string
param alertMail string
param smtpUser string
param capture bool
param isolated bool
param serverless bool
param extraRegions array
param cosmosAccountName string

var unique = '${suffix}-${token}'
var short = '${replace(suffix, '-', '')}${token}'

module identity 'modules/identity.bicep' = {
  name: 'identity'
  params: { location: location, tags: tags, suffix: suffix, capture: capture }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  params: {
    location: location
    tags: tags
    suffix: suffix
    isProduction: isProduction
    appPrincipalId: identity.outputs.appPrincipalId
  }
}

module network 'modules/network.bicep' = if (isolated) {
  name: 'network'
  params: { location: location, tags: tags, suffix: suffix }
}

var link = isolated ? network!.outputs.link : {}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  params: {
    location: location
    tags: tags
    accountName: take('st${short}', 24)
    zoneRedundant: isProduction
    appPrincipalId: identity.outputs.appPrincipalId
    capturePrincipalId: identity.outputs.capturePrincipalId
    workspaceId: monitoring.outputs.workspaceId
    link: link
  }
}

module eventHubs 'modules/eventHubs.bicep' = {
  name: 'event-hubs'
  params: {
    location: location
    tags: tags
    namespaceName: 'evhns-${unique}'
    throughputUnits: sizes.throughputUnits
    partitions: sizes.partitions
    appPrincipalId: identity.outputs.appPrincipalId
    iotPrincipalId: identity.outputs.iotPrincipalId
    captureIdentityId: identity.outputs.captureIdentityId
    captureAccountId: storage.outputs.accountId
    captureContainer: storage.outputs.captureContainer
    workspaceId: monitoring.outputs.workspaceId
    link: link
  }
}

module serviceBus 'modules/serviceBus.bicep' = {
  name: 'service-bus'
  params: {
    location: location
    tags: tags
    namespaceName: 'sbns-${unique}'
    appPrincipalId: identity.outputs.appPrincipalId
    workspaceId: monitoring.outputs.workspaceId
    link: link
  }
}

module cosmos 'modules/cosmos.bicep' = {
  name: 'cosmos'
  params: {
    location: location
    tags: tags
    accountName: empty(cosmosAccountName) ? take('cosmos-${unique}', 44) : cosmosAccountName
    isProduction: isProduction
    serverless: serverless
    extraRegions: extraRegions
    requestUnits: sizes.requestUnits
    appPrincipalId: identity.outputs.appPrincipalId
    workspaceId: monitoring.outputs.workspaceId
    link: link
  }
}

module keyVault 'modules/keyVault.bicep' = {
  name: 'key-vault'
  params: {
    location: location
    tags: tags
    vaultName: take('kv${short}', 24)
    appPrincipalId: identity.outputs.appPrincipalId
    operators: operators
    workspaceId: monitoring.outputs.workspaceId
    link: link
  }
}

module iot 'modules/iot.bicep' = {
  name: 'iot'
  params: {
    location: location
    tags: tags
    suffix: unique
    sku: sizes.iotHub
    iotIdentityId: identity.outputs.iotIdentityId
    iotPrincipalId: identity.outputs.iotPrincipalId
    eventHubsEndpoint: eventHubs.outputs.endpoint
    operators: operators
    vehicleCa: vehicleCa
    workspaceId: monitoring.outputs.workspaceId
  }
}

module mail 'modules/mail.bicep' = if (!empty(smtpUser)) {
  name: 'mail'
  params: { tags: tags, suffix: unique, workspaceId: monitoring.outputs.workspaceId }
}

module functions 'modules/functions.bicep' = {
  name: 'functions'
  params: {
    brand: brand
    location: location
    tags: tags
    suffix: unique
    zoneRedundant: isProduction
    instances: sizes.instances
    subnetId: isolated ? network!.outputs.appSubnetId : ''
    identityId: identity.outputs.appIdentityId
    identityClientId: identity.outputs.appClientId
    storageAccountName: storage.outputs.accountName
    deploymentContainer: storage.outputs.deploymentContainer
    insightsName: monitoring.outputs.insightsName
    cosmosEndpoint: cosmos.outputs.endpoint
    eventHubsNamespace: eventHubs.outputs.fullyQualifiedNamespace
    serviceBusNamespace: serviceBus.outputs.fullyQualifiedNamespace
    vaultUri: keyVault.outputs.vaultUri
    audience: audience
    tokenIssuer: tokenIssuer
    tokenKeysUrl: tokenKeysUrl
    console: console
    publicUrl: publicUrl
    webhookNetworks: webhookNetworks
    otlpEndpoint: otlpEndpoint
    otlpHeaders: otlpHeaders
    smtp: empty(smtpUser) ? {} : { user: smtpUser, from: mail!.outputs.sender }
  }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  params: {
    location: location
    tags: tags
    suffix: suffix
    alertMail: alertMail
    workspaceId: monitoring.outputs.workspaceId
    serviceBusId: serviceBus.outputs.namespaceId
    cosmosId: cosmos.outputs.accountId
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  params: {
    location: location
    tags: tags
    suffix: suffix
    workspaceId: monitoring.outputs.workspaceId
    iotHubId: iot.outputs.hubId
    eventHubsId: eventHubs.outputs.namespaceId
    cosmosId: cosmos.outputs.accountId
  }
}

output functionAppName string = functions.outputs.name
output url string = functions.outputs.url
output keyVaultName string = keyVault.outputs.name
output iotHubName string = iot.outputs.hubName
output provisioningName string = iot.outputs.provisioningName
output idScope string = iot.outputs.idScope
