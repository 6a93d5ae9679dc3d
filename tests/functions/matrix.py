"""Who may do what: every expected answer, written down by route, caller and whose vehicle it is.

A cell is `ok` for an answer that is neither 401, 403 nor 404, or one of those. The columns are a vehicle of one's own,
one of others, one of another brand, and one that is not there."""

from typing import NamedTuple

COLUMNS = ("own", "others", "foreign", "absent")
CALLERS = (
    "nobody",
    "operator",
    "rival operator",
    "primary",
    "secondary",
    "guest",
    "past guest",
    "stranger",
    "namesake",
    "itself",
    "other vehicle",
    "partner",
    "partner without scopes",
    "partner without consent",
)
"""A namesake has the owner's id in another brand. A past guest's time is over. Of partners, the first has every scope
and the owner's consent."""

_TABLES = """
access
  nobody                    401 401 401 401
  operator                  ok  ok  404 404
  rival operator            404 404 ok  404
  primary                   ok  404 404 404
  secondary                 ok  404 404 404
  guest                     ok  404 404 404
  past guest                404 404 404 404
  stranger                  404 404 404 404
  namesake                  404 404 404 404
  itself                    ok  404 404 404
  other vehicle             404 ok  404 404
  partner                   ok  404 404 404
  partner without scopes    404 404 404 404
  partner without consent   404 404 404 404

private
  nobody                    401 401 401 401
  operator                  ok  ok  404 404
  rival operator            404 404 ok  404
  primary                   ok  404 404 404
  secondary                 ok  404 404 404
  guest                     ok  404 404 404
  past guest                404 404 404 404
  stranger                  404 404 404 404
  namesake                  404 404 404 404
  itself                    ok  404 404 404
  other vehicle             404 ok  404 404
  partner                   404 404 404 404
  partner without scopes    404 404 404 404
  partner without consent   404 404 404 404

owner
  nobody                    401 401 401 401
  operator                  ok  ok  404 404
  rival operator            404 404 ok  404
  primary                   ok  404 404 404
  secondary                 403 404 404 404
  guest                     403 404 404 404
  past guest                404 404 404 404
  stranger                  404 404 404 404
  namesake                  404 404 404 404
  itself                    403 404 404 404
  other vehicle             404 403 404 404
  partner                   403 404 404 404
  partner without scopes    404 404 404 404
  partner without consent   404 404 404 404

lasting
  nobody                    401 401 401 401
  operator                  ok  ok  404 404
  rival operator            404 404 ok  404
  primary                   ok  404 404 404
  secondary                 ok  404 404 404
  guest                     403 404 404 404
  past guest                404 404 404 404
  stranger                  404 404 404 404
  namesake                  404 404 404 404
  itself                    403 404 404 404
  other vehicle             404 403 404 404
  partner                   403 404 404 404
  partner without scopes    404 404 404 404
  partner without consent   404 404 404 404

code
  nobody                    401 401 401 401
  operator                  ok  ok  404 404
  rival operator            404 404 ok  404
  primary                   403 404 404 404
  secondary                 403 404 404 404
  guest                     403 404 404 404
  past guest                404 404 404 404
  stranger                  404 404 404 404
  namesake                  404 404 404 404
  itself                    ok  404 404 404
  other vehicle             404 ok  404 404
  partner                   404 404 404 404
  partner without scopes    404 404 404 404
  partner without consent   404 404 404 404

member
  nobody                    401 401 401 401
  operator                  ok  ok  404 404
  rival operator            404 404 ok  404
  primary                   ok  404 404 404
  secondary                 ok  404 404 404
  guest                     403 404 404 404
  past guest                404 404 404 404
  stranger                  404 404 404 404
  namesake                  404 404 404 404
  itself                    403 404 404 404
  other vehicle             404 403 404 404
  partner                   404 404 404 404
  partner without scopes    404 404 404 404
  partner without consent   404 404 404 404

payments
  nobody                    401 401 401 401
  operator                  ok  ok  404 404
  rival operator            404 404 ok  404
  primary                   403 404 404 404
  secondary                 403 404 404 404
  guest                     403 404 404 404
  past guest                404 404 404 404
  stranger                  404 404 404 404
  namesake                  404 404 404 404
  itself                    403 404 404 404
  other vehicle             404 403 404 404
  partner                   ok  ok  404 404
  partner without scopes    404 404 404 404
  partner without consent   ok  ok  404 404

operator
  nobody                    401 401 401 401
  operator                  ok  ok  404 404
  rival operator            404 404 ok  404
  primary                   403 403 403 403
  secondary                 403 403 403 403
  guest                     403 403 403 403
  past guest                403 403 403 403
  stranger                  403 403 403 403
  namesake                  403 403 403 403
  itself                    403 403 403 403
  other vehicle             403 403 403 403
  partner                   403 403 403 403
  partner without scopes    403 403 403 403
  partner without consent   403 403 403 403

brand
  nobody                    401 401 401 401
  operator                  ok  ok  ok  ok
  rival operator            ok  ok  ok  ok
  primary                   403 403 403 403
  secondary                 403 403 403 403
  guest                     403 403 403 403
  past guest                403 403 403 403
  stranger                  403 403 403 403
  namesake                  403 403 403 403
  itself                    403 403 403 403
  other vehicle             403 403 403 403
  partner                   403 403 403 403
  partner without scopes    403 403 403 403
  partner without consent   403 403 403 403

anybody
  nobody                    401 401 401 401
  operator                  ok  ok  ok  ok
  rival operator            ok  ok  ok  ok
  primary                   ok  ok  ok  ok
  secondary                 ok  ok  ok  ok
  guest                     ok  ok  ok  ok
  past guest                ok  ok  ok  ok
  stranger                  ok  ok  ok  ok
  namesake                  ok  ok  ok  ok
  itself                    ok  ok  ok  ok
  other vehicle             ok  ok  ok  ok
  partner                   ok  ok  ok  ok
  partner without scopes    ok  ok  ok  ok
  partner without consent   ok  ok  ok  ok

public
  nobody                    ok  ok  ok  ok
  operator                  ok  ok  ok  ok
  rival operator            ok  ok  ok  ok
  primary                   ok  ok  ok  ok
  secondary                 ok  ok  ok  ok
  guest                     ok  ok  ok  ok
  past guest                ok  ok  ok  ok
  stranger                  ok  ok  ok  ok
  namesake                  ok  ok  ok  ok
  itself                    ok  ok  ok  ok
  other vehicle             ok  ok  ok  ok
  partner                   ok  ok  ok  ok
  partner without scopes    ok  ok  ok  ok
  partner without consent   ok  ok  ok  ok

person
  nobody                    401 401 401 401
  operator                  403 403 403 403
  rival operator            403 403 403 403
  primary                   ok  ok  ok  ok
  secondary                 ok  ok  ok  ok
  guest                     ok  ok  ok  ok
  past guest                ok  ok  ok  ok
  stranger                  ok  ok  ok  ok
  namesake                  ok  ok  ok  ok
  itself                    403 403 403 403
  other vehicle             403 403 403 403
  partner                   403 403 403 403
  partner without scopes    403 403 403 403
  partner without consent   403 403 403 403

export
  nobody                    401 401 401 401
  operator                  403 403 403 403
  rival operator            403 403 403 403
  primary                   ok  404 404 404
  secondary                 404 404 404 404
  guest                     404 404 404 404
  past guest                404 404 404 404
  stranger                  404 404 404 404
  namesake                  404 404 404 404
  itself                    403 403 403 403
  other vehicle             403 403 403 403
  partner                   403 403 403 403
  partner without scopes    403 403 403 403
  partner without consent   403 403 403 403

claiming
  nobody                    401 401 401 401
  operator                  403 403 403 403
  rival operator            403 403 403 403
  primary                   ok  403 403 403
  secondary                 ok  403 403 403
  guest                     ok  403 403 403
  past guest                ok  403 403 403
  stranger                  ok  403 403 403
  namesake                  403 403 403 403
  itself                    403 403 403 403
  other vehicle             403 403 403 403
  partner                   403 403 403 403
  partner without scopes    403 403 403 403
  partner without consent   403 403 403 403

inbox
  nobody                    401 401 401 401
  operator                  ok  ok  ok  ok
  rival operator            ok  ok  ok  ok
  primary                   ok  ok  ok  ok
  secondary                 ok  ok  ok  ok
  guest                     ok  ok  ok  ok
  past guest                ok  ok  ok  ok
  stranger                  ok  ok  ok  ok
  namesake                  ok  ok  ok  ok
  itself                    403 403 403 403
  other vehicle             403 403 403 403
  partner                   403 403 403 403
  partner without scopes    403 403 403 403
  partner without consent   403 403 403 403

item
  nobody                    401 401 401 401
  operator                  404 404 404 404
  rival operator            404 404 404 404
  primary                   ok  404 404 404
  secondary                 404 404 404 404
  guest                     404 404 404 404
  past guest                404 404 404 404
  stranger                  404 404 404 404
  namesake                  404 404 404 404
  itself                    403 403 403 403
  other vehicle             403 403 403 403
  partner                   403 403 403 403
  partner without scopes    403 403 403 403
  partner without consent   403 403 403 403

trail
  nobody                    401 401 401 401
  operator                  ok  ok  404 404
  rival operator            404 404 ok  404
  primary                   ok  404 404 404
  secondary                 404 404 404 404
  guest                     404 404 404 404
  past guest                404 404 404 404
  stranger                  404 404 404 404
  namesake                  404 404 404 404
  itself                    403 403 403 403
  other vehicle             403 403 403 403
  partner                   ok  404 404 404
  partner without scopes    403 403 403 403
  partner without consent   404 404 404 404

hooks
  nobody                    401 401 401 401
  operator                  ok  ok  ok  ok
  rival operator            ok  ok  ok  ok
  primary                   403 403 403 403
  secondary                 403 403 403 403
  guest                     403 403 403 403
  past guest                403 403 403 403
  stranger                  403 403 403 403
  namesake                  403 403 403 403
  itself                    403 403 403 403
  other vehicle             403 403 403 403
  partner                   ok  ok  ok  ok
  partner without scopes    403 403 403 403
  partner without consent   ok  ok  ok  ok

endpoint
  nobody                    401 401 401 401
  operator                  ok  ok  404 404
  rival operator            404 404 ok  404
  primary                   403 403 403 403
  secondary                 403 403 403 403
  guest                     403 403 403 403
  past guest                403 403 403 403
  stranger                  403 403 403 403
  namesake                  403 403 403 403
  itself                    403 403 403 403
  other vehicle             403 403 403 403
  partner                   ok  404 404 404
  partner without scopes    403 403 403 403
  partner without consent   404 404 404 404
"""
_ROUTES = """
access      read_vehicle read_vehicle_state read_history list_trips read_trip list_charges read_consents
access      check_entitlements list_entitlements check_entitlement issue_passport read_passport_status
private     read_privacy read_vehicle_rules
owner       change_privacy give_consent make_transfer_code read_members invite_member withdraw_invitation
owner       subscribe_vehicle read_sales read_books_of_sale cancel_subscription resume_subscription change_subscription
lasting     put_vehicle_rule drop_vehicle_rule switch_service
code        make_claim_code
member      remove_member
payments    report_payment
operator    activate_vehicle suspend_vehicle decommission_vehicle release_vehicle grant_feature revoke_grant
operator    list_notifications
operator    read_parked replay_parked read_dead_letter replay_dead_letter discard_dead_letter
brand       register_vehicle list_vehicles load_signals drop_signals overlay_signals set_freshness set_trip_settings
brand       read_trouble_codes set_trouble_codes read_default_rules publish_default_rules publish_catalog
brand       read_notification_defaults put_notification_defaults read_templates preview_template put_template
brand       drop_template list_dead_letters
brand       put_feature drop_feature put_plan drop_plan list_parked replay_all_parked read_audit read_books
brand       replay_erasures
anybody     read_me
anybody     read_signals read_freshness read_trip_settings read_catalog
public      health read_openapi read_passport_keys ask_unsubscribe unsubscribe fetch_export
person      read_own_vehicles export_person erase_person read_erasure
person      read_preferences put_preferences read_contact put_contact send_test
inbox       read_sightings
inbox       read_inbox count_unread read_all
item        read_one delete_one
trail       read_trail
hooks       make_webhook list_webhooks
endpoint    read_webhook put_webhook drop_webhook rotate_webhook_secret try_webhook list_webhook_events
endpoint    replay_webhook_event verify_webhook
export      read_export
claiming    claim_vehicle accept_invitation
"""


class Cell(NamedTuple):
    route: str
    caller: str
    column: str
    expected: str


def _tables() -> dict[str, dict[str, list[str]]]:
    found = dict[str, dict[str, list[str]]]()
    for block in _TABLES.strip().split("\n\n"):
        name, *rows = block.splitlines()
        found[name] = {row[2:28].strip(): row[28:].split() for row in rows}
    return found


def routes() -> dict[str, str]:
    """Every route by its function's name, and the table that holds for it."""
    lines = (line.split() for line in _ROUTES.strip().splitlines())
    return {route: table for table, *names in lines for route in names}


def cells() -> list[Cell]:
    tables = _tables()
    return [
        Cell(route, caller, column, expected)
        for route, table in routes().items()
        for caller in CALLERS
        for column, expected in zip(COLUMNS, tables[table][caller], strict=True)
    ]
