"""The signals that our own rules and reckonings go by: paths of the COVESA Vehicle Signal Specification 6.0."""

BATTERY = "Vehicle.Powertrain.TractionBattery."
STATE_OF_CHARGE = BATTERY + "StateOfCharge.Displayed"
IS_CHARGING, CHARGE_LIMIT = BATTERY + "Charging.IsCharging", BATTERY + "Charging.ChargeLimit"
CABLE = BATTERY + "Charging.ChargingPort.AnyPosition.IsChargingCableConnected"
SPEED, IS_MOVING, SYSTEM = "Vehicle.Speed", "Vehicle.IsMoving", "Vehicle.LowVoltageSystemState"
LATITUDE, LONGITUDE = "Vehicle.CurrentLocation.Latitude", "Vehicle.CurrentLocation.Longitude"
ODOMETER = "Vehicle.TraveledDistance"
TROUBLE_CODES = "Vehicle.Diagnostics.DTCList"
_DOORS = [f"Vehicle.Cabin.Door.Row{row}.{side}." for row in (1, 2) for side in ("DriverSide", "PassengerSide")]
OPENINGS = (
    *(door + "IsOpen" for door in _DOORS),
    *(door + "Window.Position" for door in _DOORS),
    *(f"Vehicle.Body.{lid}.IsOpen" for lid in ("Hood", "Trunk.Front", "Trunk.Rear")),
    "Vehicle.Cabin.Sunroof.Position",
)
"""Doors, windows and lids; of a position, anything above 0 is open."""
