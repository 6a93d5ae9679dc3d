metadata description = 'The app on Flex Consumption: HTTP scales together, every other function alone. It logs to Application Insights itself.'

param brand string
param location string
param tags object
param suffix string
param zoneRedundant bool

@description('How many at most, and how many always ready for HTTP.')
param instances object

@description('The subnet that the app reaches out through; none, if empty.')
param subnetId string
param identityId string
param identityClientId string
param storageAccountName string
param deploymentContainer string
param insightsName string
param cosmosEndpoint string
param eventHubsNamespace string
param serviceBusNamespace string
param vaultUri string
param audience string
param tokenIssuer string
param tokenKeysUrl string
param console object
param publicUrl string
param webhookNetworks string

@description('Of an OTLP receiver beside Application Insights; none, if empty.')
param otlpEndpoint string

@description('The vault holds the headers that the receiver asks for, as the secret `otlp-headers`.')
param otlpHeaders bool

@description('User and sender; no mail, if empty.')
param smtp object

var url = empty(publicUrl) ? 'https://${app.properties.defaultHostName}' : publicUrl
var authority = '${environment().authentication.loginEndpoint}${tenant().tenantId}'

resource storage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageAccountName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: 'plan-${suffix}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
    zoneRedundant: zoneRedundant
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: 'func-${suffix}'
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      ftpsState: 'Disabled'
      http20Enabled: true
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${storage.properties.primaryEndpoints.blob}${deploymentContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: '3.13'
      }
      scaleAndConcurrency: {
        instanceMemoryMB: 2048
        maximumInstanceCount: instances.most
        alwaysReady: [
          {
            name: 'http'
            instanceCount: instances.http
          }
          {
            name: 'function:ingest_telemetry'
            instanceCount: zoneRedundant ? 2 : 1
          }
        ]
        // A follower of vehicles or of an inbox holds a request that waits, and costs next to nothing meanwhile.
        triggers: {
          http: {
            perInstanceConcurrency: 200
          }
        }
      }
    }
  }

  resource settings 'config' = {
    name: 'appsettings'
    properties: union({
      AzureWebJobsStorage__accountName: storageAccountName
      AzureWebJobsStorage__credential: 'managedidentity'
      AzureWebJobsStorage__clientId: identityClientId
      APPLICATIONINSIGHTS_CONNECTION_STRING: insights.properties.ConnectionString
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
      OTEL_SERVICE_NAME: app.name
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=${tags.environment},cloud.region=${location},automotive_cloud.brand=${brand}'
      AZURE_CLIENT_ID: identityClientId
      EVENTHUBS__fullyQualifiedNamespace: eventHubsNamespace
      EVENTHUBS__credential: 'managedidentity'
      EVENTHUBS__clientId: identityClientId
      SERVICEBUS__fullyQualifiedNamespace: serviceBusNamespace
      SERVICEBUS__credential: 'managedidentity'
      SERVICEBUS__clientId: identityClientId
      COSMOS__accountEndpoint: cosmosEndpoint
      PUBLIC_URL: '${url}/api/v1'
      TOKEN_AUDIENCE: audience
      TOKEN_ISSUER: empty(tokenIssuer) ? '${authority}/v2.0' : tokenIssuer
      TOKEN_JWKS_URL: empty(tokenIssuer) ? '${authority}/discovery/v2.0/keys' : tokenKeysUrl
      PASSPORT_ISSUER: url
      PASSPORT_KEYS: '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/passport-keys)'
      CODE_SECRET: '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/code-secret)'
      REQUESTS_PER_SECOND: '100'
      REQUEST_BURST: '400'
      WAKE_SCHEDULE: '0 * * * * *'
      HANDOVER_AFTER_SECONDS: '60'
    }, empty(tokenIssuer) ? {
      TOKEN_BRAND: brand
    } : {}, empty(webhookNetworks) ? {} : {
      WEBHOOK_NETWORKS: webhookNetworks
    }, empty(otlpEndpoint) ? {} : {
      OTEL_EXPORTER_OTLP_ENDPOINT: otlpEndpoint
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf'
    }, !otlpHeaders ? {} : {
      OTEL_EXPORTER_OTLP_HEADERS: '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/otlp-headers)'
    }, empty(console.clientId) ? {} : {
      CONSOLE_CLIENT_ID: console.clientId
      CONSOLE_SCOPE: console.scope
      TILES_URL: console.tiles
    }, empty(smtp) ? {} : {
      SMTP_HOST: 'smtp.azurecomm.net'
      SMTP_PORT: '587'
      SMTP_FROM: smtp.from
      SMTP_USER: smtp.user
      SMTP_PASSWORD: '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/smtp-password)'
    })
  }
}

output name string = app.name
output url string = url
