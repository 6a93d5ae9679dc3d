using '../main.bicep'

param brand = 'aurora'
param environmentName = 'prod'
param location = 'westeurope'
param regionCode = 'weu'
param vehicles = 1000000
param operators = readEnvironmentVariable('OPERATORS')
param audience = readEnvironmentVariable('AUDIENCE')
param console = { clientId: readEnvironmentVariable('AUDIENCE'), scope: readEnvironmentVariable('CONSOLE_SCOPE', ''), tiles: '' }
param alertMail = readEnvironmentVariable('ALERT_MAIL', '')
param vehicleCa = readEnvironmentVariable('VEHICLE_CA', '')
param isolated = true
param extraRegions = ['northeurope']
