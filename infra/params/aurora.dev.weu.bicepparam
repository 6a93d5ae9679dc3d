using '../main.bicep'

param brand = 'aurora'
param environmentName = 'dev'
param location = 'westeurope'
param regionCode = 'weu'
param vehicles = 100
param operators = readEnvironmentVariable('OPERATORS')
param audience = readEnvironmentVariable('AUDIENCE')
param vehicleCa = readEnvironmentVariable('VEHICLE_CA', '')
