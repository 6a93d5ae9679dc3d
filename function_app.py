"""The function app: every trigger, registered once."""

import azure.functions as func

from functions import (
    catalog,
    deliveries,
    entitlements,
    fallback,
    inbox,
    ledger,
    notifications,
    telemetry,
    vehicles,
    wake,
)

app = func.FunctionApp()
for module in (telemetry, notifications, deliveries, wake, vehicles, entitlements, catalog, inbox, ledger, fallback):
    app.register_functions(module.bp)
