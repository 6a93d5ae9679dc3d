"""The function app: every trigger, registered once."""

import azure.functions as func

from functions import (
    brands,
    catalog,
    console,
    deliveries,
    entitlements,
    fallback,
    garage,
    inbox,
    ledger,
    lifecycle,
    notifications,
    openapi,
    parked,
    people,
    privacy,
    rules,
    sales,
    sightings,
    states,
    telemetry,
    telling,
    times,
    vehicles,
    wake,
    webhooks,
)

EVENTS = (telemetry, lifecycle, notifications, deliveries, wake)
PEOPLE = (garage, inbox, telling, people)
BRANDS = (entitlements, sales, catalog, brands, webhooks)
ROUTES = (vehicles, states, sightings, privacy, rules, *PEOPLE, *BRANDS, ledger, parked, openapi, console, fallback)

times.install()
app = func.FunctionApp()
for module in (*EVENTS, *ROUTES):
    app.register_functions(module.bp)
