"""The function app: every trigger, registered once."""

import azure.functions as func

from functions import (
    brands,
    catalog,
    deliveries,
    entitlements,
    fallback,
    inbox,
    ledger,
    lifecycle,
    notifications,
    parked,
    privacy,
    rules,
    states,
    telemetry,
    times,
    vehicles,
    wake,
)

EVENTS = (telemetry, lifecycle, notifications, deliveries, wake)
ROUTES = (vehicles, states, privacy, rules, entitlements, catalog, brands, inbox, ledger, parked, fallback)

times.install()
app = func.FunctionApp()
for module in (*EVENTS, *ROUTES):
    app.register_functions(module.bp)
