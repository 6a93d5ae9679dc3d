metadata description = 'What somebody has to look at. The queries are in infra/queries, the thresholds are here.'

param location string
param tags object
param suffix string

@description('Who is told; nobody, if empty.')
param alertMail string
param workspaceId string
param serviceBusId string
param cosmosId string

// A window is longer than the pause between looks: telemetry comes some minutes late.
var asked = [
  {
    name: 'ingest-lag'
    says: 'Vehicle state is more than five minutes behind.'
    query: loadTextContent('../queries/ingestLag.kql')
    measure: 'Seconds'
    operator: 'GreaterThan'
    threshold: 300
    every: 'PT5M'
    window: 'PT15M'
    severity: 1
  }
  {
    name: 'parked'
    says: 'More than 1 % of what vehicles send cannot be taken in.'
    query: loadTextContent('../queries/parked.kql')
    measure: 'Percent'
    operator: 'GreaterThan'
    threshold: 1
    every: 'PT15M'
    window: 'PT30M'
    severity: 2
  }
  {
    name: 'failed-deliveries'
    says: 'More than 5 % of deliveries fail for good.'
    query: loadTextContent('../queries/failedDeliveries.kql')
    measure: 'Percent'
    operator: 'GreaterThan'
    threshold: 5
    every: 'PT15M'
    window: 'PT30M'
    severity: 2
  }
  {
    name: 'server-errors'
    says: 'More than 1 % of answers are errors of ours.'
    query: loadTextContent('../queries/serverErrors.kql')
    measure: 'Percent'
    operator: 'GreaterThan'
    threshold: 1
    every: 'PT5M'
    window: 'PT15M'
    severity: 1
  }
  {
    name: 'check-latency'
    says: 'One entitlement check in a hundred takes longer than 250 ms.'
    query: loadTextContent('../queries/checkLatency.kql')
    measure: 'Milliseconds'
    operator: 'GreaterThan'
    threshold: 250
    every: 'PT15M'
    window: 'PT30M'
    severity: 2
  }
  {
    name: 'silence'
    says: 'Nothing of any vehicle has been taken in for an hour.'
    query: loadTextContent('../queries/silence.kql')
    measure: 'Reports'
    operator: 'LessThan'
    threshold: 1
    every: 'PT15M'
    window: 'PT1H'
    severity: 1
  }
]

var measured = [
  {
    name: 'cosmos-throttling'
    says: 'Cosmos DB refuses requests for want of throughput.'
    of: cosmosId
    kind: 'Microsoft.DocumentDB/databaseAccounts'
    metric: 'TotalRequests'
    aggregation: 'Count'
    dimensions: [{ name: 'StatusCode', operator: 'Include', values: ['429'] }]
    operator: 'GreaterThan'
    threshold: 100
    window: 'PT5M'
    severity: 2
  }
  {
    name: 'dead-letters'
    says: 'A message was given up on by its queue.'
    of: serviceBusId
    kind: 'Microsoft.ServiceBus/namespaces'
    metric: 'DeadletteredMessages'
    aggregation: 'Maximum'
    dimensions: []
    operator: 'GreaterThan'
    threshold: 0
    window: 'PT5M'
    severity: 2
  }
]

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(alertMail)) {
  name: 'ag-${suffix}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'operators'
    enabled: true
    emailReceivers: [
      {
        name: 'operators'
        emailAddress: alertMail
        useCommonAlertSchema: true
      }
    ]
  }
}

resource queries 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [for one in asked: {
  name: '${one.name}-${suffix}'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: one.name
    description: one.says
    severity: one.severity
    enabled: true
    scopes: [workspaceId]
    evaluationFrequency: one.every
    windowSize: one.window
    // A new workspace has no such tables before the first telemetry.
    skipQueryValidation: true
    criteria: {
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          query: one.query
          timeAggregation: 'Maximum'
          metricMeasureColumn: one.measure
          operator: one.operator
          threshold: one.threshold
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    autoMitigate: true
    actions: {
      actionGroups: empty(alertMail) ? [] : [people.id]
    }
  }
}]

resource metrics 'Microsoft.Insights/metricAlerts@2026-01-01' = [for one in measured: {
  name: '${one.name}-${suffix}'
  location: 'global'
  tags: tags
  properties: {
    description: one.says
    severity: one.severity
    enabled: true
    scopes: [one.of]
    evaluationFrequency: 'PT5M'
    windowSize: one.window
    targetResourceType: one.kind
    targetResourceRegion: location
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: one.name
          metricName: one.metric
          metricNamespace: one.kind
          dimensions: one.dimensions
          operator: one.operator
          threshold: one.threshold
          timeAggregation: one.aggregation
        }
      ]
    }
    autoMitigate: true
    actions: empty(alertMail) ? [] : [
      {
        actionGroupId: people.id
      }
    ]
  }
}]
