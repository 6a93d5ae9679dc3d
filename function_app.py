"""The function app: every trigger, registered once."""

import azure.functions as func

from functions import (
    brands,
    catalog,
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
ROUTES = (vehicles, states, privacy, rules, *PEOPLE, *BRANDS, ledger, parked, openapi, fallback)

times.install()
app = func.FunctionApp()
for module in (*EVENTS, *ROUTES):
    app.register_functions(module.bp)
