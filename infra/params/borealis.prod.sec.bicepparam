using '../main.bicep'

param brand = 'borealis'
param environmentName = 'prod'
param location = 'swedencentral'
param regionCode = 'sec'
param vehicles = 200000
param peakFactor = 4
param operators = readEnvironmentVariable('OPERATORS')
param audience = readEnvironmentVariable('AUDIENCE')
param vehicleCa = readEnvironmentVariable('VEHICLE_CA', '')
