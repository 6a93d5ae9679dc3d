metadata description = 'Mail through Communication Services, from a domain that Azure manages.'

param tags object
param suffix string
param workspaceId string

resource service 'Microsoft.Communication/emailServices@2026-03-18' = {
  name: 'mail-${suffix}'
  location: 'global'
  tags: tags
  properties: {
    dataLocation: 'Europe'
  }
}

resource domain 'Microsoft.Communication/emailServices/domains@2026-03-18' = {
  parent: service
  name: 'AzureManagedDomain'
  location: 'global'
  tags: tags
  properties: {
    domainManagement: 'AzureManaged'
    userEngagementTracking: 'Disabled'
  }
}

resource communication 'Microsoft.Communication/communicationServices@2026-03-18' = {
  name: 'acs-${suffix}'
  location: 'global'
  tags: tags
  properties: {
    dataLocation: 'Europe'
    disableLocalAuth: true
    linkedDomains: [domain.id]
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2016-09-01' = {
  scope: communication
  name: 'service'
  location: 'global'
  properties: {
    workspaceId: workspaceId
    logs: [for category in ['EmailSendMailOperational', 'EmailStatusUpdateOperational']: {
      category: category
      enabled: true
    }]
  }
}

output sender string = 'DoNotReply@${domain.properties.mailFromSenderDomain}'
