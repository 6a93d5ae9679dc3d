targetScope = 'subscription'
metadata description = 'A stamp: everything that one brand needs in one region, in a resource group of its own.'

@description('How the console asks for tokens, and where its map tiles are (`https://…/{z}/{x}/{y}.png`), if anywhere.')
type Console = {
  clientId: string
  scope: string
  tiles: string
}

@description('The brand, as it stands in names and, where an issuer of tokens names none, in their place.')
@minLength(2)
@maxLength(8)
param brand string

@description('What it is there for. `prod` is zone-redundant, keeps more backups and may not be deleted by accident.')
@allowed(['dev', 'test', 'prod'])
param environmentName string

@description('Azure region, as `az account list-locations` names it.')
param location string

@description('The region in names, as `weu`.')
@minLength(2)
@maxLength(4)
param regionCode string

@description('Vehicles that are registered. With the next two: every size follows from them.')
@minValue(1)
param vehicles int

@description('Messages that one vehicle sends on a mean day.')
@minValue(1)
param messagesPerDay int = 60

@description('How many times the mean the busiest second brings.')
@minValue(1)
param peakFactor int = 3

@description('Object id of the Entra group whose members operate the stamp: secrets, enrolment of vehicles.')
param operators string

@description('Audience of the tokens that callers bear: the client id of the app registration.')
param audience string

@description('Issuer of those tokens; the tenant, if empty.')
param tokenIssuer string = ''

@description('Where that issuer publishes its keys. Needed with an issuer of your own.')
param tokenKeysUrl string = ''

@description('Without a client there is no console.')
param console Console = { clientId: '', scope: '', tiles: '' }

@description('Where people reach the app, `https://…` without a path; its own host name, if empty.')
param publicUrl string = ''

@description('Networks of your own that webhooks may call besides public addresses, `10.1.0.0/16,…`; none, if empty.')
param webhookNetworks string = ''

@description('Where an OTLP receiver takes spans and metrics over HTTP, `https://…` without `/v1/…`, beside Application Insights; none, if empty.')
param otlpEndpoint string = ''

@description('Send that receiver the headers that the secret `otlp-headers` holds, as `api-key=…`.')
param otlpHeaders bool = false

@description('Public certificate of the authority that signs vehicles\' certificates, PEM; it can be given later.')
param vehicleCa string = ''

@description('Who is told when something is wrong; nobody, if empty.')
param alertMail string = ''

@description('Send mail through Communication Services, as this SMTP user; no mail, if empty.')
param smtpUser string = ''

@description('Keep what vehicles sent as Avro files for seven days as well.')
param capture bool = false

@description('Reach the stores over private endpoints only. The app and IoT Hub stay public: vehicles and people come there.')
param isolated bool = false

@description('Pay for Cosmos DB by the request: for small fleets in one region.')
param serverless bool = environmentName != 'prod'

@description('Further regions that Cosmos DB replicates to.')
param extraRegions array = []

@description('Name of the Cosmos DB account, where it is one that was restored; by the stamp, if empty.')
param cosmosAccountName string = ''

@description('Partitions of the telemetry hub, which cannot be changed: name them where the fleet asks for others by now. 0 is by the fleet.')
param telemetryPartitions int = 0

var fits = vehicles <= 1000000 ? vehicles : fail('A stamp holds 1,000,000 vehicles at most, as many as one IoT hub has devices: divide the fleet and add a stamp.')
var messagesADay = fits * messagesPerDay
var peak = (messagesADay * peakFactor + 86399) / 86400

// Units that hold both the day's messages and the busiest second. S1, S2 and S3 cost 1 : 10 : 100; the cheapest is taken.
var s1 = max((messagesADay + 399999) / 400000, peak <= 100 ? 1 : (peak + 11) / 12)
var s2 = max((messagesADay + 5999999) / 6000000, (peak + 119) / 120)
var s3 = max((messagesADay + 299999999) / 300000000, (peak + 5999) / 6000)
var larger = s2 <= min(200, 10 * s3) ? { name: 'S2', capacity: s2 } : { name: 'S3', capacity: s3 }
var iotHub = s1 <= min(200, 10 * s2, 100 * s3) ? { name: 'S1', capacity: s1 } : larger

// A message takes 3 KB of the hub, a throughput unit 1 MB a second.
var units = max(1, (peak * 3 + 999) / 1000)
var throughputUnits = units <= 40 ? units : fail('The busiest second brings more than 40 throughput units take: divide the fleet and add a stamp.')

// A partition is read by one instance, which takes in 250 messages a second and so catches up after a pause.
var partitions = telemetryPartitions > 0 ? telemetryPartitions : (peak <= 2000 ? 8 : (peak <= 4000 ? 16 : 32))

// A message costs 10 request units, 8 in `vehicles` and 2 in `history`; half as much again is for those who read. What
// is stored binds as well: history keeps 24 KB for each message a day, and a gigabyte needs 10 units.
var unitsOfVehicles = max(1, (peak * 12 + 999) / 1000) * 1000
var unitsOfHistory = max(1, (peak * 3 + 999) / 1000, (messagesADay / 4000 + 999) / 1000) * 1000
var unitsOfOthers = max(1, (peak * 3 + 999) / 1000) * 1000
var mayBeServerless = length(extraRegions) == 0 && unitsOfVehicles <= 5000
var isServerless = !serverless || mayBeServerless ? serverless : fail('Serverless Cosmos DB is for one region and 5,000 request units a second: set serverless to false.')

// As many requests as messages; an instance answers 100 a second, and reads one partition.
var httpInstances = (peak + 99) / 100
var mostInstances = max(40, partitions + partitions / 4 + httpInstances + 16)

var sizes = {
  iotHub: iotHub
  throughputUnits: throughputUnits
  partitions: { telemetry: partitions, lifecycle: partitions / 4 }
  requestUnits: { vehicles: unitsOfVehicles, history: unitsOfHistory, others: unitsOfOthers }
  instances: { most: mostInstances, http: max(environmentName == 'prod' ? 2 : 1, (httpInstances + 3) / 4) }
}

var small = toLower(brand) == brand ? brand : fail('The brand stands in names that take small letters and digits only.')
var suffix = '${small}-${environmentName}-${regionCode}'
var tags = { brand: brand, environment: environmentName, region: regionCode }

resource group 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: 'rg-${suffix}'
  location: location
  tags: tags
}

module stamp 'stamp.bicep' = {
  scope: group
  name: 'stamp-${suffix}'
  params: {
    brand: brand
    suffix: suffix
    token: take(uniqueString(subscription().id, suffix), 6)
    location: location
    tags: tags
    isProduction: environmentName == 'prod'
    sizes: sizes
    operators: operators
    audience: audience
    tokenIssuer: tokenIssuer
    tokenKeysUrl: tokenKeysUrl
    console: console
    publicUrl: publicUrl
    webhookNetworks: webhookNetworks
    otlpEndpoint: otlpEndpoint
    otlpHeaders: otlpHeaders
    vehicleCa: vehicleCa
    alertMail: alertMail
    smtpUser: smtpUser
    capture: capture
    isolated: isolated
    serverless: isServerless
    extraRegions: extraRegions
    cosmosAccountName: cosmosAccountName
  }
}

@description('What `sizes` came to.')
output sizes object = sizes
output resourceGroupName string = group.name
output functionAppName string = stamp.outputs.functionAppName
output url string = stamp.outputs.url
output keyVaultName string = stamp.outputs.keyVaultName
output iotHubName string = stamp.outputs.iotHubName
output provisioningName string = stamp.outputs.provisioningName
output idScope string = stamp.outputs.idScope
